/**
 * Fetches one segment, or some data blocks of it: any k of its blocks, data blocks first.
 *
 * Shape   resolves to the stored bytes of the segment, one array per data block wanted.
 * Errors  LocalError incomplete when fewer than k were found; verify_failed when a block of the right hash has the wrong content.
 * Why     data blocks need no decoding, so they are asked first, in random order; each that fails is replaced by a check block at once. The next
 *         round moves every block to its next replica, if it has more than one, and pauses once all were tried.
 * Source  design §§ 6, 10.
 * @module
 */
import { assert, LocalError } from '../../errors.ts';
import { KIND, type RoutingKey } from '../../ids.ts';
import type { Compute } from '../../ports.ts';
import { BLOCK_TYPE, type BlockPlace, openBlock, sealBlock } from '../client-chk.ts';
import { type DocumentShape, payloadBytesOf, replicasOf } from '../document-shape.ts';
import type { SegmentKeys } from '../manifest.ts';
import { shuffle } from '../timing.ts';
import { type Candidate, type FailedCandidate, type FetchContext, gather } from './gather.ts';

export interface SegmentContext extends FetchContext {
  readonly compute: Compute;
  readonly secret: Uint8Array;
  readonly shape: DocumentShape;
  /** Lost data blocks are being computed. */
  onDecode(): void;
}

/** Rounds over all blocks, not counting those that only move on to another replica. */
const ROUNDS_MAX = 4;

/** Data blocks `from` up to, and without, `to`. */
export interface WantedBlocks {
  readonly from: number;
  readonly to: number;
}

export async function fetchSegment(
  context: SegmentContext,
  segment: number,
  keys: SegmentKeys,
  wanted: WantedBlocks = { from: 0, to: keys.dataCount },
): Promise<Uint8Array[]> {
  const fetching = new SegmentFetch(context, segment, keys);
  const { dataCount } = keys;
  const isPart = wanted.to - wanted.from < dataCount;
  // A part needs no decoding while all of it is found; else the segment is fetched as a whole.
  if (!(isPart && (await fetching.gatherPart(wanted)))) await fetching.gatherWhole();
  const data = await fetching.data(wanted);
  await fetching.heal();
  return data.map((padded, i) => {
    assert(padded !== undefined, 'k blocks restore a segment');
    return padded.subarray(0, payloadBytesOf(context.shape, segment, wanted.from + i));
  });
}

class SegmentFetch {
  readonly #context: SegmentContext;
  readonly #segment: number;
  readonly #dataCount: number;
  readonly #replicas: number;
  readonly #candidates: readonly Candidate[];
  readonly #shards: (Uint8Array | undefined)[];
  /** `INDEX/REPLICA` of those that are not where they should be. */
  readonly #absent = new Map<string, Candidate>();

  constructor(context: SegmentContext, segment: number, { dataCount, keys }: SegmentKeys) {
    this.#context = context;
    this.#segment = segment;
    this.#dataCount = dataCount;
    const replicas = replicasOf(context.shape);
    this.#replicas = replicas;
    this.#candidates = keys.map((key, index): Candidate => {
      return { ref: { kind: KIND.chk, key }, replica: Math.floor(context.random.unit() * replicas), index };
    });
    this.#shards = new Array(keys.length).fill(undefined);
    context.map?.open(segment, keys.length, dataCount);
  }

  /** Asks for these data blocks once each, at as many places as they have; false when one was not found. */
  async gatherPart({ from, to }: WantedBlocks): Promise<boolean> {
    const { random } = this.#context;
    const result = await gather(this.#context, {
      need: to - from,
      first: shuffle(random, this.#candidates.slice(from, to)),
      reserve: [],
      accept: (candidate, bytes) => this.#accept(candidate, bytes),
      note: ({ index }, state) => this.#context.map?.set(this.#segment, index, state),
      absent: (candidate) => this.#absent.set(placeName(candidate), candidate),
      nextRound: (failed, round) =>
        round < this.#replicas ? { ask: shuffle(random, this.#elsewhere(failed)), pause: false } : undefined,
    });
    return result.type === 'gathered';
  }

  /** Any k blocks, counting those that are here. */
  async gatherWhole(): Promise<void> {
    const { random, circuits, shape, kept } = this.#context;
    const open = this.#candidates.filter(({ index }) => this.#shards[index] === undefined);
    const have = this.#candidates.length - open.length;
    const need = this.#dataCount - have;
    // What an earlier run kept costs nothing, so it goes before data blocks, and those before check blocks.
    const isKept = ({ ref }: Candidate): boolean => kept?.has(ref.key) === true;
    const away = open.filter((candidate) => !isKept(candidate));
    const data = shuffle(
      random,
      away.filter(({ index }) => index < this.#dataCount),
    );
    const checks = shuffle(
      random,
      away.filter(({ index }) => index >= this.#dataCount),
    );
    const first = [...open.filter(isKept), ...data];
    const result = await gather(this.#context, {
      need,
      first: first.slice(0, need),
      reserve: [...checks, ...first.slice(need).reverse()], // asked from the end
      accept: (candidate, bytes) => this.#accept(candidate, bytes),
      note: ({ index }, state) => this.#context.map?.set(this.#segment, index, state),
      absent: (candidate) => this.#absent.set(placeName(candidate), candidate),
      nextRound: (failed, round) => {
        if (round >= ROUNDS_MAX + this.#replicas - 1) return undefined;
        return { ask: shuffle(random, this.#elsewhere(failed)), pause: round >= this.#replicas };
      },
    });
    if (result.type === 'gathered') return;
    if (result.unavailable !== undefined) throw result.unavailable;
    throw new LocalError(
      'incomplete',
      `part ${this.#segment + 1} of ${shape.segments}: ${have + result.have} of the ${this.#dataCount} blocks it needs; ` +
        `${result.tally.asked} requests in ${result.rounds} rounds over ${circuits.exits} exits`,
    );
  }

  async data({ from, to }: WantedBlocks): Promise<readonly (Uint8Array | undefined)[]> {
    const wanted = this.#shards.slice(from, to);
    if (!wanted.includes(undefined)) return wanted;
    this.#context.onDecode();
    const data = await this.#context.compute.erasureReconstruct(this.#shards, this.#dataCount);
    data.forEach((payload, index) => {
      this.#shards[index] = payload;
    });
    return data.slice(from, to);
  }

  /** Puts back what was not found, as far as the segment's data is whole here. */
  async heal(): Promise<void> {
    const { healer, compute, owners = 1, ownersReplicated = 1 } = this.#context;
    if (healer === undefined || this.#absent.size === 0) return;
    const absent = [...this.#absent.values()];
    const data = this.#shards.slice(0, this.#dataCount).filter((shard) => shard !== undefined);
    const lacksCheck = absent.some(({ index }) => this.#shards[index] === undefined);
    if (lacksCheck && data.length === this.#dataCount) {
      const checks = await compute.erasureEncode(data, this.#shards.length - this.#dataCount);
      for (const { index } of absent) this.#shards[index] ??= checks[index - this.#dataCount];
    }
    healer.add(
      absent.map(({ ref, replica, index }) => ({
        key: ref.key,
        replica,
        owners: this.#replicas > 1 ? ownersReplicated : owners,
        bytes: () => this.#sealAgain(index, ref.key),
      })),
    );
  }

  /** The block as it was published, if the publisher's blocks belong together. */
  #sealAgain(index: number, key: RoutingKey): Uint8Array | undefined {
    const { crypto, secret, codec, shape } = this.#context;
    const payload = this.#shards[index];
    if (payload === undefined) return undefined;
    const isData = index < this.#dataCount;
    const payloadBytes = isData ? payloadBytesOf(shape, this.#segment, index) : payload.length;
    const sealed = sealBlock(
      crypto,
      secret,
      placeOf(this.#segment, index, this.#dataCount),
      payload,
      payloadBytes,
      codec,
    );
    return crypto.equal(sealed.key, key) ? sealed.bytes : undefined;
  }

  #elsewhere(failed: readonly FailedCandidate[]): Candidate[] {
    return failed.map(({ candidate }) => ({ ...candidate, replica: (candidate.replica + 1) % this.#replicas }));
  }

  #accept(candidate: Candidate, bytes: Uint8Array): void {
    const { index } = candidate;
    this.#absent.delete(placeName(candidate));
    const { crypto, secret, codec, shape } = this.#context;
    const opened = openBlock(crypto, secret, placeOf(this.#segment, index, this.#dataCount), bytes, codec);
    const wanted = index < this.#dataCount ? payloadBytesOf(shape, this.#segment, index) : opened?.padded.length;
    if (opened === undefined || opened.payloadBytes !== wanted) {
      throw new LocalError('verify_failed', 'a block is not what the manifest says it is');
    }
    this.#shards[index] = opened.padded;
  }
}

function placeName({ index, replica }: Candidate): string {
  return `${index}/${replica}`;
}

/** @param index in data-then-check order */
export function placeOf(segment: number, index: number, dataCount: number): BlockPlace {
  return { type: index < dataCount ? BLOCK_TYPE.data : BLOCK_TYPE.check, segment, index };
}
