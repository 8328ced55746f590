/**
 * Fetching signed records: the one that stands under an SSK, and the newest of a pointer.
 *
 * Shape   SSK: one location first, then the others, as for a top block. Pointer: three of the eight locations at once, over different exits, others in
 *         place of those that have none; the highest version counts. Lower than what this reader saw before: all eight are asked.
 * Errors  LocalError not_found and its kin; outdated when only older pointers were found; verify_failed for a record its key does not open.
 * Why     an owner that was away, or an exit that lies, can show an old pointer but not make a new one: three answers over three exits leave one liar no say.
 *         Two records of one version are a fork: the owner of the key signed both, so the one seen first stays and the reader is told.
 * Source  design § 6.
 * @module
 */
import { LocalError } from '../errors.ts';
import { type BlockRef, KIND } from '../ids.ts';
import { REPLICAS } from '../limits.ts';
import { isSeenRecord, type SeenEditions } from './seen-editions.ts';
import { openRecord, recordRef, type Subspace } from './signed-record.ts';
import { failureOf } from './splitfile/fetch-replicated.ts';
import { type Candidate, type FetchContext, gather, isFinal } from './splitfile/gather.ts';
import { shuffle } from './timing.ts';
import { CODEC } from './uri.ts';

export type RecordContext = Omit<FetchContext, 'codec'>;

const ROUNDS_MAX = 3;
/** Of a pointer's eight locations, asked at once. */
const POINTER_ANSWERS = 3;
const NOT_OPENED = 'the second part of the key does not open what the first part names: one of them was changed';

/** What the record under this name says. */
export async function fetchSsk(context: RecordContext, space: Subspace, name: string): Promise<Uint8Array> {
  const ref = recordRef(context.crypto, KIND.ssk, space, name);
  const [record] = await fetchRecords(context, ref, 1, 1);
  const opened = openRecord(context.crypto, KIND.ssk, space, name, record!);
  if (opened === undefined) throw new LocalError('verify_failed', NOT_OPENED);
  return opened.content;
}

export interface FoundPointer {
  readonly version: number;
  readonly content: Uint8Array;
  /** Another valid record of the same version exists: its owner, or somebody with the same key, published twice. */
  readonly isForked: boolean;
}

export async function fetchPointer(
  context: RecordContext,
  space: Subspace,
  site: string,
  seen: SeenEditions,
): Promise<FoundPointer> {
  const { crypto } = context;
  const ref = recordRef(crypto, KIND.pointer, space, site);
  const known = seen.get(ref.key);
  const open = (records: readonly Uint8Array[]): Opened[] =>
    records.flatMap((bytes) => openPointer(context, space, site, bytes));
  let found = open(await fetchRecords(context, ref, POINTER_ANSWERS, POINTER_ANSWERS));
  let highest = highestOf(found);
  if (known !== undefined && highest < known.version) {
    found = open(await fetchRecords(context, ref, REPLICAS, REPLICAS));
    highest = highestOf(found);
  }
  if (found.length === 0) throw new LocalError('verify_failed', NOT_OPENED);
  if (known !== undefined && highest < known.version)
    throw new LocalError('outdated', `edition ${known.version} was read before, now only ${highest} was found`);
  const newest = found.filter(({ version }) => version === highest);
  const first = known?.version === highest ? newest.find(({ bytes }) => isSeenRecord(crypto, known, bytes)) : undefined;
  const chosen = first ?? newest.sort((a, b) => Buffer.compare(a.bytes, b.bytes))[0]!;
  const isForked =
    newest.some(({ bytes }) => !crypto.equal(bytes, chosen.bytes)) ||
    (known?.version === highest && first === undefined);
  seen.note(ref.key, highest, chosen.bytes);
  return { version: highest, content: chosen.content, isForked };
}

interface Opened {
  readonly version: number;
  readonly content: Uint8Array;
  readonly bytes: Uint8Array;
}

function openPointer({ crypto }: RecordContext, space: Subspace, site: string, bytes: Uint8Array): Opened[] {
  const opened = openRecord(crypto, KIND.pointer, space, site, bytes);
  return opened === undefined ? [] : [{ ...opened, bytes }];
}

function highestOf(found: readonly Opened[]): number {
  return found.reduce((highest, { version }) => Math.max(highest, version), -1);
}

/**
 * At least one valid record under the key, and up to `need` answers of different locations.
 * @param atOnce locations asked together
 * @param places how many locations are asked at most, drawn at random
 */
export async function fetchRecords(
  context: RecordContext,
  ref: BlockRef,
  need: number,
  atOnce: number,
  places: number = REPLICAS,
): Promise<Uint8Array[]> {
  const { random, circuits } = context;
  const records: Uint8Array[] = [];
  const order = shuffle(
    random,
    Array.from({ length: REPLICAS }, (_, replica): Candidate => ({ ref, replica, index: replica })),
  );
  // One token for all of them: the circuits then take an exit that none of the others went through.
  const apart = {};
  const spread = {
    ...circuits,
    fetch: (...[wanted, replica, signal]: Parameters<typeof circuits.fetch>) =>
      circuits.fetch(wanted, replica, signal, apart),
  };
  const result = await gather(
    { ...context, codec: CODEC.none, circuits: spread },
    {
      need,
      first: order.slice(0, atOnce),
      reserve: order.slice(atOnce, places),
      replaceBy: 2,
      urgent: true,
      accept(_, bytes) {
        records.push(bytes.slice());
      },
      nextRound(failed, round) {
        if (records.length > 0 || round >= ROUNDS_MAX) return undefined;
        const open = failed.filter(({ outcome }) => !isFinal(outcome)).map(({ candidate }) => candidate);
        return { ask: shuffle(random, open), pause: true };
      },
    },
  );
  if (records.length === 0) throw failureOf(result, places, circuits.exits);
  return records;
}
