/**
 * Announcing a document under keywords, and finding documents by them.
 *
 * Shape   announce: for each word one record in one of its 16 buckets, drawn at random, at eight locations. search: all 16 buckets of each word, three
 *         locations each, over fresh circuits; records of one URI are one hit. Order: words matched, then work, then age, then URI.
 * Unit    ANNOUNCE_WORK_BITS: about 65,000 hashes, a tenth of a second.
 * Errors  LocalError usage, publish_failed; not_found when no bucket could be asked at all says the circuits' own error instead.
 * Why     a flood under one word costs its author as much work for each record as honest ones did, and no more is claimed: whoever has more computers
 *         than all honest authors of a word can push them out.
 * Source  design § 6 ("Keyword record"), § 10 (Search).
 * @module
 */
import { LocalError } from '../errors.ts';
import { isKeywordFresh, splitBundle } from '../keys/node-keyword.ts';
import { KEYWORD_BUCKETS, KEYWORD_DAYS } from '../limits.ts';
import {
  type KeywordContent,
  keywordBucket,
  keywordSecret,
  normaliseWords,
  type OpenedKeyword,
  openKeyword,
  sealKeyword,
} from './keyword.ts';
import { fetchRecords, type RecordContext } from './record-fetch.ts';
import { insertRecord, type RecordInsertContext, sleep } from './record-insert.ts';
import { shuffle } from './timing.ts';

export const ANNOUNCE_WORK_BITS = 16;
/** Locations of a bucket asked by one search. */
const SEARCH_PLACES = 3;
const HITS_MAX = 200;

export interface SearchHit {
  readonly uri: string;
  /** Of the words asked for. */
  readonly words: number;
  readonly title: string | undefined;
  readonly contentType: string | undefined;
  readonly sizeBytes: number;
  readonly ageDays: number;
  readonly workBits: number;
}

export interface SearchResult {
  readonly hits: readonly SearchHit[];
  readonly buckets: number;
  readonly answered: number;
}

export async function announce(
  context: RecordInsertContext,
  words: readonly string[],
  content: KeywordContent,
  nowDay: number,
  bits: number = ANNOUNCE_WORK_BITS,
): Promise<void> {
  const { crypto, random, clock, signal } = context;
  for (const word of normaliseWords(words)) {
    const bucket = keywordBucket(crypto, keywordSecret(crypto, word), Math.floor(random.unit() * KEYWORD_BUCKETS));
    const record = await sealKeyword(crypto, bucket, content, nowDay, bits, () => sleep(clock, 0, signal));
    await insertRecord(context, bucket.ref, record);
  }
}

export async function search(context: RecordContext, given: readonly string[], nowDay: number): Promise<SearchResult> {
  const { crypto, random } = context;
  const words = normaliseWords(given);
  if (words.length === 0) throw new LocalError('usage', 'say at least one word to look for');
  const found = new Map<string, { best: OpenedKeyword; words: Set<string> }>();
  let answered = 0;
  let unreachable: LocalError | undefined;
  const buckets = words.flatMap((word) => {
    const secret = keywordSecret(crypto, word);
    return Array.from({ length: KEYWORD_BUCKETS }, (_, b) => ({ word, bucket: keywordBucket(crypto, secret, b) }));
  });
  await Promise.all(
    shuffle(random, buckets).map(async ({ word, bucket }) => {
      let bundles: Uint8Array[];
      try {
        bundles = await fetchRecords(context, bucket.ref, SEARCH_PLACES, SEARCH_PLACES, SEARCH_PLACES);
      } catch (error) {
        if (context.signal.aborted || !(error instanceof LocalError)) throw error;
        if (error.code === 'not_found' || error.code === 'recently_failed') answered++;
        else unreachable = error;
        return;
      }
      answered++;
      for (const record of bundles.flatMap(splitBundle)) {
        const opened = isKeywordFresh(record, nowDay) ? openKeyword(crypto, bucket, record) : undefined;
        if (opened === undefined) continue;
        const known = found.get(opened.uri);
        if (known === undefined) found.set(opened.uri, { best: opened, words: new Set([word]) });
        else {
          known.words.add(word);
          if (isBetter(opened, known.best)) known.best = opened;
        }
      }
    }),
  );
  if (answered === 0 && unreachable !== undefined) throw unreachable;
  const hits = [...found.values()]
    .map(({ best, words: matched }) => ({
      uri: best.uri,
      words: matched.size,
      title: best.title,
      contentType: best.contentType,
      sizeBytes: best.sizeBytes,
      ageDays: Math.min(Math.max(0, nowDay - best.day), KEYWORD_DAYS),
      workBits: best.workBits,
    }))
    .sort((a, b) => b.words - a.words || b.workBits - a.workBits || a.ageDays - b.ageDays || (a.uri < b.uri ? -1 : 1))
    .slice(0, HITS_MAX);
  return { hits, buckets: buckets.length, answered };
}

function isBetter(a: OpenedKeyword, b: OpenedKeyword): boolean {
  return a.workBits > b.workBits || (a.workBits === b.workBits && a.day > b.day);
}
