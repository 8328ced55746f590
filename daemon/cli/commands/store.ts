/**
 * `holloway store stat | verify | resize | passphrase`: the datastore as its owner sees it.
 *
 * Why     a passphrase comes from a file or stdin, never from an argument: arguments are on every process list.
 * Source  ux § 2.
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import { formatSize, parseSize } from '../../../config/schema.ts';
import type { ResizeDocument, StoreDocument } from '../../api/schema.ts';
import { LocalError } from '../../errors.ts';
import { STORE_BYTES_MAX, STORE_BYTES_MIN } from '../../limits.ts';
import { askPassphrase } from '../ask-passphrase.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';
import { sizeText } from '../output.ts';

const POLL_MS = 500;
/** A shrinking that would give up anything is asked for twice. */
const FORCE = '--force';

export const storeStat: CommandRun = async ({ api, output, interrupted }) => {
  const found = await api.get<StoreDocument>('/v1/store', interrupted);
  const { store, cache, verify, resize } = found;
  output.table([
    ['region', 'blocks', 'used', 'at most', 'hits', 'evicted'],
    ['store', `${store.blocks}`, sizeText(store.bytes), sizeText(store.bytesMax), `${store.hits}`, `${store.evicted}`],
    ['cache', `${cache.blocks}`, sizeText(cache.bytes), sizeText(cache.bytesMax), `${cache.hits}`, `${cache.evicted}`],
  ]);
  output.line(`size     ${sizeText(found.sizeBytes)}, ${found.isSealed ? 'sealed with a passphrase' : 'not sealed'}`);
  output.line(`records  ${found.records}, ${found.recordsEvicted} evicted`);
  output.line(`lookups  ${found.lookups}, ${found.misses} missed`);
  output.line(`faults   ${found.damaged} damaged blocks dropped, ${found.writeFailures} writes refused by the disk`);
  if (verify.isRunning) output.line(`verify   ${verify.done} of ${verify.total}, ${verify.damaged} damaged`);
  if (resize.isRunning) output.line(`resize   ${resize.done} of ${resize.total}`);
  output.document(found);
  return 0;
};

export const storeVerify: CommandRun = async (context) => {
  const { api, output, options } = context;
  const signal = giveUpSignal(context);
  const rate = options.sizeBytes('rate');
  let found = await api.post<StoreDocument>(
    '/v1/store/verify',
    rate === undefined ? {} : { bytesPerSec: rate },
    signal,
  );
  while (found.verify.isRunning && !options.flag('background')) {
    await pause(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    found = await api.get<StoreDocument>('/v1/store', signal);
    if (found.verify.isRunning) output.note(`${found.verify.done} of ${found.verify.total} verified`);
  }
  const { verify } = found;
  if (verify.isRunning)
    output.line(`begun: ${verify.total} blocks and records; holloway store stat shows how far it is`);
  else output.line(`verified: ${verify.done} blocks and records, ${verify.damaged} damaged and dropped`);
  output.line(`${verify.cached} cached blocks are verified when they are asked for: their keys are not on this disk`);
  output.document(found);
  return 0;
};

export const storeResize: CommandRun = async (context, [text]) => {
  const { api, output, options } = context;
  const sizeBytes = parseSize(text ?? '');
  if (sizeBytes === undefined) throw new LocalError('usage', `${text}: expected a size such as 8GiB`);
  if (sizeBytes < STORE_BYTES_MIN || sizeBytes > STORE_BYTES_MAX) {
    const [least, most] = [formatSize(STORE_BYTES_MIN), formatSize(STORE_BYTES_MAX)];
    throw new LocalError('usage', `${text}: a store has at least ${least} and at most ${most}`);
  }
  const signal = giveUpSignal(context);
  const ask = (dryRun: boolean): Promise<ResizeDocument> =>
    api.post<ResizeDocument>('/v1/store/resize', { sizeBytes, dryRun }, signal);
  const plan = await ask(true);
  const evicted = plan.evictedStore + plan.evictedCache + plan.evictedRecords;
  output.line(
    `${sizeText(plan.sizeBytes)}: ${evicted === 0 ? 'nothing is given up' : `gives up ${plan.evictedStore} stored and ${plan.evictedCache} cached blocks, ${plan.evictedRecords} records`}`,
  );
  if (options.flag('dry-run')) {
    output.document(plan);
    return 0;
  }
  if (evicted > 0 && !options.flag('force')) throw new LocalError('usage', `this gives up blocks: say ${FORCE} too`);
  const begun = await ask(false);
  output.line('begun: it goes on in the background; holloway store stat shows how far it is');
  noteConfigured(context, sizeBytes);
  output.document(begun);
  return 0;
};

/** A size in the configuration comes back at the next start. */
function noteConfigured({ config, output, paths }: Context, sizeBytes: number): void {
  const { values, origins } = config();
  if (values['store.size'] === 0 || values['store.size'] === sizeBytes) return;
  const where = origins['store.size'].where || paths.configFile;
  output.note(
    `the next start takes store.size = ${formatSize(values['store.size'])} again: change it in ${where}, or set it to auto`,
  );
}

export const storePassphrase: CommandRun = async (context) => {
  const { api, output, options, interrupted } = context;
  const file = options.text('new-file');
  if ((file === undefined) === !options.flag('remove')) {
    throw new LocalError('usage', 'say --new-file PATH (or - for stdin), or --remove');
  }
  const bytes = file === undefined ? undefined : await askPassphrase(file);
  const passphrase = bytes === undefined ? null : new TextDecoder().decode(bytes);
  const found = await api.post<StoreDocument>('/v1/store/passphrase', { passphrase }, interrupted);
  output.line(found.isSealed ? 'sealed with the new passphrase' : 'not sealed any more');
  output.note(`store.passphrase_file must ${found.isSealed ? 'hold it' : 'be empty'} at the next start`);
  output.document(found);
  return 0;
};
