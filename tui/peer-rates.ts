/**
 * Traffic of each peer over the last minute, from what successive pictures say.
 *
 * Shape   followPeers(before, status) -> PeerRates; a rate is bytes in and out together.
 * Unit    bytes per second, one value for each second or more between two pictures; 60 at most.
 * Errors  none: a daemon that began again, or a silence, begins a new line instead of a false peak.
 * Why     here and not in the daemon: only a dashboard that looks needs it. Time is the daemon's own uptime, so a clock that is set
 *         on either side changes nothing.
 * @module
 */
import type { Status } from '../daemon/api/schema.ts';

export const RATES_KEPT = 60;
const SPACING_MS = 950;
const SILENCE_MS = 15_000;

export interface PeerRates {
  readonly uptimeMs: number;
  readonly of: ReadonlyMap<string, { readonly bytes: number; readonly perSec: readonly number[] }>;
}

export function followPeers(before: PeerRates | undefined, status: Status): PeerRates {
  const elapsedMs = status.uptimeMs - (before?.uptimeMs ?? 0);
  if (before !== undefined && elapsedMs >= 0 && elapsedMs < SPACING_MS) return before;
  const goesOn = before !== undefined && elapsedMs > 0 && elapsedMs <= SILENCE_MS;
  const of = new Map(
    status.peers.list.map((peer) => {
      const bytes = peer.bytesIn + peer.bytesOut;
      const known = goesOn ? before.of.get(peer.alias) : undefined;
      if (known === undefined) return [peer.alias, { bytes, perSec: [] }];
      const rate = Math.max(0, Math.round(((bytes - known.bytes) * 1_000) / elapsedMs));
      return [peer.alias, { bytes, perSec: [...known.perSec.slice(1 - RATES_KEPT), rate] }];
    }),
  );
  return { uptimeMs: status.uptimeMs, of };
}
