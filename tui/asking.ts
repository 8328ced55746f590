/**
 * What changes something is asked first, and not even asked where it cannot be done.
 *
 * Shape   each answers the next model with its effects: a question, a request, or a notice that says why not.
 * Source  ux §§ 1.1, 1.3 (changing actions ask first, naming the effect).
 * @module
 */
import { listedSettings, listedTransfers, selectedTransfer } from './lists.ts';
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

export function onTransfer(model: Model, action: 'cancel' | 'copy', toFile = false): Step {
  const transfer = selectedTransfer(model);
  if (transfer === undefined) return [said(model, 'there is no transfer'), []];
  const { id, alias } = transfer;
  if (action === 'copy') return changing(model) ?? [model, [{ type: 'copy', id, alias, toFile }]];
  if (hasEnded(transfer)) return [said(model, `${alias} has ended`), []];
  const effect = transfer.kind === 'publish' ? 'What was sent stays and fades.' : 'What came so far is dropped.';
  return asking(model, `Cancel ${alias}? ${effect}`, { type: 'cancel', id, alias });
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

export function said(model: Model, text: string, lastsMs = NOTICE_MS / 2): Model {
  return { ...model, notice: { text, untilMs: model.nowMs + lastsMs } };
}
