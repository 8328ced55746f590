/**
 * `holloway search`: documents that were announced under any of the words.
 *
 * Errors  not_found when there is none: exit code 4, as with any key that leads nowhere.
 * Why     titles and types come from whoever knows the word: they are printed without control characters, and are no promise.
 * @module
 */
import type { SearchDocument } from '../../api/schema-keys.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, giveUpSignal } from '../context.ts';
import { printable, sizeText } from '../output.ts';

const LIMIT = 20;

export const search: CommandRun = async (context, words) => {
  const { api, options, output } = context;
  const limit = options.count('limit', 1, 200) ?? LIMIT;
  const document = await api.post<SearchDocument>('/v1/search', { words }, giveUpSignal(context));
  const { hits, buckets, answered } = document;
  if (answered < buckets) output.note(`note: only ${answered} of ${buckets} buckets answered; there may be more`);
  if (hits.length === 0) throw new LocalError('not_found', 'nothing is announced under these words');
  output.table([
    ['key', 'title', 'type', 'size', 'age', 'words'],
    ...hits
      .slice(0, limit)
      .map((hit) => [
        hit.uri,
        printable(hit.title ?? '-'),
        printable(hit.contentType ?? '-'),
        sizeText(hit.sizeBytes),
        `${hit.ageDays} d`,
        `${hit.words}`,
      ]),
  ]);
  output.document({ ...document, hits: hits.slice(0, limit) });
  return 0;
};
