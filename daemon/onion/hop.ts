/**
 * Layers of a cell: one hop's pair of ciphers, and how layers are put on and taken off.
 *
 * Shape   layer p of 1..3 seals the first (body - 16 (p - 1)) bytes of the body: ciphertext and tag. What lies behind is fresh random that
 *         the relay before put there, and is dropped. The last hop of n has (body - 16 n) bytes of plaintext.
 * Errors  undefined when a tag does not hold: the circuit must be destroyed. The cipher is then finished for good.
 * Why     the tags eat the body from its end, so a cell has the same length on every link, and a relay at p learns nothing of how
 *         many follow. A relay does one AEAD operation into the cell it sends on, and no other copy.
 * Source  formats.md, row "body at p"; design § 4 (Circuits).
 * @module
 */
import { type CellCipher, type CellSize, createCellCipher } from '../../crypto/cell-cipher.ts';
import type { CircuitKeys } from '../../crypto/ntor.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { bodyOf, CELL_HEADER_BYTES, COMMAND, newCell } from './cell.ts';

const TAG_BYTES = 16;

export interface Hop {
  /** Client to relay. */
  readonly forward: CellCipher;
  readonly backward: CellCipher;
  wipe(): void;
}

/** Takes the keys over: they are wiped here. */
export function createHop(crypto: Crypto, keys: CircuitKeys): Hop {
  const forward = createCellCipher(crypto, keys.forward, 'forward');
  const backward = createCellCipher(crypto, keys.backward, 'backward');
  keys.forward.fill(0);
  keys.backward.fill(0);
  return {
    forward,
    backward,
    wipe() {
      forward.wipe();
      backward.wipe();
    },
  };
}

/** Plaintext bytes of the hop at `position`, if it is the last, in a body of `bodyBytes`. */
export function plaintextBytes(bodyBytes: number, position: number): number {
  return bodyBytes - TAG_BYTES * position;
}

/** Client: the last hop's plaintext stands at the start of the body; every layer goes around it, in place. */
export function sealAllLayers(hops: readonly Hop[], cell: Uint8Array, size: CellSize): void {
  const body = bodyOf(cell);
  for (let position = hops.length; position >= 1; position--) {
    const plaintext = body.subarray(0, plaintextBytes(body.length, position));
    hops[position - 1]!.forward.seal(plaintext, size, body.subarray(0, plaintext.length + TAG_BYTES));
  }
}

/** Client: takes every layer off. The result is a fresh array's view, free to keep. */
export function openAllLayers(hops: readonly Hop[], cell: Uint8Array, size: CellSize): Uint8Array | undefined {
  let sealed = bodyOf(cell);
  // The first layer goes into memory of our own, because the cell may lie in a buffer of the link; the others follow in place.
  let plaintext = new Uint8Array(sealed.length - TAG_BYTES);
  for (const hop of hops) {
    if (hop.backward.open(sealed, size, plaintext) === null) return undefined;
    sealed = plaintext;
    plaintext = plaintext.subarray(0, plaintext.length - TAG_BYTES);
  }
  return sealed;
}

/** Last hop: takes its one layer off a cell from the client's side. The result is a fresh array. */
export function openLast(hop: Hop, position: number, cell: Uint8Array, size: CellSize): Uint8Array | undefined {
  const body = bodyOf(cell);
  const sealed = body.subarray(0, plaintextBytes(body.length, position - 1));
  return hop.forward.open(sealed, size, new Uint8Array(sealed.length - TAG_BYTES)) ?? undefined;
}

/** Last hop: puts its layer around the plaintext that stands at the start of the body, in place. */
export function sealLast(crypto: Crypto, hop: Hop, position: number, cell: Uint8Array, size: CellSize): void {
  const body = bodyOf(cell);
  const plaintext = body.subarray(0, plaintextBytes(body.length, position));
  const sealedBytes = plaintext.length + TAG_BYTES;
  hop.backward.seal(plaintext, size, body.subarray(0, sealedBytes));
  fillRandom(crypto, body, sealedBytes);
}

/** Relay with a next hop: takes its layer off; the cell to send on, or undefined. */
export function peelLayer(
  crypto: Crypto,
  hop: Hop,
  position: number,
  cell: Uint8Array,
  size: CellSize,
  onwardId: number,
): Uint8Array | undefined {
  const body = bodyOf(cell);
  const sealed = body.subarray(0, plaintextBytes(body.length, position - 1));
  const onward = newCell(size, onwardId, COMMAND.relay);
  const plainBytes = sealed.length - TAG_BYTES;
  const dst = onward.subarray(CELL_HEADER_BYTES, CELL_HEADER_BYTES + plainBytes);
  if (hop.forward.open(sealed, size, dst) === null) return undefined;
  fillRandom(crypto, bodyOf(onward), plainBytes);
  return onward;
}

/** Relay with a next hop: puts its layer around what came back from there; the cell to send on. */
export function addLayer(
  crypto: Crypto,
  hop: Hop,
  position: number,
  cell: Uint8Array,
  size: CellSize,
  onwardId: number,
): Uint8Array {
  const body = bodyOf(cell);
  const inner = body.subarray(0, plaintextBytes(body.length, position));
  const onward = newCell(size, onwardId, COMMAND.relay);
  const sealedBytes = inner.length + TAG_BYTES;
  hop.backward.seal(inner, size, onward.subarray(CELL_HEADER_BYTES, CELL_HEADER_BYTES + sealedBytes));
  fillRandom(crypto, bodyOf(onward), sealedBytes);
  return onward;
}

function fillRandom(crypto: Crypto, body: Uint8Array, from: number): void {
  if (from < body.length) body.set(crypto.randomBytes(body.length - from), from);
}
