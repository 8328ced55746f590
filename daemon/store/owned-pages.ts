/**
 * What this node owns, a page at a time, read from the disk: keys are not in memory.
 *
 * Shape   a cursor counts slots first, then rows of the record shelf behind them.
 * @module
 */
import type { RecordShelf } from './record-shelf.ts';
import type { SlotShelf } from './slot-shelf.ts';
import { SLOT, type SlotTable } from './slot-table.ts';
import type { OwnedPage } from './store-types.ts';

/** Slots or rows looked at for one page: 16 KiB of entries. */
const PAGE = 256;
/** Cursors of rows begin here, above any slot. */
const ROWS_AT = 2 ** 40;

interface PagesDeps {
  readonly table: SlotTable;
  readonly blocks: SlotShelf;
  readonly shelf: RecordShelf;
}

export async function readOwnedPage(
  { table, blocks, shelf }: PagesDeps,
  from: number,
  wanted: (coarse: number) => boolean = () => true,
): Promise<OwnedPage> {
  if (from >= ROWS_AT) {
    const first = from - ROWS_AT;
    const held = [];
    for (let row = first; row < Math.min(first + PAGE, shelf.rows); row++) {
      const coarse = shelf.coarseAt(row);
      const found = coarse !== undefined && wanted(coarse) ? shelf.ownedAt(row) : undefined;
      if (found !== undefined) held.push({ ref: found.ref, replica: found.replica });
    }
    return { held, next: first + PAGE < shelf.rows ? from + PAGE : undefined };
  }
  const to = Math.min(from + PAGE, table.capacity);
  let isAnyWanted = false;
  for (let slot = from; slot < to && !isAnyWanted; slot++) {
    isAnyWanted = table.state[slot] === SLOT.store && wanted(table.coarse[slot]!);
  }
  const found = isAnyWanted ? await blocks.ownedIn(from, to) : [];
  return {
    held: found.filter(({ coarse }) => wanted(coarse)).map(({ ref, replica }) => ({ ref, replica })),
    next: to < table.capacity ? to : ROWS_AT,
  };
}
