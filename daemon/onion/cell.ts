/**
 * Cells: the two fixed-size units that a link carries for circuits.
 *
 * Shape   circuit id 4 (big-endian), command 1, reserved 3 (zero), body 2,040 or 34,808. CREATE, CREATED and DESTROY are always
 *         small; the part of their body that carries nothing is random. A DESTROY carries nothing at all.
 * Errors  readCell: undefined for whatever is no cell of ours (the neighbour that sent it broke the protocol).
 * Why     two sizes and no more: lengths say nothing of depth, direction or end of a circuit. The id is drawn per link, so it links
 *         nothing across a hop. The end of a link that dialled it uses ids with the top bit set, the other end ids without: both
 *         can open circuits at the same moment and never collide.
 * Source  formats.md, rows small cell, large cell, CREATE, CREATED; design § 4.
 * @module
 */
import type { CellSize } from '../../crypto/cell-cipher.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { CELL_LARGE_BYTES, CELL_SMALL_BYTES } from '../limits.ts';

export const CELL_HEADER_BYTES = 8;
export const COMMAND = { create: 1, created: 2, relay: 3, destroy: 4 } as const;
export type Command = (typeof COMMAND)[keyof typeof COMMAND];

/** Set in the circuit ids that the dialling end of a link draws. */
export const DIALLER_BIT = 0x8000_0000;

export interface Cell {
  readonly circuitId: number;
  readonly command: Command;
  readonly size: CellSize;
  /** The whole cell; its body starts at CELL_HEADER_BYTES. */
  readonly bytes: Uint8Array;
}

export function readCell(bytes: Uint8Array): Cell | undefined {
  const size = bytes.length === CELL_SMALL_BYTES ? 'small' : bytes.length === CELL_LARGE_BYTES ? 'large' : undefined;
  if (size === undefined) return undefined;
  const command = bytes[4]!;
  if (!isCommand(command) || (size === 'large' && command !== COMMAND.relay)) return undefined;
  if (bytes[5] !== 0 || bytes[6] !== 0 || bytes[7] !== 0) return undefined;
  return { circuitId: readCircuitId(bytes), command, size, bytes };
}

export function readCircuitId(bytes: Uint8Array): number {
  return bytes[0]! * 0x100_0000 + ((bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!);
}

/** A fresh cell of that size, its header written, its body zero. */
export function newCell(size: CellSize, circuitId: number, command: Command): Uint8Array {
  const cell = new Uint8Array(size === 'small' ? CELL_SMALL_BYTES : CELL_LARGE_BYTES);
  cell[0] = circuitId >>> 24;
  cell[1] = circuitId >>> 16;
  cell[2] = circuitId >>> 8;
  cell[3] = circuitId;
  cell[4] = command;
  return cell;
}

export function bodyOf(cell: Uint8Array): Uint8Array {
  return cell.subarray(CELL_HEADER_BYTES);
}

/** CREATE, CREATED or DESTROY: `data`, then random bytes to the end. */
export function controlCell(crypto: Crypto, circuitId: number, command: Command, data?: Uint8Array): Uint8Array {
  const cell = newCell('small', circuitId, command);
  const dataBytes = data?.length ?? 0;
  if (data !== undefined) cell.set(data, CELL_HEADER_BYTES);
  const padAt = CELL_HEADER_BYTES + dataBytes;
  cell.set(crypto.randomBytes(CELL_SMALL_BYTES - padAt), padAt);
  return cell;
}

function isCommand(value: number): value is Command {
  return value >= COMMAND.create && value <= COMMAND.destroy;
}
