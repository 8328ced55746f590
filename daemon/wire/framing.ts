/**
 * Frames: how messages, cells, padding and key changes lie one after another in the plaintext of a link record.
 *
 * Shape   u8 type, u16 big-endian length, body. Frames fill a record exactly; none crosses into the next.
 * Errors  ProtocolError ERR_MALFORMED for an unknown type, a cell of the wrong size, a cut frame, or a frame after a rekey.
 * Source  formats.md "frame in a record"; PROTOCOL.md § 5.
 * @module
 */
import { ProtocolError } from '../errors.ts';
import { CELL_LARGE_BYTES, CELL_SMALL_BYTES, FRAME_HEADER_BYTES, RECORD_PLAINTEXT_MAX } from '../limits.ts';

export const FRAME = { pad: 0, rekey: 1, message: 2, smallCell: 3, largeCell: 4 } as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Longest body: one frame that fills a record. */
export const FRAME_BODY_MAX = RECORD_PLAINTEXT_MAX - FRAME_HEADER_BYTES;

/** Writes header and body at `offset`, returns the offset behind them. A body of zeros is given by its length. */
export function writeFrame(target: Uint8Array, offset: number, type: FrameType, body: Uint8Array | number): number {
  const length = typeof body === 'number' ? body : body.length;
  target[offset] = type;
  target[offset + 1] = length >>> 8;
  target[offset + 2] = length & 0xff;
  const start = offset + FRAME_HEADER_BYTES;
  if (typeof body === 'number') target.fill(0, start, start + length);
  else target.set(body, start);
  return start + length;
}

/**
 * Calls `visit` for each frame in order; bodies are views of `plaintext`.
 * @param visit returns false to stop (the link closed meanwhile)
 */
export function readFrames(plaintext: Uint8Array, visit: (type: FrameType, body: Uint8Array) => boolean): void {
  let at = 0;
  while (at < plaintext.length) {
    if (at + FRAME_HEADER_BYTES > plaintext.length) refuse('a cut frame header');
    const type = plaintext[at]!;
    const length = plaintext[at + 1]! * 256 + plaintext[at + 2]!;
    const end = at + FRAME_HEADER_BYTES + length;
    if (end > plaintext.length) refuse('a frame longer than its record');
    if (!isFrameType(type)) refuse('an unknown frame type');
    if (type === FRAME.smallCell && length !== CELL_SMALL_BYTES) refuse('a small cell of another size');
    if (type === FRAME.largeCell && length !== CELL_LARGE_BYTES) refuse('a large cell of another size');
    if (type === FRAME.rekey && (length !== 0 || end !== plaintext.length)) refuse('a rekey frame ends its record');
    if (!visit(type, plaintext.subarray(at + FRAME_HEADER_BYTES, end))) return;
    at = end;
  }
}

function isFrameType(type: number): type is FrameType {
  return type <= FRAME.largeCell;
}

function refuse(reason: string): never {
  throw new ProtocolError('ERR_MALFORMED', reason);
}
