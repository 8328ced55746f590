/**
 * Fetches one block that stands at several locations: the top block, and the manifest blocks below it.
 *
 * Shape   one location first, drawn at random; another after a failure or 1.5 s of silence, each over an exit dealt anew.
 * Errors  the LocalError that says most about why: not_found, recently_failed, overloaded, no_route, relays_silent or stalled, with counts.
 * Why     drawn at random, because a fixed first choice would be the place to wait at. A location that answered "not found" is not asked
 *         again; one whose answer was lost is, up to three rounds.
 * Source  design §§ 6, 10; what a failure tells: ux § 2.3.
 * @module
 */
import { LocalError } from '../../errors.ts';
import { KIND, type RoutingKey } from '../../ids.ts';
import { BLOCK_TYPE, type BlockPlace, type OpenedBlock, openBlock } from '../client-chk.ts';
import { shuffle } from '../timing.ts';
import { type Candidate, type FetchContext, type GatherResult, gather, isFinal } from './gather.ts';

const ROUNDS_MAX = 3;

export async function fetchReplicated(
  context: FetchContext,
  secret: Uint8Array,
  key: RoutingKey,
  place: BlockPlace,
  replicas: number,
): Promise<OpenedBlock> {
  const { random, crypto } = context;
  let found: OpenedBlock | undefined;
  let sealed: Uint8Array | undefined;
  const absent = new Set<number>();
  const order = shuffle(
    random,
    Array.from({ length: replicas }, (_, replica) => replica),
  );
  const candidates = order.map((replica): Candidate => ({ ref: { kind: KIND.chk, key }, replica, index: replica }));
  const result = await gather(context, {
    need: 1,
    first: candidates.slice(0, 1),
    reserve: candidates.slice(1),
    replaceBy: 2, // "not found" is known after three or four turns instead of eight
    urgent: true,
    absent({ replica }) {
      absent.add(replica);
    },
    accept({ replica }, bytes) {
      absent.delete(replica);
      sealed = bytes;
      found = openBlock(crypto, secret, place, bytes, context.codec);
      if (found === undefined) throw new LocalError('verify_failed', FAULTS[place.type]);
    },
    nextRound(failed, round) {
      if (round >= ROUNDS_MAX) return undefined;
      const open = failed.filter(({ outcome }) => !isFinal(outcome)).map(({ candidate }) => candidate);
      return { ask: shuffle(random, open), pause: true };
    },
  });
  if (found !== undefined) {
    const { healer, ownersReplicated = 1 } = context;
    healer?.add([...absent].map((replica) => ({ key, replica, owners: ownersReplicated, bytes: () => sealed })));
    return found;
  }
  throw failureOf(result, replicas, context.circuits.exits);
}

const FAULTS: Readonly<Record<BlockPlace['type'], string>> = {
  [BLOCK_TYPE.data]: 'the second part of the key does not open what the first part names: one of them was changed',
  [BLOCK_TYPE.manifest]: 'the second part of the key does not open what the first part names: one of them was changed',
  [BLOCK_TYPE.check]: 'a block is not what the manifest says it is',
};

/** The most telling of the outcomes decides; "not found" only when somebody really said so. */
export function failureOf(result: GatherResult, replicas: number, exits: number): LocalError {
  if (result.type === 'gathered') return new LocalError('internal');
  if (result.unavailable !== undefined) return result.unavailable;
  const { tally, rounds } = result;
  const looked = `asked ${tally.asked} times at ${replicas} places in ${rounds === 1 ? '1 round' : `${rounds} rounds`} over ${exits} exits`;
  if (tally.dataNotFound > 0) return new LocalError('not_found', looked);
  if (tally.recentlyFailed > 0) return new LocalError('recently_failed', looked);
  if (tally.wrongBytes > 0)
    return new LocalError('verify_failed', `${looked}; ${tally.wrongBytes} answers were forged or damaged`);
  if (tally.rejectedOverload > 0) return new LocalError('overloaded', looked);
  if (tally.routeNotFound + tally.rejectedLoop > 0) return new LocalError('no_route', looked);
  if (tally.circuitFailed > 0 && tally.timeout === 0)
    return new LocalError('relays_silent', 'every circuit failed before an answer came');
  return new LocalError('stalled', `${looked}; none was answered in time`);
}
