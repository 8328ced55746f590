/**
 * Every way to mark cells in flight: random and chosen changes, drops, repeats, swaps, splices, cells of elsewhere.
 *
 * Shape   each takes the three cells in flight on one segment and returns what arrives; cell 0 always passes unharmed, so that counters
 *         are past their start.
 * @module
 */

import { CELL_LARGE_BYTES, CELL_SMALL_BYTES } from '../../../daemon/limits.ts';
import { CELL_HEADER_BYTES, COMMAND } from '../../../daemon/onion/cell.ts';
import type { SimRandom } from '../world/fast-random.ts';
import { type Segment, tailBytes } from './circuit-model.ts';

export interface Scene {
  readonly random: SimRandom;
  readonly segment: Segment;
  /** A cell of another circuit under the same id, and one of this circuit going the other way. */
  readonly foreign: Uint8Array;
  readonly reverse: Uint8Array;
}

export type Tampering = (cells: Uint8Array[], scene: Scene) => Uint8Array[];

/** The last byte that a layer covers on this segment, exclusive. */
const sealedEnd = (cell: Uint8Array, segment: Segment): number => cell.length - tailBytes(segment);

function changed(cells: Uint8Array[], change: (cell: Uint8Array) => void): Uint8Array[] {
  const cell = cells[1]!.slice();
  change(cell);
  return [cells[0]!, cell, ...cells.slice(2)];
}

const bitAt = (where: (cell: Uint8Array, scene: Scene) => number): Tampering => {
  return (cells, scene) =>
    changed(cells, (cell) => {
      cell[where(cell, scene)]! ^= 1 << scene.random.below(8);
    });
};

export const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  'random bit': bitAt(
    (cell, { random, segment }) => CELL_HEADER_BYTES + random.below(sealedEnd(cell, segment) - CELL_HEADER_BYTES),
  ),
  'first byte': bitAt(() => CELL_HEADER_BYTES),
  'request id': bitAt((_cell, { random }) => CELL_HEADER_BYTES + 4 + random.below(4)),
  'tag of the layer': bitAt((cell, { random, segment }) => sealedEnd(cell, segment) - 1 - random.below(16)),
  'tag of the next layer': bitAt((cell, { random, segment }) => sealedEnd(cell, segment) - 17 - random.below(16)),
  'random bytes': (cells, { random, segment }) =>
    changed(cells, (cell) => {
      const at = CELL_HEADER_BYTES + random.below(sealedEnd(cell, segment) - CELL_HEADER_BYTES - 64);
      const first = cell[at]! ^ (1 + random.below(255)); // never what it was
      cell.set(random.bytes(1 + random.below(64)), at);
      cell[at] = first;
    }),
  'all zero': (cells) => changed(cells, (cell) => cell.fill(0, CELL_HEADER_BYTES)),
  'all random': (cells, { random }) => {
    return changed(cells, (cell) => cell.set(random.bytes(cell.length - CELL_HEADER_BYTES), CELL_HEADER_BYTES));
  },
  'spliced halves': (cells, { random }) =>
    changed(cells, (cell) => {
      const other = cells[2]!;
      const at = CELL_HEADER_BYTES + 8 + random.below(Math.min(cell.length, other.length) - CELL_HEADER_BYTES - 64);
      cell.set(other.subarray(CELL_HEADER_BYTES, at), CELL_HEADER_BYTES);
    }),
  dropped: (cells) => [cells[0]!, ...cells.slice(2)],
  repeated: (cells) => [cells[0]!, cells[1]!, cells[1]!.slice(), ...cells.slice(2)],
  'repeated late': (cells) => [...cells.slice(0, 2), cells[0]!.slice(), ...cells.slice(2)],
  swapped: (cells) => [cells[0]!, cells[2]!, cells[1]!],
  'of another circuit': (cells, { foreign }) => [cells[0]!, foreign.slice(), ...cells.slice(2)],
  'slipped in': (cells, { foreign }) => [cells[0]!, foreign.slice(), ...cells.slice(1)],
  reflected: (cells, { reverse }) => [cells[0]!, reverse.slice(), ...cells.slice(2)],
  'other size': (cells, { random }) => {
    const cell = cells[1]!;
    const other = new Uint8Array(cell.length === CELL_SMALL_BYTES ? CELL_LARGE_BYTES : CELL_SMALL_BYTES);
    other.set(cell.subarray(0, Math.min(cell.length, other.length)));
    if (other.length > cell.length) other.set(random.bytes(other.length - cell.length), cell.length);
    return [cells[0]!, other, ...cells.slice(2)];
  },
  'cut short': (cells, { random }) => [
    cells[0]!,
    cells[1]!.subarray(0, random.below(cells[1]!.length)),
    ...cells.slice(2),
  ],
  'other command': (cells, { random }) =>
    changed(cells, (cell) => {
      const others = [0, COMMAND.create, COMMAND.created, 5 + random.below(250)];
      cell[4] = others[random.below(others.length)]!;
    }),
  'other circuit id': bitAt((_cell, { random }) => random.below(4)),
  'reserved bytes': bitAt((_cell, { random }) => 5 + random.below(3)),
};

/** The tail that no layer covers: the receiver drops it, so this one must change nothing at all. */
export const tailChange: Tampering = (cells, { random, segment }) =>
  changed(cells, (cell) => cell.set(random.bytes(tailBytes(segment)), sealedEnd(cell, segment)));
