/**
 * Progress on stderr: a bar for people, plain lines for logs, JSON lines for programs, or nothing.
 *
 * Shape   auto = bar on a terminal, else plain. Plain: one line at the start of a stage, at each 10 % or 30 s, and at the end.
 * Unit    frames at most ten a second; times in ms, `t` of JSON lines in Unix ms.
 * Source  ux § 2.1 "Progress".
 * @module
 */
import type { TransferStatus } from '../api/schema.ts';
import { sizeText } from './output.ts';

export const PROGRESS_MODES = ['auto', 'bar', 'plain', 'json', 'none'] as const;
export type ProgressMode = (typeof PROGRESS_MODES)[number];

export interface Progress {
  show(transfer: TransferStatus): void;
  /** Erases the bar; call before anything else is written. */
  end(): void;
}

const FRAME_MS = 100;
const PLAIN_MS = 30_000;
const BAR_CELLS = 16;

export function createProgress(
  mode: ProgressMode,
  stderr: NodeJS.WriteStream = process.stderr,
  nowMs: () => number = Date.now,
): Progress {
  const how = mode === 'auto' ? (stderr.isTTY ? 'bar' : 'plain') : mode;
  if (how === 'bar') return barProgress(stderr, nowMs);
  if (how === 'plain') return plainProgress(stderr, nowMs);
  if (how === 'json') return { show: (transfer) => stderr.write(`${jsonLine(transfer, nowMs())}\n`), end: () => {} };
  return { show: () => {}, end: () => {} };
}

function jsonLine(transfer: TransferStatus, t: number): string {
  return JSON.stringify({
    t,
    id: transfer.alias,
    stage: transfer.stage,
    blocks_have: transfer.blocksHave,
    blocks_needed: transfer.blocksNeeded,
    bytes: transfer.bytes,
    total: transfer.totalBytes,
    rate: transfer.bytesPerSec,
    eta_s: transfer.etaS,
  });
}

function barProgress(stderr: NodeJS.WriteStream, nowMs: () => number): Progress {
  let drawnMs = Number.NEGATIVE_INFINITY;
  let drawn = false;
  return {
    show(transfer) {
      if (nowMs() - drawnMs < FRAME_MS) return;
      drawnMs = nowMs();
      drawn = true;
      stderr.write(`\r${barLine(transfer).slice(0, Math.max(1, (stderr.columns ?? 80) - 1))}\u001B[K`);
    },
    end() {
      if (drawn) stderr.write('\r\u001B[K');
      drawn = false;
    },
  };
}

export function barLine(transfer: TransferStatus): string {
  const done = shareOf(transfer);
  const head = `${transfer.kind} ${transfer.alias}`;
  if (done === undefined) {
    const bytes = transfer.bytes > 0 ? `  ${sizeText(transfer.bytes)}` : '';
    return `${head}  ${stageText(transfer)}${bytes}`;
  }
  const full = Math.floor(done * BAR_CELLS);
  const blocks = transfer.blocksNeeded === null ? '' : `  ${transfer.blocksHave}/${transfer.blocksNeeded} blocks`;
  const left = transfer.etaS === null ? '' : `  ${clockText(transfer.etaS)}`;
  const bar = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
  return `${head}  ${bar}  ${Math.floor(done * 100)}%${blocks}  ${sizeText(transfer.bytesPerSec)}/s${left}`;
}

function plainProgress(stderr: NodeJS.WriteStream, nowMs: () => number): Progress {
  let stage = '';
  let tenth = -1;
  let writtenMs = 0;
  return {
    show(transfer) {
      const done = shareOf(transfer);
      const now = nowMs();
      const nextTenth = done === undefined ? -1 : Math.floor(done * 10);
      if (transfer.stage === stage && nextTenth === tenth && now - writtenMs < PLAIN_MS) return;
      [stage, tenth, writtenMs] = [transfer.stage, nextTenth, now];
      const share = done === undefined ? '' : `  ${Math.floor(done * 100)}%`;
      const blocks = transfer.blocksNeeded === null ? '' : `  ${transfer.blocksHave}/${transfer.blocksNeeded} blocks`;
      stderr.write(`${transfer.kind} ${transfer.alias}  ${stageText(transfer)}${share}${blocks}\n`);
    },
    end() {},
  };
}

const stageText = (transfer: TransferStatus): string => transfer.stage;

/** Of a publish the bytes are only read, not yet acknowledged: its blocks say how far it is. */
function shareOf(transfer: TransferStatus): number | undefined {
  const { kind, bytes, totalBytes, blocksHave, blocksNeeded } = transfer;
  const byBlocks = blocksNeeded !== null && blocksNeeded > 0 ? Math.min(1, blocksHave / blocksNeeded) : undefined;
  const byBytes = totalBytes !== null && totalBytes > 0 ? Math.min(1, bytes / totalBytes) : undefined;
  return kind === 'publish' ? (byBlocks ?? byBytes) : (byBytes ?? byBlocks);
}

function clockText(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}
