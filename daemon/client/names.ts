/**
 * Names in the life of a transfer: circuits for the records, and what a publish does after its document stands.
 *
 * Shape   publishAs runs the publish and then, over circuits of their own, the records that lead to it.
 * Errors  what named-documents.ts says. An insert form that cannot be one fails before a byte of the document is read.
 * Why     fresh circuits for the records: the exits that carried the blocks of the document do not learn which name it got.
 * Source  design §§ 6, 10.
 * @module
 */
import { LocalError } from '../errors.ts';
import type { TrafficClass } from '../ids.ts';
import type { CircuitSource, DocumentCircuits } from '../onion/onion-types.ts';
import type { Clock, Crypto, Random } from '../ports.ts';
import type { NewestEdition, PublishOptions } from './client-types.ts';
import { normaliseWords } from './keyword.ts';
import { findNewest, insertableUri, nameDocument, requestForm } from './named-documents.ts';
import type { RecordContext } from './record-fetch.ts';
import type { RecordInsertContext } from './record-insert.ts';
import { announce, type SearchResult, search } from './search.ts';
import type { SeenEditions } from './seen-editions.ts';
import { decodeTarget } from './signed-record.ts';
import { scopeWithin, Watchdog } from './timing.ts';
import type { Transfer } from './transfers.ts';
import { type ChkUri, parseUri, printUri, type UskUri } from './uri.ts';
import { Window } from './window.ts';

export interface NamesDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly circuits: CircuitSource;
  readonly seen: SeenEditions;
  readonly ownersReplicated: number;
  /** Days since 1970, by the network's clock. */
  readonly nowDay: () => number;
}

export interface Names {
  /** @param work publishes the document and gives its CHK key */
  publishAs(
    wishes: PublishOptions,
    transfer: Transfer,
    watchdog: Watchdog,
    work: () => Promise<string>,
  ): Promise<string>;
  search(words: readonly string[], trafficClass: TrafficClass, signal?: AbortSignal): Promise<SearchResult>;
  newestEdition(text: string, trafficClass: TrafficClass, signal?: AbortSignal): Promise<NewestEdition>;
}

/** Records asked for or inserted at once are at most eight: one for each exit does. */
const BLOCKS = 8;
/** Of a question that is no transfer. */
const SILENCE_MS = 60_000;

export function createNames(deps: NamesDeps): Names {
  const { clock, random, crypto, seen, ownersReplicated, nowDay } = deps;

  /** Runs `work` with circuits of its own. */
  async function withCircuits<T>(
    trafficClass: TrafficClass,
    signal: AbortSignal,
    work: (circuits: DocumentCircuits, scoped: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const scope = scopeWithin(signal);
    let circuits: DocumentCircuits | undefined;
    try {
      const wishes = { trafficClass, padding: trafficClass === 'strong', blocks: BLOCKS };
      circuits = await deps.circuits.open(wishes, scope.signal);
      return await work(circuits, scope.signal);
    } finally {
      scope.abort(new LocalError('cancelled'));
      circuits?.close();
    }
  }

  function readingOver(circuits: DocumentCircuits, signal: AbortSignal, touch: () => void): RecordContext {
    const window = new Window(() => circuits.windowBlocks);
    return { clock, random, crypto, circuits, window, signal, onBlock: touch, onMiss() {} };
  }

  return {
    async publishAs(wishes, transfer, watchdog, work) {
      const as = wishes.as === undefined ? undefined : insertableUri(wishes.as);
      const keywords = normaliseWords(wishes.keywords ?? []);
      const document = await work();
      if (as === undefined && keywords.length === 0) return document;
      transfer.update({ stage: 'inserting' });
      return await withCircuits(wishes.trafficClass, transfer.signal, async (circuits, signal) => {
        const insert: RecordInsertContext = {
          clock,
          random,
          crypto,
          circuits,
          signal,
          owners: ownersReplicated,
          onOutcome(isPlaced) {
            watchdog.touch();
            if (!isPlaced) transfer.countMiss();
          },
        };
        const fetch = readingOver(circuits, signal, () => watchdog.touch());
        const named =
          as === undefined
            ? document
            : printUri(await nameDocument({ crypto, fetch, insert, seen }, as, parseUri(document) as ChkUri));
        const { bytes, totalBytes } = transfer.progress;
        const { contentType, name: title } = wishes;
        await announce(insert, keywords, { uri: named, sizeBytes: totalBytes ?? bytes, contentType, title }, nowDay());
        return named;
      });
    },

    async search(words, trafficClass, signal = new AbortController().signal) {
      const scope = scopeWithin(signal);
      const watchdog = new Watchdog(clock, SILENCE_MS, () => scope.abort(new LocalError('stalled')));
      try {
        return await withCircuits(trafficClass, scope.signal, (circuits, scoped) =>
          search(
            readingOver(circuits, scoped, () => watchdog.touch()),
            words,
            nowDay(),
          ),
        );
      } finally {
        watchdog.stop();
        scope.abort(new LocalError('cancelled'));
      }
    },

    async newestEdition(text, trafficClass, signal = new AbortController().signal) {
      const given = parseUri(text);
      if (given.type !== 'USK') throw new LocalError('bad_uri', 'only a USK@ has editions');
      const scope = scopeWithin(signal);
      const watchdog = new Watchdog(clock, SILENCE_MS, () => scope.abort(new LocalError('stalled')));
      try {
        const found = await withCircuits(trafficClass, scope.signal, (circuits, scoped) =>
          findNewest(
            readingOver(circuits, scoped, () => watchdog.touch()),
            given,
            seen,
          ),
        );
        const chk: ChkUri = { type: 'CHK', ...decodeTarget(found.content), path: given.path };
        const uri: UskUri = { ...(requestForm(crypto, given) as UskUri), edition: found.version };
        return {
          edition: found.version,
          uri: printUri(uri),
          documentUri: printUri(chk),
          isForked: found.isForked,
        };
      } finally {
        watchdog.stop();
        scope.abort(new LocalError('cancelled'));
      }
    },
  };
}
