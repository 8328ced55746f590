/**
 * The gate in front of msgpackr: one pass over the bytes, no allocation, and only what our tables use gets through.
 *
 * Shape   one array of unsigned integers (up to 32 bits), byte strings and arrays of these; nothing after it.
 * Errors  ProtocolError ERR_MALFORMED for every other byte: extensions, maps, text, floats, negative or 64-bit integers, nil,
 *         booleans, 32-bit lengths, deeper nesting, more elements than allowed, lengths past the end, trailing bytes.
 * Why     msgpackr 2.1.3 decodes extensions (RegExp, typed arrays, record definitions that end in compiled code) whatever its
 *         options say; a decoder that never sees them cannot be talked into them.
 * Source  libraries.md § 4; the msgpack specification for the byte values.
 * @module
 */
import { ProtocolError } from '../errors.ts';

export const SCAN_DEPTH_MAX = 2;

/**
 * @param elementsMax arrays, integers and byte strings together, the outer array included
 */
export function scan(bytes: Uint8Array, elementsMax: number): void {
  if (bytes.length === 0 || !isArrayByte(bytes[0]!)) refuse('not an array');
  const end = scanValue(bytes, 0, 1, { left: elementsMax });
  if (end !== bytes.length) refuse('bytes after the end');
}

function scanValue(bytes: Uint8Array, start: number, depth: number, budget: { left: number }): number {
  if (start >= bytes.length) refuse('cut short');
  if (--budget.left < 0) refuse('too many elements');
  const head = bytes[start]!;
  if (head <= 0x7f) return start + 1; // positive fixint
  if (isArrayByte(head)) {
    if (depth > SCAN_DEPTH_MAX) refuse('nested too deep');
    const wide = head === 0xdc;
    const count = wide ? sizeAt(bytes, start + 1, 2) : head & 0x0f;
    let at = start + (wide ? 3 : 1);
    for (let i = 0; i < count; i++) at = scanValue(bytes, at, depth + 1, budget);
    return at;
  }
  let end: number;
  if (head === 0xcc) end = start + 2;
  else if (head === 0xcd) end = start + 3;
  else if (head === 0xce) end = start + 5;
  else if (head === 0xc4) end = start + 2 + sizeAt(bytes, start + 1, 1);
  else if (head === 0xc5) end = start + 3 + sizeAt(bytes, start + 1, 2);
  else return refuse('a type that no message uses');
  if (end > bytes.length) refuse('cut short');
  return end;
}

/** fixarray and array16. */
function isArrayByte(byte: number): boolean {
  return (byte & 0xf0) === 0x90 || byte === 0xdc;
}

function sizeAt(bytes: Uint8Array, at: number, width: 1 | 2): number {
  if (at + width > bytes.length) refuse('cut short');
  return width === 1 ? bytes[at]! : bytes[at]! * 256 + bytes[at + 1]!;
}

function refuse(reason: string): never {
  throw new ProtocolError('ERR_MALFORMED', reason);
}
