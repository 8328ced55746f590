/**
 * What an experiment is: a file experiments/NAME.ts whose default export is one of these. The runner does the rest.
 *
 * Shape   `run` gets options and hands back rows (one flat object each), the counters that prove its faults fired, and which figures
 *         were reached. Everything an experiment draws comes from `seed`.
 * @module
 */
export interface ExperimentOptions {
  readonly seed: number;
  /** Independent repetitions with seeds seed, seed + 1, ...; the rows say how many went in. */
  readonly runs: number;
  /** undefined: the experiment's own default. */
  readonly nodes: number | undefined;
  readonly peers: number | undefined;
  /** Sizes for `npm test`: seconds, not minutes. */
  readonly short: boolean;
  /** One line of progress on stderr. */
  progress(text: string): void;
}

export type Cell = string | number | boolean | null;
export type Row = Readonly<Record<string, Cell>>;

export interface Figure {
  readonly what: string;
  /** As it was asked for, such as "<= 4.4". */
  readonly wanted: string;
  readonly measured: string;
  readonly reached: boolean;
}

export interface ExperimentResult {
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
  /** How often each fault class really fired. */
  readonly faults: Readonly<Record<string, number>>;
  /** SHA-256 over the logical event trace, hex. */
  readonly traceHash: string;
  readonly nodes: number;
  readonly virtualMs: number;
  readonly messages: number;
  /** Broken invariants, each with the seed that shows it; empty when all held. */
  readonly broken: readonly { readonly seed: number; readonly what: string }[];
  /** Sentences that explain the figures, missed ones above all. */
  readonly notes: readonly string[];
}

export interface Experiment {
  readonly name: string;
  /** One line for the list. */
  readonly what: string;
  readonly defaults: { readonly nodes: number; readonly runs: number };
  run(options: ExperimentOptions): Promise<ExperimentResult>;
}
