/**
 * Joining and comparing bytes, for the simulator's own stand-ins.
 * @module
 */
export type Part = Uint8Array | string;

export function concatParts(parts: readonly Part[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') out.write(part, at, 'latin1');
    else out.set(part, at);
    at += part.length;
  }
  return out;
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
