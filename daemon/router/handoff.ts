/**
 * Owned blocks follow their owners: offered to whoever became one, and fetched again when our own copy is damaged.
 *
 * Shape   when peers came, went or we moved, and it has been calm for CALM_MS, everything owned is looked at, a page at a time. A block
 *         whose m nearest nodes, as we know them, changed is offered (StoreCopy) to those who are new among them. leave() does the same
 *         as if we were gone, as long as there is time.
 * Rule    only the OFFERERS nearest of the former owners offer, or each newcomer would be sent every block m times. One offer at a time,
 *         under bytesPerSec, and not while the link has anything waiting.
 * Unit    m as in owners.ts; milliseconds; bytes per second of blocks.
 * Errors  none: whoever does not take a block is not asked again for this change. Other owners have it too.
 * Why     a network whose nodes come and go daily loses its replicas without this. What happened before CALM_MS after our start is our own
 *         arrival and not a change of the network: it is the base that later changes are measured against.
 * Source  design §§ 8, 9.
 * @module
 */
import { type BlockRef, KIND, type Replica, type RingLocation, ringLocation } from '../ids.ts';
import { distance } from '../keys/location.ts';
import { HEALS_WAITING_MAX } from '../limits.ts';
import type { Peer } from '../topology/topology-types.ts';
import type { RouterCore } from './core.ts';
import { fetchOut } from './exit.ts';
import { drawHtl } from './htl.ts';
import { ownersOfFetch, ownersWanted } from './owners.ts';

const CALM_MS = 30_000;
const OFFERERS = 2;
const OFFER_MS = 10_000;
const BUSY_PAUSE_MS = 250;
/** Between two pages of the store that held nothing to offer. */
const PAGE_PAUSE_MS = 10;
const HEAL_MS = 12_000;
/** Unit of a place in the store's index. */
const COARSE_RING = 2 ** 24;

/** A node by its key; we ourselves are the empty one. */
type Places = ReadonlyMap<string, RingLocation>;
const SELF = '';

export interface Handoff {
  /** Peers came or went. */
  changed(): void;
  /** Our copy is gone: others may have it. */
  heal(ref: BlockRef, replica: Replica): void;
  /** Offers what we hold to those who own it without us, for so long. */
  leave(limitMs: number): Promise<void>;
}

export function createHandoff(core: RouterCore, bytesPerSec: number): Handoff {
  const { view, store, locate } = core.deps;
  /** What the network looked like when everything was last looked at; undefined until it was calm once. */
  let before: Places | undefined;
  let changedAtMs = core.nowMs();
  let isWaiting = false;
  let isLeaving = false;
  const heals: { readonly ref: BlockRef; readonly replica: Replica }[] = [];
  let isHealing = false;

  function placesNow(): Places {
    const places = new Map<string, RingLocation>(isLeaving ? [] : [[SELF, view.ownLocation]]);
    for (const peer of core.peers()) if (peer.link.isOpen) places.set(peer.key, peer.location);
    return places;
  }

  async function watch(): Promise<void> {
    if (isWaiting || bytesPerSec === 0) return;
    isWaiting = true;
    while (!core.stopped && !isLeaving) {
      const calmInMs = changedAtMs + CALM_MS - core.nowMs();
      if (calmInMs > 0) {
        await core.sleep(calmInMs);
        continue;
      }
      const after = placesNow();
      const since = before;
      before = after;
      const seenAtMs = changedAtMs;
      if (since !== undefined) await offerAll(since, after, () => !isLeaving);
      if (changedAtMs === seenAtMs) break;
    }
    isWaiting = false;
  }

  /** Looks at everything owned; offers what has new owners. */
  async function offerAll(since: Places, after: Places, mayGoOn: () => boolean): Promise<void> {
    const moved = [...new Set([...since.keys(), ...after.keys()])].filter((key) => since.get(key) !== after.get(key));
    if (moved.length === 0) return;
    const spots = moved.flatMap((key) => [since.get(key), after.get(key)]).filter((place) => place !== undefined);
    const stable = [...after].filter(([key]) => !moved.includes(key)).map(([, place]) => place);
    const most = ownersWanted(Math.max(core.options.owners, core.options.ownersReplicated), view.estimatedNodes());
    /** Whether one of those that changed is or was among the nearest there. */
    const isTouched = (coarse: number): boolean => {
      const place = ringLocation(coarse / COARSE_RING);
      const nearestChange = Math.min(...spots.map((spot) => distance(spot, place)));
      return stable.filter((other) => distance(other, place) < nearestChange).length < most;
    };
    for (let from: number | undefined = 0; from !== undefined && mayGoOn() && !core.stopped; ) {
      const page = await store.owned(from, isTouched);
      for (const { ref, replica } of page.held) {
        for (const peer of newOwners(ref, replica, since, after)) {
          if (!mayGoOn() || core.stopped) return;
          await offer(ref, replica, peer);
        }
      }
      from = page.next;
      if (from !== undefined && !isLeaving) await core.sleep(PAGE_PAUSE_MS);
    }
  }

  function newOwners(ref: BlockRef, replica: Replica, since: Places, after: Places): Peer[] {
    const target = locate(ref, replica);
    const m = ownersWanted(ownersOfFetch(ref, replica, core.options), view.estimatedNodes());
    const former = nearest(since, target).slice(0, m);
    const rank = former.indexOf(SELF);
    if (rank < 0 || rank >= OFFERERS) return [];
    const current = nearest(after, target).slice(0, m);
    const isNew = (peer: Peer): boolean => current.includes(peer.key) && !former.includes(peer.key);
    return core.peers().filter((peer) => peer.link.isOpen && isNew(peer));
  }

  async function offer(ref: BlockRef, replica: Replica, peer: Peer): Promise<void> {
    while (peer.link.queuedBytes > 0 && peer.link.isOpen && !core.stopped && !isLeaving)
      await core.sleep(BUSY_PAUSE_MS);
    const payload = await store.get(ref, { touch: false });
    if (payload === undefined || !peer.link.isOpen) return;
    const owners = ownersWanted(ownersOfFetch(ref, replica, core.options), view.estimatedNodes());
    core.counters.totals.handoffsOffered++;
    const work = new Uint8Array(8);
    const result = await core.asks.ask(peer.link, { acceptMs: OFFER_MS, answerMs: OFFER_MS }, (id) => {
      return { type: 'StoreCopy', id, kind: ref.kind, key: ref.key, replica, owners, work, payload, handoff: 1 };
    });
    if (result.type === 'timeout') core.counters.totals.timeouts++;
    if (result.type === 'reply') {
      const { reply } = result;
      if (reply.type === 'RejectedOverload') core.backoff.overloaded(peer.key, core.nowMs(), reply.retryMs);
      if (reply.type === 'Inserted' && reply.copies > 0) core.counters.totals.handoffsTaken++;
    }
    if (!isLeaving) await core.sleep(Math.ceil((payload.length * 1_000) / bytesPerSec));
  }

  async function healAll(): Promise<void> {
    if (isHealing) return;
    isHealing = true;
    for (let lost = heals.shift(); lost !== undefined && !core.stopped; lost = heals.shift()) {
      const { ref, replica } = lost;
      if (store.has(ref)) continue;
      const found = await fetchOut(core, ref, replica, drawHtl(core.htlDraws), core.nowMs() + HEAL_MS);
      if (found.type !== 'data') continue;
      const kept = await store.put(ref, replica, found.payload, 'handoff');
      if (kept.type === 'stored') {
        core.counters.totals.healed++;
        core.deps.trace?.record({ type: 'copyKept', ref, reason: 'handoff', by: 'dataReturned' });
      }
      if (bytesPerSec > 0) await core.sleep(Math.ceil((found.payload.length * 1_000) / bytesPerSec));
    }
    isHealing = false;
  }

  return {
    changed() {
      changedAtMs = core.nowMs();
      void watch();
    },

    heal(ref, replica) {
      // A pointer may have moved on meanwhile: its owners keep each other up to date when it is published.
      if (ref.kind === KIND.pointer || heals.length >= HEALS_WAITING_MAX || core.stopped) return;
      heals.push({ ref, replica });
      void healAll();
    },

    async leave(limitMs) {
      if (bytesPerSec === 0 || before === undefined || core.stopped) return;
      const endMs = core.nowMs() + limitMs;
      const since = before;
      isLeaving = true;
      await core.by(
        endMs,
        offerAll(since, placesNow(), () => core.nowMs() < endMs),
      );
    },
  };
}

/** Keys, nearest first, ties by key. */
function nearest(places: Places, target: RingLocation): string[] {
  return [...places]
    .map(([key, place]) => ({ key, away: distance(place, target) }))
    .sort((a, b) => a.away - b.away || (a.key < b.key ? -1 : 1))
    .map(({ key }) => key);
}
