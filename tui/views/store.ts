/**
 * Store: what this node keeps for the network, how full it is, who asked and whether it was there.
 * @module
 */

import type { RegionStatus, Status, StoreStatus } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import type { BusyKeysDocument } from '../../daemon/api/schema-owner.ts';
import { type Area, columns, stack } from '../cells.ts';
import { formatBytes, formatCount, formatLocation, formatShare, padStart } from '../format.ts';
import type { Model } from '../model.ts';
import { box, type Fact, type Frame, facts, wrap } from '../widgets/frame.ts';
import { type Column, table } from '../widgets/table.ts';

export const STORE_NUMBERS: readonly ShownNumber[] = [
  'store.store.blocks',
  'store.store.bytes',
  'store.store.bytesMax',
  'store.store.hits',
  'store.store.evicted',
  'store.store.fillShare',
  'store.store.hitShare',
  'store.cache.blocks',
  'store.cache.bytes',
  'store.cache.bytesMax',
  'store.cache.hits',
  'store.cache.evicted',
  'store.cache.fillShare',
  'store.cache.hitShare',
  'store.records',
  'store.lookups',
  'store.misses',
  'store.missShare',
  'store.damaged',
  'store.writeFailures',
  'store.copies.owner',
  'store.copies.path',
  'store.copies.handoff',
  'store.sizeBytes',
  'store.writtenBytesPerSec',
  'store.diskFreeBytes',
  'busy.count',
  'busy.error',
  'busy.place',
];

export function drawStore(frame: Frame, area: Area, model: Model, status: Status): void {
  const { store } = status;
  if (frame.layout === 'narrow') {
    const isCounting = model.busy?.isCounting === true && !status.readOnly;
    const [facts, busy] = isCounting ? stack(area, 0, 7) : [area];
    drawNarrow(frame, facts!, store);
    if (busy !== undefined) drawBusy(frame, busy, model, status);
    return;
  }
  const [top, middle, bottom] = stack(area, 7, 6, 0) as [Area, Area, Area];
  const [left, right] = columns(top, 1, 1) as [Area, Area];
  drawRegion(frame, left, 'Store: blocks near our place', store.store, store.lookups);
  drawRegion(frame, right, 'Cache: blocks that passed by', store.cache, store.lookups);
  const [reads, copies] = columns(middle, 1, 1) as [Area, Area];
  facts(frame, box(frame, reads, 'Reads, since start'), readFacts(store), 12, 7);
  facts(frame, box(frame, copies, 'Copies taken, by reason'), copyFacts(store), 12, 7);
  const [disk, busy] = columns(bottom, 1, 1) as [Area, Area];
  drawHealth(frame, disk, store);
  drawBusy(frame, busy, model, status);
}

function drawRegion(frame: Frame, area: Area, title: string, region: RegionStatus, lookups: number): void {
  const inside = box(frame, area, title);
  if (region.blocks === 0) {
    const text = `Empty: ${formatBytes(region.bytesMax)} wait for blocks. They come as others publish and fetch; nothing of yours is kept here.`;
    for (const [y, line] of wrap(text, inside.width).entries()) frame.canvas.text(inside, 0, y, line, 'dim');
    return;
  }
  facts(
    frame,
    inside,
    [
      {
        label: 'used',
        value: `${formatBytes(region.bytes)} of ${formatBytes(region.bytesMax)}`,
        note: padStart(formatShare(region.bytes, region.bytesMax), 4),
        share: region.bytes / Math.max(1, region.bytesMax),
      },
      { label: 'blocks', value: formatCount(region.blocks) },
      { label: 'hits', value: formatCount(region.hits), note: `${formatShare(region.hits, lookups)} of reads` },
      {
        label: 'evicted',
        value: formatCount(region.evicted),
        note: region.evicted > 0 ? 'to make room' : 'nothing yet',
      },
    ],
    9,
  );
}

function readFacts(store: StoreStatus): Fact[] {
  const part = (label: string, count: number): Fact => ({
    label,
    value: padStart(formatCount(count), 7),
    note: padStart(formatShare(count, store.lookups), 4),
    share: store.lookups === 0 ? 0 : count / store.lookups,
  });
  return [
    { label: 'asked', value: padStart(formatCount(store.lookups), 7) },
    part('  in store', store.store.hits),
    part('  in cache', store.cache.hits),
    part('  missing', store.misses),
  ];
}

function copyFacts(store: StoreStatus): Fact[] {
  const line = (label: string, count: number, note: string): Fact => ({
    label,
    value: padStart(formatCount(count), 7),
    note,
  });
  return [
    line('as owner', store.copies.owner, 'we are near'),
    line('in passing', store.copies.path, 'it passed by'),
    line('handed over', store.copies.handoff, 'by an owner'),
    line('records', store.records, 'kept now'),
  ];
}

function drawHealth(frame: Frame, area: Area, store: StoreStatus): void {
  const inside = box(frame, area, 'Disk');
  const damaged: Fact =
    store.damaged > 0
      ? {
          label: 'damaged',
          value: formatCount(store.damaged),
          role: 'warn',
          note: 'check the disk',
        }
      : { label: 'damaged', value: '0', note: 'every read matched its key' };
  const refused: Fact =
    store.writeFailures > 0
      ? {
          label: 'writes',
          value: `${formatCount(store.writeFailures)} refused`,
          role: 'warn',
          note: 'free some space or remount the disk',
        }
      : { label: 'writes', value: '0 refused', note: 'the disk takes them' };
  facts(frame, inside, [...roomFacts(store), damaged, refused], 10);
  const text =
    'What lies here belongs to the network. This node cannot read it: it routes on it, checks it, and holds no key to it.';
  const lines = wrap(text, inside.width);
  if (lines.length + 5 > inside.height) return; // whole, or not at all
  for (const [y, line] of lines.entries()) frame.canvas.text(inside, 0, y + 5, line, 'dim');
}

function roomFacts(store: StoreStatus): Fact[] {
  const { diskFreeBytes, writtenBytesPerSec, sizeBytes } = store;
  const grows = Math.max(0, sizeBytes - store.store.bytes - store.cache.bytes);
  const isShort = diskFreeBytes != null && diskFreeBytes < grows;
  return [
    {
      label: 'free',
      value: formatBytes(diskFreeBytes ?? null),
      note: isShort ? `the store may grow by ${formatBytes(grows)}: R resizes` : 'on this disk',
      role: isShort ? 'warn' : 'plain',
    },
    { label: 'written', value: `${formatBytes(writtenBytesPerSec ?? 0)}/s`, note: 'blocks, last 60 s' },
  ];
}

/** Only counted while its owner wants it: what a node keeps about keys can be taken from it. */
function drawBusy(frame: Frame, area: Area, model: Model, status: Status): void {
  const { busy } = model;
  const isCounting = busy?.isCounting === true && !status.readOnly && !model.readOnly;
  const inside = box(frame, area, 'Busy keys', isCounting ? { note: 'K stops, and forgets' } : {});
  const text = isCounting
    ? 'Counting: the blocks that peers ask for most appear here, under aliases.'
    : status.readOnly || model.readOnly
      ? 'Not shown on the read-only socket.'
      : 'Not counted. K counts which blocks peers ask for: in memory only, under aliases, until K again.';
  if (!isCounting || busy.keys.length === 0) {
    for (const [y, line] of wrap(text, inside.width).entries()) frame.canvas.text(inside, 0, y, line, 'dim');
    return;
  }
  table(frame, inside, BUSY_COLUMNS, busy.keys, {});
}

type BusyRow = BusyKeysDocument['keys'][number];
const BUSY_COLUMNS: readonly Column<BusyRow>[] = [
  { title: 'Key', width: 5, priority: 1, text: ({ alias }) => alias },
  { title: 'Kind', width: 7, priority: 3, text: ({ kind }) => kind },
  { title: 'Place', width: 5, right: true, priority: 4, text: ({ place }) => formatLocation(place) },
  {
    title: 'Asked',
    width: 11,
    right: true,
    priority: 2,
    text: ({ count, error }) =>
      error === 0 ? formatCount(count) : `${formatCount(count - error)}-${formatCount(count)}`,
  },
];

function drawNarrow(frame: Frame, area: Area, store: StoreStatus): void {
  facts(frame, box(frame, area, 'Store'), narrowFacts(store), 10);
}

function narrowFacts(store: StoreStatus): Fact[] {
  const region = (label: string, { bytes, bytesMax }: RegionStatus): Fact => ({
    label,
    value: `${formatBytes(bytes)} of ${formatBytes(bytesMax)}`,
    share: bytes / Math.max(1, bytesMax),
    note: padStart(formatShare(bytes, bytesMax), 4),
  });
  return [
    region('store', store.store),
    region('cache', store.cache),
    {
      label: 'hits',
      value: `store ${formatShare(store.store.hits, store.lookups)}  cache ${formatShare(store.cache.hits, store.lookups)}`,
      note: `${formatCount(store.lookups)} reads`,
    },
    { label: 'evicted', value: `store ${formatCount(store.store.evicted)}  cache ${formatCount(store.cache.evicted)}` },
    { label: 'blocks', value: `store ${formatCount(store.store.blocks)}  cache ${formatCount(store.cache.blocks)}` },
    {
      label: 'disk',
      value: `damaged ${formatCount(store.damaged)}  refused ${formatCount(store.writeFailures)}`,
      role: store.damaged + store.writeFailures > 0 ? 'warn' : 'plain',
    },
    {
      label: 'copies',
      value: `owner ${formatCount(store.copies.owner)}  passing ${formatCount(store.copies.path)}`,
      note: `handed over ${formatCount(store.copies.handoff)}`,
    },
    { label: 'records', value: formatCount(store.records) },
    ...roomFacts(store),
  ];
}

export function storeCard(frame: Frame, area: Area, model: Model, status: Status): void {
  if (model.busy?.isCounting === true && !status.readOnly && model.busy.keys.length > 0) {
    table(frame, area, BUSY_COLUMNS, model.busy.keys, {});
    return;
  }
  facts(frame, area, narrowFacts(status.store).slice(0, 6), 9);
}
