/**
 * `holloway transfers`: what the daemon's queue holds, and what may be done with it.
 *
 * Shape   an entry is named by its alias (file-2), or by its id, of which the beginning is enough.
 * Errors  unknown_transfer when nothing has that name, usage when several have.
 * Source  ux § 2.2 (transfer), § 1 tab 7.
 * @module
 */
import type { QueueStatus } from '../../api/schema.ts';
import { LocalError } from '../../errors.ts';
import type { CommandRun, Context } from '../context.ts';
import { durationText, printable, sizeText } from '../output.ts';

export const transfersList: CommandRun = async (context) => {
  const { output } = context;
  const entries = await readQueue(context);
  output.table([
    ['transfer', 'kind', 'state', 'priority', 'done', 'size', 'rate', 'attempts', 'next', 'where'],
    ...entries.map((entry) => {
      const { transfer } = entry;
      return [
        transfer.alias,
        transfer.kind,
        stateText(entry),
        String(entry.priority),
        shareText(entry),
        transfer.totalBytes === null ? '-' : sizeText(transfer.totalBytes),
        transfer.bytesPerSec > 0 && entry.state === 'running' ? `${sizeText(transfer.bytesPerSec)}/s` : '-',
        String(entry.attempts),
        entry.nextAttemptInMs === null ? '-' : `in ${durationText(entry.nextAttemptInMs)}`,
        entry.path === null ? '-' : printable(entry.path),
      ];
    }),
  ]);
  output.document({ v: 1, transfers: entries });
  return 0;
};

export const transfersShow: CommandRun = async (context, [name = '']) => {
  const entry = await find(context, name);
  const { output } = context;
  const { transfer, verified } = entry;
  output.line(`${transfer.alias}  ${transfer.kind}  ${stateText(entry)}  ${transfer.stage}`);
  if (entry.uri !== null) output.line(`key       ${entry.uri}`);
  if (entry.path !== null) output.line(`where     ${printable(entry.path)}`);
  output.line(`blocks    ${transfer.blocksHave} of ${transfer.blocksNeeded ?? '?'}, ${transfer.blocksMissed} missed`);
  if (verified !== null) output.line(`verified  ${verified.found} of ${verified.asked} over another route`);
  if (entry.error !== null) output.line(`error     ${entry.error.code}${detailText(entry.error.detail)}`);
  output.document({ v: 1, ...entry });
  return 0;
};

export const transfersPause: CommandRun = (context, [name = '']) => change(context, name, 'pause');
export const transfersResume: CommandRun = (context, [name = '']) => change(context, name, 'resume');
export const transfersRetry: CommandRun = (context, [name = '']) => change(context, name, 'retry');
export const transfersCancel: CommandRun = (context, [name = '']) => change(context, name, 'remove');

export const transfersPriority: CommandRun = (context, [name = '', priority = '']) => {
  if (!/^[0-6]$/.test(priority)) throw new LocalError('usage', 'a priority is 0 (first) to 6');
  return change(context, name, 'priority', { priority: Number(priority) });
};

async function change(context: Context, name: string, what: string, body?: object): Promise<number> {
  const { api, output, interrupted } = context;
  const { transfer } = await find(context, name);
  const entry = await api.post<QueueStatus>(`/v1/queue/${transfer.id}/${what}`, body, interrupted);
  output.note(`${transfer.alias}: ${what === 'remove' ? 'cancelled, nothing of it is kept' : stateText(entry)}`);
  output.document({ v: 1, ...entry });
  return 0;
}

async function readQueue({ api, interrupted }: Context): Promise<readonly QueueStatus[]> {
  return (await api.get<{ readonly entries: readonly QueueStatus[] }>('/v1/queue', interrupted)).entries;
}

async function find(context: Context, name: string): Promise<QueueStatus> {
  const entries = await readQueue(context);
  const byAlias = entries.find(({ transfer }) => transfer.alias === name);
  if (byAlias !== undefined) return byAlias;
  const byId = name === '' ? [] : entries.filter(({ transfer }) => transfer.id.startsWith(name));
  if (byId.length > 1) throw new LocalError('usage', `${name}: several transfers begin with that`);
  if (byId[0] === undefined) throw new LocalError('unknown_transfer', name);
  return byId[0];
}

function stateText({ state, error }: QueueStatus): string {
  return error === null || state === 'running' ? state : `${state} (${error.code})`;
}

function shareText({ state, transfer }: QueueStatus): string {
  if (state === 'done') return '100%';
  const { blocksHave, blocksNeeded } = transfer;
  return blocksNeeded === null || blocksNeeded === 0
    ? '-'
    : `${Math.min(99, Math.floor((blocksHave * 100) / blocksNeeded))}%`;
}

const detailText = (detail: string | null): string => (detail === null ? '' : `: ${printable(detail)}`);
