/**
 * What changes something is asked first, and not even asked where it cannot be done.
 *
 * Shape   each answers the next model with its effects: a question, a request, or a notice that says why not.
 * Source  ux §§ 1.1, 1.3 (changing actions ask first, naming the effect).
 * @module
 */
import type { TransferStatus } from '../daemon/api/schema.ts';
import { DROP_MS } from './commands.ts';
import { formatAge } from './format.ts';
import { listedPeers, listedSettings, listedTransfers, selectedTransfer } from './lists.ts';
import type { Model, Request, Step } from './model-types.ts';
import { hasEnded } from './transfer-list.ts';

export const NOTICE_MS = 10_000;

/** Undefined when it may be done. */
export function changing(model: Model): Step | undefined {
  if (model.readOnly || model.status?.readOnly === true)
    return [said(model, 'read-only: open the dashboard without --read-only for that'), []];
  return model.connection.type === 'live'
    ? undefined
    : [said(model, 'no daemon answers: nothing can be asked of it'), []];
}

export function asking(model: Model, question: string, wanted: Request): Step {
  return changing(model) ?? [{ ...model, prompt: { type: 'confirm', question: `${question} y/N`, wanted } }, []];
}

export type TransferAction =
  | 'cancel'
  | 'copy'
  | 'halt'
  | 'retry'
  | 'earlier'
  | 'later'
  | 'pause'
  | 'resume'
  | 'priority';

/** @param given what a command line says beside the alias */
export function onTransfer(
  model: Model,
  action: TransferAction,
  given: { readonly toFile?: boolean; readonly priority?: number } = {},
): Step {
  const transfer = selectedTransfer(model);
  if (transfer === undefined) return [said(model, 'there is no transfer'), []];
  const { id, alias, state } = transfer;
  if (action === 'copy')
    return changing(model) ?? [model, [{ type: 'copy', id, alias, toFile: given.toFile === true }]];
  if (action === 'cancel') return cancelling(model, transfer);
  if (state === undefined)
    return [said(model, `${alias} ends with the program that asked for it: only K has an effect on it`), []];
  const change = (wanted: Request): Step => changing(model) ?? [model, [wanted]];
  const isEnded = hasEnded(transfer);
  switch (action) {
    case 'halt':
      if (isEnded) return [said(model, `${alias} has ended; R begins a failed one again`), []];
      return change({ type: 'queue', change: state === 'paused' ? 'resume' : 'pause', id, alias });
    case 'pause':
    case 'resume':
      if (isEnded) return [said(model, `${alias} has ended`), []];
      return change({ type: 'queue', change: action, id, alias });
    case 'retry':
      if (state !== 'failed' && state !== 'waiting')
        return [said(model, `${alias} neither failed nor waits for another attempt`), []];
      return change({ type: 'queue', change: 'retry', id, alias });
    case 'priority':
    case 'earlier':
    case 'later': {
      if (isEnded) return [said(model, `${alias} has ended`), []];
      const step = action === 'earlier' ? -1 : 1;
      const priority = given.priority ?? Math.min(PRIORITY_MAX, Math.max(0, (transfer.priority ?? 2) + step));
      return change({ type: 'priority', id, alias, priority });
    }
    default:
      return action satisfies never;
  }
}

function cancelling(model: Model, transfer: TransferStatus): Step {
  const { id, alias, state } = transfer;
  const isQueued = state !== undefined;
  const wanted: Request = { type: 'cancel', id, alias, isQueued };
  if (hasEnded(transfer)) {
    if (!isQueued) return [said(model, `${alias} has ended`), []];
    return asking(model, `Take ${alias} off the list? What was written or published stays.`, wanted);
  }
  const effect = transfer.kind === 'publish' ? 'What was sent stays and fades.' : 'What came so far is dropped.';
  return asking(model, `Cancel ${alias}? ${effect}`, wanted);
}

export const BAN_MS = 3_600_000;
const PRIORITY_MAX = 6;

export function banning(model: Model, alias: string, forMs: number): Step {
  const peer = listedPeers({ ...model, filter: '' }).find((one) => one.alias === alias);
  if (peer === undefined) return [said(model, `no peer is called ${alias}`), []];
  const what = forMs === DROP_MS ? `Drop ${alias}?` : `Ban ${alias} for ${formatAge(forMs)}?`;
  const ring = peer.ringNeighbour ? ' It is a ring neighbour: the next nearest takes its place.' : '';
  const back = forMs === DROP_MS ? ' It may come back after a minute.' : ' A restart lifts it.';
  return asking(model, `${what} Requests go elsewhere.${ring}${back}`, { type: 'ban', alias, forMs });
}

export function revealing(model: Model): Step {
  if (model.revealed !== undefined) return [said({ ...model, revealed: undefined }, 'hidden again'), []];
  const ids = listedTransfers(model).map(({ id }) => id);
  return asking(model, 'Show keys and addresses on this screen for 60 s?', { type: 'reveal', ids });
}

/** The setting under the cursor, as the start of a command; or why a running daemon does not take it. */
export function editing(model: Model): Step {
  const settings = listedSettings(model);
  const chosen = settings[Math.min(model.scroll, settings.length - 1)];
  if (chosen === undefined) return [model, []];
  if (!chosen.live) return [said(model, `${chosen.key} is read at the start: edit the file, then stop and start`), []];
  const text = `config set ${chosen.key} `;
  return changing(model) ?? [{ ...model, prompt: { type: 'command', text, choices: [], fault: '' } }, []];
}

/** Back to the default, while the daemon runs. */
export function unsetting(model: Model): Step {
  const settings = listedSettings(model);
  const chosen = settings[Math.min(model.scroll, settings.length - 1)];
  if (chosen === undefined) return [model, []];
  const { key, live, value, default: usual } = chosen;
  if (!live || key === 'store.size')
    return [said(model, `${key}: holloway config unset ${key} in a shell, then stop and start`), []];
  if (value === usual) return [said(model, `${key} is at its default`), []];
  return asking(model, `Set ${key} back to ${usual}?`, {
    type: 'set',
    key,
    value: usual.replace(/^"(.*)"$/, '$1').replace(/^\[\]$/, ''),
  });
}

export function said(model: Model, text: string, lastsMs = NOTICE_MS / 2): Model {
  return { ...model, notice: { text, untilMs: model.nowMs + lastsMs } };
}
