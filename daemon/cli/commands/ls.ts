/**
 * `holloway ls`: what a key names, without fetching it.
 * @module
 */
import type { FetchMetadata } from '../../api/schema.ts';
import { type CommandRun, giveUpSignal } from '../context.ts';
import { printable, sizeText } from '../output.ts';
import { readUri } from './fetch.ts';

export const ls: CommandRun = async (context, [given = '-']) => {
  const { api, options, output } = context;
  const giveUp = giveUpSignal(context);
  const uri = given === '-' ? await readUri() : given;
  const trafficClass = options.choice('class', ['fast', 'strong']);
  const body = { uri, listOnly: true, ...(trafficClass === undefined ? {} : { class: trafficClass }) };
  const { id } = await api.post<{ id: string }>('/v1/fetch', body, giveUp);
  let found: FetchMetadata;
  try {
    found = await api.get<FetchMetadata>(`/v1/transfers/${id}/metadata`, giveUp);
  } catch (error) {
    await api.post(`/v1/transfers/${id}/cancel`).catch(() => {}); // ended already, or the daemon is gone
    throw giveUp.aborted ? giveUp.reason : error;
  }
  const { directory, name, contentType, sizeBytes } = found;
  const recursive = options.flag('recursive');
  const rows =
    directory === null
      ? [[sizeText(sizeBytes), printable(name ?? '-'), printable(contentType ?? '')]]
      : rowsOf(directory.files, recursive, directory.defaultPath);
  output.table(rows);
  output.document({ v: 1, sizeBytes, contentType, name, directory });
  return 0;
};

function rowsOf(
  files: readonly { readonly path: string; readonly sizeBytes: number }[],
  recursive: boolean,
  defaultPath: string | null,
): string[][] {
  const shown = new Map<string, number>();
  for (const { path, sizeBytes } of files) {
    const slash = path.indexOf('/');
    const name = recursive || slash < 0 ? path : path.slice(0, slash + 1);
    shown.set(name, (shown.get(name) ?? 0) + sizeBytes);
  }
  return [...shown]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, sizeBytes]) => [sizeText(sizeBytes), printable(name), name === defaultPath ? 'default' : '']);
}
