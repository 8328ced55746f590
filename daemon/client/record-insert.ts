/**
 * Inserts one signed record at its eight locations.
 *
 * Shape   two locations drawn at random first, then the other six; each is tried again after an answer that says nothing about the record.
 *         Resolves when all have their outcome: placed when half of them acknowledged, or `collision` with what stands there.
 * Errors  LocalError publish_failed, overloaded, what the circuits say when there are none; the signal's reason.
 * Why     two first: a name that is taken shows itself there, and a second record does not come to stand at the other six.
 * Source  design §§ 6, 8.
 * @module
 */
import { LocalError } from '../errors.ts';
import { type BlockRef, KIND } from '../ids.ts';
import { verifyBlock } from '../keys/verify.ts';
import { REPLICAS } from '../limits.ts';
import type { DocumentCircuits, RemoteInsert } from '../onion/onion-types.ts';
import type { Clock, Crypto, Random } from '../ports.ts';
import { abortable, backOffMs, shuffle } from './timing.ts';

export interface RecordInsertContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly circuits: DocumentCircuits;
  readonly signal: AbortSignal;
  /** Owners wanted at each location. */
  readonly owners: number;
  /** A location acknowledged it, or a try failed. */
  onOutcome(isPlaced: boolean): void;
}

export type RecordInsert =
  | { readonly type: 'placed'; readonly places: number; readonly copies: number }
  | { readonly type: 'collision'; readonly existing: Uint8Array };

const ATTEMPTS_MAX = 6;
const RETRY_BASE_MS = 250;
const RETRY_MAX_MS = 8_000;
const FIRST_PLACES = 2;

type Failure = Exclude<RemoteInsert['type'], 'inserted' | 'collision'> | 'unavailable' | 'noCopies';
type Outcome =
  | { readonly type: 'placed'; readonly copies: number }
  | { readonly type: 'collision'; readonly existing: Uint8Array }
  | { readonly type: 'failed'; readonly failure: Failure; readonly error: LocalError | undefined };

export async function insertRecord(
  context: RecordInsertContext,
  ref: BlockRef,
  bytes: Uint8Array,
): Promise<RecordInsert> {
  const order = shuffle(
    context.random,
    Array.from({ length: REPLICAS }, (_, replica) => replica),
  );
  const outcomes: Outcome[] = [];
  for (const replicas of [order.slice(0, FIRST_PLACES), order.slice(FIRST_PLACES)]) {
    outcomes.push(...(await Promise.all(replicas.map((replica) => insertAt(context, ref, replica, bytes)))));
    const taken = strongest(outcomes);
    if (taken !== undefined) return { type: 'collision', existing: taken };
  }
  const placed = outcomes.filter((outcome) => outcome.type === 'placed');
  if (placed.length >= REPLICAS / 2) {
    return { type: 'placed', places: placed.length, copies: placed.reduce((sum, { copies }) => sum + copies, 0) };
  }
  throw failureOf(outcomes);
}

/** What stands there instead; of pointers the highest, whose version follows the head (keys/node-ssk.ts). */
function strongest(outcomes: readonly Outcome[]): Uint8Array | undefined {
  const taken = outcomes.flatMap((outcome) => (outcome.type === 'collision' ? [outcome.existing] : []));
  return taken.sort((a, b) => Buffer.compare(b.subarray(68, 76), a.subarray(68, 76)))[0];
}

async function insertAt(
  context: RecordInsertContext,
  ref: BlockRef,
  replica: number,
  bytes: Uint8Array,
): Promise<Outcome> {
  const { clock, random, crypto, circuits, owners, signal } = context;
  for (let attempt = 1; ; attempt++) {
    let answer: RemoteInsert | LocalError;
    try {
      answer = await circuits.insert(ref, replica, owners, bytes, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof LocalError)) throw error;
      answer = error;
    }
    if (!(answer instanceof LocalError)) {
      if (answer.type === 'inserted' && answer.copies > 0) {
        context.onOutcome(true);
        return { type: 'placed', copies: answer.copies };
      }
      // A collision must show what it collides with; one that does not verify is an exit's invention.
      if (answer.type === 'collision' && ref.kind !== KIND.keyword && verifyBlock(crypto, ref, answer.payload)) {
        if (!crypto.equal(answer.payload, bytes)) return { type: 'collision', existing: answer.payload.slice() };
      }
    }
    context.onOutcome(false);
    if (attempt >= ATTEMPTS_MAX) {
      const failure = failureName(answer);
      return { type: 'failed', failure, error: answer instanceof LocalError ? answer : undefined };
    }
    const askedMs = !(answer instanceof LocalError) && answer.type === 'rejectedOverload' ? answer.retryMs : 0;
    const backMs = backOffMs(random, RETRY_BASE_MS, attempt, RETRY_MAX_MS);
    await sleep(clock, Math.max(backMs, Math.min(askedMs, RETRY_MAX_MS)), signal);
  }
}

function failureName(answer: RemoteInsert | LocalError): Failure {
  if (answer instanceof LocalError) return 'unavailable';
  if (answer.type === 'inserted') return 'noCopies';
  return answer.type === 'collision' ? 'badBlock' : answer.type;
}

export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(ms, resolve);
  return abortable(promise, signal).finally(() => timer.cancel());
}

function failureOf(outcomes: readonly Outcome[]): LocalError {
  const failed = outcomes.filter((outcome) => outcome.type === 'failed');
  const counts = new Map<Failure, number>();
  for (const { failure } of failed) counts.set(failure, (counts.get(failure) ?? 0) + 1);
  if (counts.size === 1 && counts.has('unavailable')) return failed[0]!.error ?? new LocalError('connecting');
  if (counts.size === 1 && counts.has('rejectedOverload')) return new LocalError('overloaded');
  const placed = outcomes.length - failed.length;
  return new LocalError(
    'publish_failed',
    `the document stands, its name or keyword does not: the record was acknowledged at ${placed} of ${REPLICAS} places`,
  );
}
