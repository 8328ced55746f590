/**
 * Fetches one segment: any k of its blocks, data blocks first.
 *
 * Shape   resolves to the stored bytes of the segment, one array per data block.
 * Errors  LocalError incomplete when fewer than k were found; verify_failed when a block of the right hash has the wrong content.
 * Why     data blocks need no decoding, so they are asked first, in random order; each that fails is replaced by a check block at once. The next
 *         round moves every block to its next replica, if it has more than one, and pauses once all were tried.
 * Source  design §§ 6, 10.
 * @module
 */
import { assert, LocalError } from '../../errors.ts';
import { KIND } from '../../ids.ts';
import type { Compute } from '../../ports.ts';
import { BLOCK_TYPE, type BlockPlace, openBlock } from '../client-chk.ts';
import { type DocumentShape, payloadBytesOf, replicasOf } from '../document-shape.ts';
import type { SegmentKeys } from '../manifest.ts';
import { shuffle } from '../timing.ts';
import { type Candidate, type FetchContext, gather } from './gather.ts';

export interface SegmentContext extends FetchContext {
  readonly compute: Compute;
  readonly secret: Uint8Array;
  readonly shape: DocumentShape;
  /** Lost data blocks are being computed. */
  onDecode(): void;
}

/** Rounds over all blocks, not counting those that only move on to another replica. */
const ROUNDS_MAX = 4;

export async function fetchSegment(
  context: SegmentContext,
  segment: number,
  { dataCount, keys }: SegmentKeys,
): Promise<Uint8Array[]> {
  const { random, shape, secret, crypto, compute, codec } = context;
  const replicas = replicasOf(shape);
  const shards: (Uint8Array | undefined)[] = new Array(keys.length).fill(undefined);
  const all = keys.map((key, index): Candidate => {
    return { ref: { kind: KIND.chk, key }, replica: Math.floor(random.unit() * replicas), index };
  });
  const result = await gather(context, {
    need: dataCount,
    first: shuffle(random, all.slice(0, dataCount)),
    reserve: shuffle(random, all.slice(dataCount)),
    accept({ index }, bytes) {
      const opened = openBlock(crypto, secret, placeOf(segment, index, dataCount), bytes, codec);
      const wanted = index < dataCount ? payloadBytesOf(shape, segment, index) : opened?.padded.length;
      if (opened === undefined || opened.payloadBytes !== wanted) {
        throw new LocalError('verify_failed', 'a block is not what the manifest says it is');
      }
      shards[index] = opened.padded;
    },
    nextRound(failed, round) {
      if (round >= ROUNDS_MAX + replicas - 1) return undefined;
      const ask = failed.map(({ candidate }) => ({ ...candidate, replica: (candidate.replica + 1) % replicas }));
      return { ask: shuffle(random, ask), pause: round >= replicas };
    },
  });
  if (result.type === 'exhausted') {
    if (result.unavailable !== undefined) throw result.unavailable;
    throw new LocalError(
      'incomplete',
      `part ${segment + 1} of ${shape.segments}: ${result.have} of the ${dataCount} blocks it needs; ` +
        `${result.tally.asked} requests in ${result.rounds} rounds over ${context.circuits.exits} exits`,
    );
  }
  let data: readonly (Uint8Array | undefined)[] = shards.slice(0, dataCount);
  if (data.includes(undefined)) {
    context.onDecode();
    data = await compute.erasureReconstruct(shards, dataCount);
  }
  return data.map((padded, index) => {
    assert(padded !== undefined, 'k blocks restore a segment');
    return padded.subarray(0, payloadBytesOf(shape, segment, index));
  });
}

/** @param index in data-then-check order */
export function placeOf(segment: number, index: number, dataCount: number): BlockPlace {
  return { type: index < dataCount ? BLOCK_TYPE.data : BLOCK_TYPE.check, segment, index };
}
