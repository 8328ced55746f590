/**
 * The router of a node: messages and exit requests in, messages out.
 *
 * Shape   createRouter(deps, options): ExitRequests for daemon/onion, and what node.ts tells it of links and peers.
 * Errors  nothing that a peer sends throws: bytes that do not match their key close the link, replies to nothing are counted.
 * Why     routed work is for nodes that said who they are. A light client has no place on the ring and reaches the network
 *         through circuits alone, so a request from a link without descriptor closes that link.
 * Source  design §§ 1, 7, 8. The parts: request.ts, insert.ts, copies.ts, exit.ts, handoff.ts; what they share is in core.ts.
 * @module
 */
import type { BlockRef, Replica } from '../ids.ts';
import { distance } from '../keys/location.ts';
import type { Link } from '../link/link-types.ts';
import type { Peer } from '../topology/topology-types.ts';
import type { Message } from '../wire/messages.ts';
import { BusyKeys } from './busy-keys.ts';
import { handleStoreCopy } from './copies.ts';
import { RouterCore, type RouterDeps, type RouterOptions } from './core.ts';
import { exitFetch, exitInsert } from './exit.ts';
import { createHandoff } from './handoff.ts';
import { handleInsert } from './insert.ts';
import { KeyTrace, type TraceReading } from './key-trace.ts';
import { handleOffered } from './offers.ts';
import { rankHops } from './onward.ts';
import { handleFetch } from './request.ts';
import type { ExitRequests, RouterSnapshot } from './router-types.ts';

export type { RouterDeps, RouterOptions } from './core.ts';

const ESTIMATES_SAVE_MS = 600_000;

export interface Router extends ExitRequests {
  handleMessage(link: Link, message: Message): void;
  linkClosed(link: Link): void;
  peerUp(peer: Peer): void;
  peerDown(peer: Peer): void;
  /** A block we own was damaged: fetched again from the others, at low priority. */
  heal(ref: BlockRef, replica: Replica): void;
  /** Before stopping: hands on what we own, for at most so long. */
  leave(limitMs: number): Promise<void>;
  /** Whether requests sent to that peer hardly ever come to something. */
  isUseless(peerKey: string): boolean;
  /** Counts which keys peers ask for most, from now on; or stops, and forgets them. */
  countKeys(on: boolean): void;
  /** Watches what happens to requests for that key; undefined ends it. One at a time. */
  traceKey(ref: BlockRef | undefined): void;
  /** Where requests for the traced key would go now, and what happened to those that came. */
  tracedKey(): TraceReading | undefined;
  snapshot(): RouterSnapshot;
  /** Replies that answered nothing we asked over that link, or came too late. */
  readonly strayReplies: number;
  /** Ends everything under way; no timer is left. */
  stop(): void;
}

export function createRouter(deps: RouterDeps, options: RouterOptions): Router {
  const core = new RouterCore(deps, options);
  const handoff = createHandoff(core, options.handoffBytesPerSec ?? 0);

  function handleMessage(link: Link, message: Message): void {
    if (core.stopped) return;
    switch (message.type) {
      case 'Fetch':
      case 'Insert':
      case 'StoreCopy':
        if (link.peer === undefined) link.close('ERR_UNEXPECTED');
        else if (message.type === 'Fetch') handleFetch(core, link, message);
        else if (message.type === 'Insert') handleInsert(core, link, message);
        else handleStoreCopy(core, link, message);
        return;
      case 'Offered':
        if (link.peer === undefined) link.close('ERR_UNEXPECTED');
        else handleOffered(core, link, message);
        return;
      case 'Credit':
        core.credits.heard(link, message.window);
        return;
      case 'Accepted':
        core.asks.accepted(link, message.id);
        return;
      case 'Data':
      case 'Inserted':
      case 'Collision':
      case 'DataNotFound':
      case 'RouteNotFound':
      case 'RejectedLoop':
      case 'RejectedOverload':
      case 'RecentlyFailed':
        core.asks.handleReply(link, message);
        return;
      default: // topology's and the link's own: node.ts does not bring them here
    }
  }

  let lastSavedMs = deps.clock.nowMs();

  /** Peers come and go now and then: often enough to write, and no timer is needed. */
  function keepEstimates(always = false): void {
    if (deps.records === undefined || (!always && core.nowMs() - lastSavedMs < ESTIMATES_SAVE_MS)) return;
    lastSavedMs = core.nowMs();
    try {
      core.estimates.save(deps.records);
    } catch {
      core.deps.log.write('warn', 'router', 'the estimates could not be written down');
    }
  }

  function forgetPeer(peer: Peer): void {
    core.backoff.forget(peer.key);
    core.trust.forget(peer.key);
    handoff.changed();
  }

  return {
    fetch: (ref, replica, origin = '') => exitFetch(core, ref, replica, origin),
    insert: (ref, replica, owners, work, payload, origin = '') =>
      exitInsert(core, ref, replica, owners, work, payload, origin),
    handleMessage,
    linkClosed(link) {
      core.asks.linkClosed(link);
      core.queued.closed(link);
    },
    peerUp(peer) {
      forgetPeer(peer); // one that comes back starts afresh, but for what its answers were worth
      if (deps.records !== undefined) core.estimates.load(deps.records, peer.key, core.nowMs());
      keepEstimates();
    },
    peerDown: forgetPeer,
    heal: (ref, replica) => handoff.heal(ref, replica),
    leave: (limitMs) => handoff.leave(limitMs),
    isUseless: (peerKey) => core.estimates.isUseless(peerKey),
    countKeys(on) {
      core.busyKeys = on ? (core.busyKeys ?? new BusyKeys()) : undefined;
    },
    traceKey(ref) {
      core.keyTrace = ref === undefined ? undefined : new KeyTrace(ref);
    },
    tracedKey: () => (core.keyTrace === undefined ? undefined : readTrace(core, core.keyTrace)),
    snapshot(): RouterSnapshot {
      core.failures.prune(core.nowMs());
      return {
        ...core.counters.snapshot(),
        pending: core.slots.total,
        failureTable: core.failures.size,
        busyKeys: core.busyKeys?.list(),
      };
    },
    get strayReplies() {
      return core.asks.stray;
    },
    stop() {
      if (!core.stopped) keepEstimates(true);
      core.stop();
    },
  };
}

function readTrace(core: RouterCore, trace: KeyTrace): TraceReading {
  const place = core.deps.locate(trace.ref, 0);
  return {
    place,
    ownDistance: distance(core.deps.view.ownLocation, place),
    candidates: rankHops(core, place).map(({ peer, claim }) => ({
      peerKey: peer.key,
      distance: distance(peer.location, place),
      byClaim: claim !== undefined,
    })),
    steps: [...trace.steps],
  };
}
