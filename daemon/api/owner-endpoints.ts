/**
 * What the owner of a node looks at closely, or changes, while watching: peers, blocks of a transfer, busy keys, the way of one key.
 *
 * Unit    a ban lasts BAN_MS_MIN..BAN_MS_MAX; a traced key is forgotten TRACE_LEFT_MS after the last look at it.
 * Errors  LocalError usage, unknown_transfer, bad_uri, bad_invite and its kin.
 * Why     none of it is in a Status and none on the read-only socket: what is asked for costs nothing while nobody asks, and keeps nothing after.
 *         Keys get an alias of this run, drawn at random.
 * Source  ux § 1.2.
 * @module
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BLOCK_STATES } from '../client/block-map.ts';
import { fetchableUri } from '../client/named-documents.ts';
import { LocalError } from '../errors.ts';
import { type BlockRef, fromHexKey, KIND, type Kind, routingKey } from '../ids.ts';
import type { Node } from '../node-types.ts';
import type { Clock, Timer } from '../ports.ts';
import { readJson, sendJson } from './http.ts';
import type { BlockMapDocument, BusyKeysDocument, PeersAddedDocument, RouteDocument } from './schema-owner.ts';
import type { StatusSource } from './status.ts';

export const BAN_MS_MIN = 1_000;
export const BAN_MS_MAX = 30 * 86_400_000;
const TRACE_LEFT_MS = 30_000;
const ALIASES_KEPT = 100;

export interface OwnerDeps {
  readonly node: Node;
  readonly clock: Clock;
  readonly status: StatusSource;
  /** An invite or descriptors as text. Throws LocalError bad_invite and its kin. */
  readonly readPeers: (text: string) => readonly Uint8Array[];
}

export interface OwnerEndpoints {
  blockMap(response: ServerResponse, id: string): void;
  ban(request: IncomingMessage, response: ServerResponse): Promise<void>;
  add(request: IncomingMessage, response: ServerResponse): Promise<void>;
  busyKeys(response: ServerResponse): void;
  countKeys(request: IncomingMessage, response: ServerResponse): Promise<void>;
  route(response: ServerResponse): void;
  traceKey(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

const KIND_NAMES = new Map<number, string>(Object.entries(KIND).map(([name, kind]) => [kind, name]));

export function createOwnerEndpoints({ node, clock, status, readPeers }: OwnerDeps): OwnerEndpoints {
  /** Of busy keys, by their name in the router. */
  const aliases = new Map<string, string>();
  let forgetting: Timer | undefined;

  function aliasOf(name: string): string {
    let alias = aliases.get(name);
    while (alias === undefined || (!aliases.has(name) && [...aliases.values()].includes(alias)))
      alias = `k-${randomBytes(2).toString('hex').slice(0, 3)}`;
    aliases.set(name, alias);
    const oldest = aliases.keys().next().value;
    if (aliases.size > ALIASES_KEPT && oldest !== undefined) aliases.delete(oldest);
    return alias;
  }

  function busyDocument(): BusyKeysDocument {
    const counted = node.snapshot().router.busyKeys;
    return {
      v: 1,
      isCounting: counted !== undefined,
      keys: (counted ?? []).map(({ name, place, count, error }) => ({
        alias: aliasOf(name),
        kind: KIND_NAMES.get(Number(name.split('/')[0])) ?? '?',
        place: Math.floor(place * 100) / 100,
        count,
        error,
      })),
    };
  }

  function endTrace(): void {
    forgetting?.cancel();
    forgetting = undefined;
    node.routing.traceKey(undefined);
  }

  /** Whoever looked last may have gone without a word. */
  function keepTraceAWhile(): void {
    forgetting?.cancel();
    forgetting = clock.setTimer(TRACE_LEFT_MS, endTrace);
  }

  function routeDocument(): RouteDocument {
    const trace = node.routing.tracedKey();
    if (trace === undefined) return { v: 1, isTracing: false, place: 0, ownDistance: 0, candidates: [], steps: [] };
    const nowMs = clock.nowMs();
    return {
      v: 1,
      isTracing: true,
      place: trace.place,
      ownDistance: trace.ownDistance,
      candidates: trace.candidates.map(({ peerKey, distance, byClaim }) => {
        return { alias: status.peerAlias(peerKey), distance, byClaim };
      }),
      steps: trace.steps.map((step) => ({
        agoMs: Math.max(0, Math.round(nowMs - step.atMs)),
        type: step.type,
        alias: 'peerKey' in step ? status.peerAlias(step.peerKey) : null,
        what: step.type === 'arrived' ? step.what : 'outcome' in step ? step.outcome : '',
        tookMs: 'tookMs' in step ? Math.round(step.tookMs) : null,
        htl: 'htl' in step ? step.htl : null,
      })),
    };
  }

  /** A CHK key, or the alias of a busy one. */
  function refOf(asked: unknown): BlockRef {
    if (typeof asked !== 'string') throw new LocalError('bad_uri', 'the body names no uri');
    for (const [name, alias] of aliases) {
      const [kind, , key] = name.split('/');
      if (alias === asked) return { kind: Number(kind) as Kind, key: routingKey(fromHexKey(key!)) };
    }
    const uri = fetchableUri(asked);
    if (uri.type !== 'CHK') throw new LocalError('usage', 'a CHK key is traced, or a busy one by its alias');
    return { kind: KIND.chk, key: uri.routingKey };
  }

  return {
    blockMap(response, id) {
      const isKnown = node.queue.entry(id) !== undefined || node.client.transfers().some((one) => one.id === id);
      if (!isKnown) throw new LocalError('unknown_transfer');
      const map = node.client.blockMap?.(id);
      const document: BlockMapDocument = {
        v: 1,
        id,
        segments: map?.segments ?? 0,
        shown: (map?.shown ?? []).map(({ segment, needed, blocks }) => {
          const count = (state: string): number => blocks.split(state).length - 1;
          const { have, asked, missed, open } = BLOCK_STATES;
          const counts = { have: count(have), asked: count(asked), missed: count(missed), open: count(open) };
          return { segment, needed, ...counts, blocks };
        }),
      };
      sendJson(response, 200, document);
    },

    async ban(request, response) {
      const { alias, forMs } = await readJson(request);
      if (!(typeof forMs === 'number' && forMs >= BAN_MS_MIN && forMs <= BAN_MS_MAX))
        throw new LocalError('usage', `forMs is ${BAN_MS_MIN} to ${BAN_MS_MAX}`);
      const key = status.peerKey(String(alias));
      if (key === undefined || !node.peers.ban(key, forMs))
        throw new LocalError('usage', `no peer is called ${String(alias).slice(0, 20)}; Peers lists them`);
      sendJson(response, 200, { v: 1, banned: node.peers.banned });
    },

    async add(request, response) {
      const { text } = await readJson(request);
      if (typeof text !== 'string') throw new LocalError('bad_invite', 'the body holds no text');
      const document: PeersAddedDocument = { v: 1, ...(await node.peers.add(readPeers(text.trim()))) };
      sendJson(response, 200, document);
    },

    busyKeys: (response) => sendJson(response, 200, busyDocument()),

    async countKeys(request, response) {
      const { on } = await readJson(request);
      if (typeof on !== 'boolean') throw new LocalError('usage', 'on is true or false');
      node.routing.countKeys(on);
      if (!on) aliases.clear();
      sendJson(response, 200, busyDocument());
    },

    route(response) {
      if (forgetting !== undefined) keepTraceAWhile();
      sendJson(response, 200, routeDocument());
    },

    async traceKey(request, response) {
      const { uri } = await readJson(request);
      if (uri === null) endTrace();
      else {
        node.routing.traceKey(refOf(uri));
        keepTraceAWhile();
      }
      sendJson(response, 200, routeDocument());
    },
  };
}
