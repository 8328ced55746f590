/**
 * The circuits of one document: E of them, all through the guard, each to another exit; requests are dealt over them at random.
 *
 * Shape   a request waits in line until a circuit has room in its window, then goes over one drawn at random among those with room.
 * Unit    E = exits, fixed when the first circuit stands; a document of more than LARGE_DOCUMENT_BLOCKS gets more.
 * Errors  outcomes are values; a request rejects with LocalError only when no circuit could be had for the class's build timeout.
 * Why     one exit per document would be taken for its reader by the exit's neighbours; sixteen are not (design § 1). Circuits are never shared
 *         between documents, so no exit can tell that two have one reader. A circuit that ends is replaced while the document asks
 *         for something, and not otherwise: a paused transfer makes no traffic.
 * Source  design § 10; anonymity § 2 (exits), § 7 rules 2, 5.
 * @module
 */
import { LocalError } from '../errors.ts';
import { type BlockRef, hexKey } from '../ids.ts';
import { EXITS_PER_DOCUMENT_MAX, EXITS_PER_LARGE_DOCUMENT_MAX, LARGE_DOCUMENT_BLOCKS } from '../limits.ts';
import type { Timer } from '../ports.ts';
import type { ClientCircuit } from './circuit.ts';
import type { BuildJob, CircuitBuilder } from './circuit-builder.ts';
import { type CircuitPool, exitKey } from './circuit-pool.ts';
import { CIRCUIT_CLASSES, type OnionParts } from './onion-parts.ts';
import type { CircuitOptions, DocumentCircuits } from './onion-types.ts';
import { pickOne, usableRelays } from './path.ts';
import { decodeFetchAnswer, decodeInsertAnswer, encodeFetch, encodeInsertHead, RELAY } from './relay-message.ts';
import {
  type ChannelRequest,
  createRequestChannel,
  type RequestChannel,
  retireAfterMs,
  type Unanswered,
} from './request-channel.ts';
import { createFixedWindow, createRequestWindow, WINDOW_FIRST } from './window.ts';
import { searchInsertWork } from './work-search.ts';

/**
 * Requests of class strong under way at once, over all circuits: what the pattern carries in eight seconds, which is longer than most
 * answers take. More would only wait at the guard.
 */
const STRONG_UNDER_WAY = 32;
const NO_WORK = new Uint8Array(8);

/** A request that is to leave through another exit than those it belongs with waits so long for one. */
const APART_WAIT_MS = 2_000;

interface Asked {
  readonly operation: 'fetch' | 'insert';
  readonly ref: BlockRef;
  readonly signal: AbortSignal | undefined;
  readonly apart?: object | undefined;
}

/** One request in line, or on a circuit. */
interface Request {
  readonly operation: 'fetch' | 'insert';
  readonly ref: BlockRef;
  /** Exits that others of its kind went through, and until when it waits for a further one. */
  readonly apart: { readonly exits: Set<string>; readonly untilMs: number } | undefined;
  /** Puts it on a circuit; false if that took it no more. */
  askOver(channel: RequestChannel): boolean;
  failed(error: LocalError | undefined): void;
}

export interface Document extends DocumentCircuits {
  /** Resolves when the first circuit stands; rejects with LocalError when none can be had, or the document is closed before. */
  readonly opened: Promise<void>;
}

export function openDocument(
  parts: OnionParts,
  builder: CircuitBuilder,
  pool: CircuitPool,
  options: CircuitOptions,
  closed: () => void,
): Document {
  const wanted = CIRCUIT_CLASSES[options.trafficClass];
  const isStrong = options.trafficClass === 'strong';
  const { clock, random, trace } = parts.deps;
  const channels = new Set<RequestChannel>();
  const jobs = new Set<BuildJob>();
  const line: Request[] = [];
  const exitsApart = new WeakMap<object, Set<string>>();
  /** Asked so far. */
  let requests = 0;
  let exits = exitsNow();
  const opening = Promise.withResolvers<void>();
  let isOpened = false;
  let isClosed = false;
  let withoutTimer: Timer | undefined;
  /** Of work that inserts bring, as busy nodes last asked for. */
  let workBits = 0;
  /** Builds that had failed when the waiting for a circuit began. */
  let failuresBefore = 0;

  /** E of design § 10. */
  function exitsNow(): number {
    const usable = usableRelays(parts.deps.relays.relays(), parts.options).length;
    const isLarge = Math.max(options.blocks, requests) > LARGE_DOCUMENT_BLOCKS;
    return Math.max(1, Math.min(isLarge ? EXITS_PER_LARGE_DOCUMENT_MAX : EXITS_PER_DOCUMENT_MAX, usable - 2));
  }

  const live = (): RequestChannel[] => [...channels].filter(({ isRetired }) => !isRetired);
  const usedExits = (): ReadonlySet<string> => new Set(live().map(({ circuit }) => exitKey(circuit)));

  /** Orders what is missing, and starts the clock of having nothing at all. */
  function replenish(): void {
    if (isClosed) return;
    const missing = exits - live().length - jobs.size;
    for (let i = 0; i < missing; i++) {
      const job: BuildJob = {
        isUrgent: true,
        trafficClass: options.trafficClass,
        usedExits,
        built(circuit) {
          jobs.delete(job);
          adopt(circuit);
          adopted();
        },
      };
      jobs.add(job);
      builder.submit(job);
    }
    watchForNothing();
  }

  function watchForNothing(): void {
    if (channels.size > 0 || isClosed) {
      withoutTimer?.cancel();
      withoutTimer = undefined;
    } else {
      if (withoutTimer !== undefined) return;
      failuresBefore = builder.failures;
      withoutTimer = clock.setTimer(wanted.buildTimeoutMs, () => {
        withoutTimer = undefined;
        giveUpWaiting();
      });
    }
  }

  function giveUpWaiting(): void {
    const isLinked = parts.deps.links.all().some((link) => link.isOpen);
    const hasTried = builder.failures > failuresBefore || builder.building > 0;
    const error = new LocalError(isLinked ? (hasTried ? 'relays_silent' : 'connecting') : 'offline');
    for (const request of line.splice(0)) request.failed(error);
    opening.reject(error);
  }

  function adopt(circuit: ClientCircuit): void {
    const timeoutMs = wanted.requestTimeoutMs;
    const window = isStrong ? createFixedWindow(strongWindow()) : createRequestWindow();
    const rules = { lifeMs: retireAfterMs(random.unit(), timeoutMs), timeoutMs, window };
    const channel = createRequestChannel(clock, circuit, rules, {
      room: deal,
      retired: () => {
        if (isBusy()) replenish();
      },
      closed: () => {
        channels.delete(channel);
        if (isBusy()) replenish();
      },
    });
    channels.add(channel);
  }

  const strongWindow = (): number => Math.max(2, Math.ceil(STRONG_UNDER_WAY / exits));

  /** After the first circuits came: the view is as good now as it was when they were built. */
  function adopted(): void {
    watchForNothing();
    if (!isOpened) {
      isOpened = true;
      exits = exitsNow();
      replenish();
      opening.resolve();
    }
    deal();
  }

  const isBusy = (): boolean => line.length > 0 || [...channels].some(({ underWay }) => underWay > 0);

  function deal(): void {
    for (let at = 0; at < line.length && !isClosed; ) {
      const open = [...channels].filter(({ hasRoom }) => hasRoom);
      if (open.length === 0) return;
      const request = line[at]!;
      const channel = pickOne(fitting(request, open), random);
      if (channel === undefined) {
        at++;
        continue;
      }
      line.splice(at, 1);
      request.apart?.exits.add(exitKey(channel.circuit));
      if (!request.askOver(channel)) {
        request.failed(undefined);
        continue;
      }
      const relays = channel.circuit.path.map(({ nodeId }) => hexKey(nodeId));
      trace?.record({ type: 'circuitRequest', operation: request.operation, ref: request.ref, relays });
    }
  }

  /** Those of `open` that may take it now: for one that keeps apart, exits not gone through yet, while more of them may come. */
  function fitting({ apart }: Request, open: RequestChannel[]): RequestChannel[] {
    if (apart === undefined) return open;
    const others = open.filter(({ circuit }) => !apart.exits.has(exitKey(circuit)));
    const mayCome = apart.exits.size < exits && clock.nowMs() < apart.untilMs;
    return others.length > 0 || mayCome ? others : open;
  }

  function exitsOf(apart: object): Set<string> {
    const known = exitsApart.get(apart) ?? new Set();
    exitsApart.set(apart, known);
    return known;
  }

  /** A document that turns out to be large gets the exits of a large one. */
  function count(): void {
    if (++requests === LARGE_DOCUMENT_BLOCKS + 1) exits = Math.max(exits, exitsNow());
  }

  function ask<Outcome>(
    { operation, ref, signal, apart }: Asked,
    wire: Omit<ChannelRequest<Outcome>, 'done'>,
  ): Promise<Outcome | Unanswered> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      let giveUp: (() => void) | undefined;
      const patience = apart === undefined ? undefined : clock.setTimer(APART_WAIT_MS, deal);
      const done = (outcome: Outcome | Unanswered): void => {
        patience?.cancel();
        signal?.removeEventListener('abort', aborted);
        resolve(outcome);
      };
      const request: Request = {
        operation,
        ref,
        apart: apart === undefined ? undefined : { exits: exitsOf(apart), untilMs: clock.nowMs() + APART_WAIT_MS },
        askOver(channel) {
          giveUp = channel.ask({ ...wire, done });
          return giveUp !== undefined;
        },
        failed(error) {
          if (error === undefined) return done({ type: 'circuitFailed' });
          patience?.cancel();
          signal?.removeEventListener('abort', aborted);
          reject(error);
        },
      };
      const aborted = (): void => {
        patience?.cancel();
        const at = line.indexOf(request);
        if (at >= 0) line.splice(at, 1);
        giveUp?.();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', aborted, { once: true });
      if (isClosed) return request.failed(undefined);
      count();
      line.push(request);
      deal();
      replenish();
    });
  }

  if (!isStrong) for (const circuit of pool.take(exits)) adopt(circuit);
  if (channels.size > 0) adopted();
  else replenish();

  return {
    get exits() {
      return exits;
    },
    trafficClass: options.trafficClass,
    get windowBlocks() {
      const known = live();
      const expected = Math.max(exits - known.length, 0) * (isStrong ? strongWindow() : WINDOW_FIRST);
      return known.reduce((sum, { window }) => sum + window, expected);
    },
    opened: opening.promise,
    fetch(ref, replica, signal, apart) {
      const parts = [encodeFetch(ref, replica)];
      return ask({ operation: 'fetch', ref, signal, apart }, { type: RELAY.fetch, parts, decode: decodeFetchAnswer });
    },
    async insert(ref, replica, owners, payload, signal) {
      const wished = { key: ref.key, replica, bits: workBits };
      const work = workBits === 0 ? NO_WORK : await searchInsertWork(parts.deps, wished, signal);
      const body = [encodeInsertHead(ref, replica, owners, work), payload];
      const wire = { type: RELAY.insert, parts: body, decode: decodeInsertAnswer } as const;
      const outcome = await ask({ operation: 'insert', ref, signal }, wire);
      // What a busy node wants is brought from now on, and a bit less each time that it was enough.
      if (outcome.type === 'rejectedOverload') workBits = outcome.workBits;
      else if (outcome.type === 'inserted' && workBits > 0) workBits--;
      return outcome;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      withoutTimer?.cancel();
      for (const job of jobs) builder.cancel(job);
      jobs.clear();
      for (const channel of [...channels]) channel.close();
      for (const request of line.splice(0)) request.failed(undefined);
      opening.reject(new LocalError('offline'));
      closed();
    },
  };
}
