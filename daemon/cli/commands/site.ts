/**
 * `holloway site`: a folder as a site with editions, under a key of the key ring.
 *
 * Shape   publish and update are one thing: the edition after the newest, with only what changed inserted. `update` wants that there is one already.
 * Errors  usage, no_file; what the daemon says.
 * @module
 */
import type { EditionDocument, KeysDocument } from '../../api/schema-keys.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';
import { sizeText } from '../output.ts';
import { createProgress, PROGRESS_MODES } from '../progress.ts';
import { readyToSign } from './key.ts';
import { warnOfFewExits } from './publish.ts';
import { findFiles, readTree } from './tree.ts';

export const sitePublish: CommandRun = async (context, [folder = '']) => publishSite(context, folder);

export const siteUpdate: CommandRun = async (context, [folder = '']) => {
  const name = keyName(context);
  const newest = await newestOf(context, name);
  if (newest === undefined) {
    throw new LocalError(
      'not_found',
      `no edition of ${name} was found to update: holloway site publish ${folder} --as ${name}`,
    );
  }
  return publishSite(context, folder);
};

/** Sites are keys of the ring that have an edition. */
export const siteList: CommandRun = async (context) => {
  const { api, output, interrupted } = context;
  const { keys } = await api.get<KeysDocument>('/v1/keys', interrupted);
  const sites: { name: string; uri: string; edition: number; isForked: boolean }[] = [];
  for (const { name } of keys) {
    const found = await newestOf(context, name);
    if (found !== undefined) sites.push({ name, uri: found.uri, edition: found.edition, isForked: found.isForked });
  }
  output.table([
    ['site', 'edition', 'key', ''],
    ...sites.map(({ name, edition, uri, isForked }) => [name, `${edition}`, uri, isForked ? 'forked' : '']),
  ]);
  output.document({ v: 1, sites });
  return 0;
};

async function publishSite(context: Context, folder: string): Promise<number> {
  const { api, options, output } = context;
  const trafficClass = options.choice('class', ['fast', 'strong']);
  const as = await readyToSign(context, keyName(context));
  const tree = await findFiles(folder, { all: options.flag('all') });
  if (tree.files.length === 0) throw new LocalError('usage', 'the folder holds no file to publish');
  if (tree.hidden > 0)
    output.note(`note: ${tree.hidden} names that begin with a dot are left out; --all takes them too`);
  if (tree.special > 0) output.note(`note: ${tree.special} links and special files are left out`);
  const index = options.text('index');
  const defaultPath = tree.files.find(({ path }) => path === (index ?? 'index.html'))?.path;
  if (index !== undefined && defaultPath === undefined) {
    throw new LocalError('usage', `--index ${index}: the folder has no such file`);
  }
  const giveUp = giveUpSignal(context);
  const ended = new AbortController();
  const progress = createProgress(output.quiet ? 'none' : (options.choice('progress', PROGRESS_MODES) ?? 'auto'));
  const { id, uploaded } = await api.publish(
    readTree(folder, tree.files, true),
    {
      as,
      hashes: true,
      ...(trafficClass === undefined ? {} : { class: trafficClass }),
      ...(options.flag('verify') ? { verify: true } : {}),
      ...(defaultPath === undefined ? {} : { default: defaultPath }),
    },
    AbortSignal.any([giveUp, ended.signal]),
    'publish-tree',
  );
  try {
    const followed = api.follow(id, (transfer) => progress.show(transfer), giveUp);
    // A folder that cannot be read fails the publish; a daemon that ends the upload says why in its events.
    const failed = uploaded.then(
      () => new Promise<never>(() => {}),
      (error: unknown) =>
        error instanceof LocalError && error.code !== 'no_file' ? new Promise<never>(() => {}) : Promise.reject(error),
    );
    const result = await Promise.race([followed, failed]);
    progress.end();
    warnOfFewExits(context, result.exits);
    const { files } = result;
    if (files !== undefined) {
      output.note(
        `${files.inserted} of ${files.inserted + files.kept} files inserted (${sizeText(files.insertedBytes)}), ${files.kept} stood already`,
      );
    }
    output.line(result.uri ?? '');
    output.document({ ...result });
    return 0;
  } catch (error) {
    progress.end();
    ended.abort(error);
    if (giveUp.aborted) await api.post(`/v1/transfers/${id}/cancel`).catch(() => {}); // the daemon may be gone: nothing to cancel
    throw giveUp.aborted ? giveUp.reason : error;
  }
}

function keyName({ options }: Context): string {
  const name = options.text('as');
  if (name === undefined || /[@/]/.test(name)) {
    throw new LocalError('usage', '--as takes the name of a key in the key ring, which becomes the name of the site');
  }
  return name;
}

async function newestOf({ api, interrupted }: Context, name: string): Promise<EditionDocument | undefined> {
  const { keys } = await api.get<KeysDocument>('/v1/keys', interrupted);
  const key = keys.find((candidate) => candidate.name === name);
  if (key === undefined) throw new LocalError('unknown_key', name);
  try {
    return await api.post<EditionDocument>('/v1/editions/newest', { uri: key.siteUri }, interrupted);
  } catch (error) {
    if (error instanceof LocalError && (error.code === 'not_found' || error.code === 'recently_failed'))
      return undefined;
    throw error;
  }
}
