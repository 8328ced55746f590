/**
 * A result as a table for people, or as one JSON document for programs.
 *
 * Shape   document: { experiment, seed, runs, nodes, commit, configHash, traceHash, virtualMs, messages, wallMs, cpuMs, peakMemoryBytes,
 *         rows[], figures[], faults, broken[], notes[] }. Fields are only ever added.
 * @module
 */
import type { Cell, ExperimentResult, Row } from './experiment.ts';

export interface ResultHead {
  readonly experiment: string;
  readonly seed: number;
  readonly runs: number;
  readonly commit: string;
  readonly configHash: string;
}

export interface ResultCost {
  readonly wallMs: number;
  /** Processor time of the whole process: what a busy machine does not change. */
  readonly cpuMs: number;
  readonly peakMemoryBytes: number;
}

export function document(head: ResultHead, result: ExperimentResult, cost: ResultCost): object {
  const { rows, figures, faults, broken, notes, traceHash, nodes, virtualMs, messages } = result;
  return { ...head, nodes, traceHash, virtualMs, messages, ...cost, rows, figures, faults, broken, notes };
}

export function report(head: ResultHead, result: ExperimentResult, cost: ResultCost, what: string): string {
  const lines = [
    `${head.experiment}: ${what}`,
    '',
    ...table(result.rows),
    '',
    ...result.figures.map(
      ({ what: name, wanted, measured, reached }) =>
        `${reached ? 'reached' : 'MISSED '}  ${name}: ${measured} (wanted ${wanted})`,
    ),
    `faults fired   ${
      Object.entries(result.faults)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ') || 'none'
    }`,
    `invariants     ${result.broken.length === 0 ? 'all held' : `${result.broken.length} BROKEN`}`,
    ...result.notes.map((note) => `note           ${note}`),
    `run            seed ${head.seed}, runs ${head.runs}, nodes ${result.nodes}, commit ${head.commit}, config ${head.configHash}`,
    `trace          ${result.traceHash}`,
    `cost           ${(result.virtualMs / 1_000).toFixed(0)} virtual s, ${result.messages} messages, ${(cost.wallMs / 1_000).toFixed(1)} s, ${(cost.cpuMs / 1_000).toFixed(1)} of the processor, ` +
      `${result.messages === 0 ? '-' : ((cost.cpuMs * 1_000) / result.messages).toFixed(0)} us of it a message, ${(cost.peakMemoryBytes / 2 ** 20).toFixed(0)} MiB`,
  ];
  return `${lines.join('\n')}\n\n`;
}

/** Columns of all rows in the order they first appear, numbers to the right. */
export function table(rows: readonly Row[]): string[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => names.map((name) => text(row[name])));
  const widths = names.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]!.length)));
  const isNumber = names.map((name) => rows.every((row) => typeof row[name] !== 'string'));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(names), ...cells.map(line)];
}

function text(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return '-';
  if (typeof cell !== 'number' || Number.isInteger(cell)) return String(cell);
  return Math.abs(cell) >= 100 ? cell.toFixed(0) : Number(cell.toPrecision(4)).toString();
}
