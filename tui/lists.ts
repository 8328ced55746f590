/**
 * What the lists of the dashboard hold, in order: peers, transfers, settings, lines of the log.
 *
 * Shape   pure functions of the model; drawing and keys both read them, so that a selection is what it looks like.
 * @module
 */
import type { SettingDocument } from '../config/document.ts';
import type { LogLine, PeerStatus, Status, TransferStatus } from '../daemon/api/schema.ts';
import type { Model } from './model.ts';
import { transfersByInterest } from './transfer-list.ts';

export const PEER_COLUMNS = [
  'alias',
  'location',
  'distance',
  'direction',
  'rtt',
  'age',
  'in',
  'out',
  'queue',
  'version',
] as const;
export type PeerColumn = (typeof PEER_COLUMNS)[number];

/** What the screen shows: the held picture while paused, else the newest. */
export function shownStatus(model: Model): Status | undefined {
  return model.held ?? model.status;
}

/** The peers as the table lists them. */
export function listedPeers(model: Model): readonly PeerStatus[] {
  const wanted = model.filter.toLowerCase();
  const peers = (shownStatus(model)?.peers.list ?? []).filter(
    (peer) =>
      wanted === '' || [peer.alias, peer.direction, peer.version].some((text) => text.toLowerCase().includes(wanted)),
  );
  const sign = model.sort.descending ? -1 : 1;
  const value = VALUE_OF[model.sort.column];
  return peers.toSorted((a, b) => sign * compare(value(a), value(b)) || compare(a.alias, b.alias));
}

const VALUE_OF: Readonly<Record<PeerColumn, (peer: PeerStatus) => string | number>> = {
  alias: (peer) => peer.alias,
  location: (peer) => peer.location,
  distance: (peer) => peer.distance,
  direction: (peer) => peer.direction,
  rtt: (peer) => peer.rttMs ?? Number.POSITIVE_INFINITY,
  age: (peer) => peer.ageMs,
  in: (peer) => peer.bytesIn,
  out: (peer) => peer.bytesOut,
  queue: (peer) => peer.queuedBytes,
  version: (peer) => peer.version,
};

/** `p9` before `p10`: aliases grow past two digits. */
function compare(a: string | number, b: string | number): number {
  if (typeof a === 'string' && typeof b === 'string') {
    return a.length === b.length || !/^p\d+$/.test(a) ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** In the order of the ring, from 0.0 on. */
export function ringPeers(model: Model): readonly PeerStatus[] {
  const peers = shownStatus(model)?.peers.list ?? [];
  return peers.toSorted((a, b) => a.location - b.location || compare(a.alias, b.alias));
}

export function listedSettings(model: Model): readonly SettingDocument[] {
  const wanted = model.filter.toLowerCase();
  return (model.config?.settings ?? []).filter(({ key, sentence }) =>
    `${key} ${sentence}`.toLowerCase().includes(wanted),
  );
}

/** Newest first. */
export function listedLog(model: Model): readonly LogLine[] {
  const wanted = model.filter.toLowerCase();
  return (shownStatus(model)?.log ?? [])
    .filter((line) => wanted === '' || `${line.level} ${line.subsystem} ${line.text}`.toLowerCase().includes(wanted))
    .toReversed();
}

export function listedTransfers(model: Model): readonly TransferStatus[] {
  const status = shownStatus(model);
  return status === undefined ? [] : transfersByInterest(status);
}

/** The selected one, else the first. */
export function selectedTransfer(model: Model): TransferStatus | undefined {
  const transfers = listedTransfers(model);
  return transfers.find(({ alias }) => alias === model.selectedTransfer) ?? transfers[0];
}

/** How many lines the list of the open tab has. */
export function linesOf(model: Model): number {
  const status = shownStatus(model);
  if (model.tab === 'config') return listedSettings(model).length;
  if (status === undefined) return 0;
  if (model.tab === 'routing') return status.requests.byHtl.filter(({ seen }) => seen > 0).length;
  if (model.tab === 'circuits') return status.circuits.list.length;
  return model.tab === 'log' ? listedLog(model).length : 0;
}
