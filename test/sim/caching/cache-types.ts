/**
 * What a cache of the comparison does: be asked for a key, and be offered one that it did not have.
 *
 * Shape   the trace's position goes with both, for the one policy that knows the future.
 * @module
 */
export interface Cache {
  /** @returns whether it was there */
  get(key: number, position: number): boolean;
  /** After a miss, the block that came. It may be refused. */
  put(key: number, position: number): void;
}
