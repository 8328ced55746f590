/**
 * The node for a monitoring system: Prometheus text, and two probes for whoever restarts it.
 *
 * Shape   one metric for each number of the table that counts something of this node: holloway_PLACE_UNIT, counters end in _total.
 *         Help is the number's own meaning. Times are seconds, sizes bytes, as Prometheus wants them.
 * Why     labels are bounded (hops to live, verdict words, kinds of transfer) and never hold a key, an address or a peer: a time series
 *         is kept for years. The place on the ring is left out for the same reason, what is per peer or per transfer too.
 * Source  ux § 4 "Metrics"; Prometheus exposition format 0.0.4.
 * @module
 */
import type { ServerResponse } from 'node:http';
import type { Status } from './schema.ts';
import { NUMBERS, type NumberDefinition } from './schema-numbers.ts';

const VERDICTS = ['HEALTHY', 'DEGRADED', 'CONNECTING', 'TROUBLE', 'OFFLINE'] as const;
/** Not measurements, or what would find the node; percentiles are left to whoever reads the counts of times. */
const LEFT_OUT: readonly string[] = ['v', 'nowMs', 'pid', 'node.location', 'requests.timeP50Ms', 'requests.timeP95Ms'];
/** Counted over the whole life although the table says "now", because they never fall. */
const COUNTED: readonly string[] = ['circuits.relayedGuard', 'circuits.relayedMiddle', 'circuits.relayedExit'];

interface Metric {
  readonly path: string;
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly factor: number;
}

/** What is read straight from a Status: in the order of the table. */
export const METRICS: readonly Metric[] = Object.entries(NUMBERS as Record<string, NumberDefinition>)
  .filter(([path, { window }]) => {
    const isKept = !LEFT_OUT.includes(path) && !path.includes('[]') && !path.startsWith('history.');
    return isKept && (window === 'now' || window === 'since start');
  })
  .map(([path, definition]) => metricOf(path, definition));

function metricOf(path: string, { meaning, window, unit }: NumberDefinition): Metric {
  const isCounter = (window === 'since start' && path !== 'uptimeMs') || COUNTED.includes(path);
  const words = path.replaceAll('.', '_').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const bare = words.replace(/_ms$/, '').replace(/_bytes(_max)?$/, '$1');
  const suffix = unit === 'ms' ? '_seconds' : unit === 'bytes' ? '_bytes' : '';
  return {
    path,
    name: `holloway_${bare}${suffix}${isCounter ? '_total' : ''}`,
    type: isCounter ? 'counter' : 'gauge',
    help: `${meaning} (${window})`,
    factor: unit === 'ms' ? 1 / 1_000 : 1,
  };
}

export function metricsText(status: Status): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, samples: readonly (readonly [string, number])[]): void => {
    if (samples.length === 0) return;
    lines.push(`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', ' ')}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) lines.push(`${name}${labels} ${value}`);
  };

  family('holloway_info', 'gauge', 'version, network and role of this node; always 1', [
    [labelsOf({ version: status.version, network: status.network, role: status.node.role }), 1],
  ]);
  const words = VERDICTS.map((word) => [labelsOf({ word }), word === status.verdict.word ? 1 : 0] as const);
  family('holloway_verdict', 'gauge', 'which verdict holds: 1 for that word, 0 for the others', words);
  for (const metric of METRICS) {
    const value = numberAt(status, metric.path);
    // Null: not known yet. No sample says so better than a zero.
    if (value !== undefined) family(metric.name, metric.type, metric.help, [['', value * metric.factor]]);
  }
  for (const member of ['seen', 'found', 'notFound', 'failed'] as const) {
    const rows = status.requests.byHtl.map((row) => [labelsOf({ htl: `${row.htl}` }), row[member]] as const);
    const name = member.replace('F', '_f');
    family(`holloway_requests_by_htl_${name}_total`, 'counter', NUMBERS[`requests.byHtl[].${member}`].meaning, rows);
  }
  let sum = 0;
  const times = status.requests.timeHistogram.map((count, bucket) => {
    sum += count;
    return [labelsOf({ seconds: `${2 ** (bucket + 1) / 1_000}` }), sum] as const;
  });
  family('holloway_requests_answered_within_total', 'counter', 'requests answered within so many seconds', times);
  const running = (kind: string): number =>
    status.transfers.filter((transfer) => transfer.kind === kind && transfer.etaS !== null).length;
  const kinds = ['publish', 'fetch'].map((kind) => [labelsOf({ kind }), running(kind)] as const);
  family('holloway_transfers_moving', 'gauge', 'transfers whose end is foreseen', kinds);
  return `${lines.join('\n')}\n`;
}

export function sendMetrics(response: ServerResponse, status: Status): void {
  sendText(response, 200, 'text/plain; version=0.0.4; charset=utf-8', metricsText(status));
}

/** That this is answered at all is the answer. */
export function sendHealth(response: ServerResponse): void {
  sendText(response, 200, 'text/plain; charset=utf-8', 'ok\n');
}

export function sendReadiness(response: ServerResponse, status: Status): void {
  const { word, reason } = status.verdict;
  const isReady = word === 'HEALTHY' || word === 'DEGRADED';
  const text = reason === '' ? word : `${word} ${reason}`;
  sendText(response, isReady ? 200 : 503, 'text/plain; charset=utf-8', `${text}\n`);
}

export function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function numberAt(status: Status, path: string): number | undefined {
  let at: unknown = status;
  for (const name of path.split('.')) at = (at as Record<string, unknown> | null | undefined)?.[name];
  return typeof at === 'number' ? at : undefined;
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const escaped = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return `{${escaped.join(',')}}`;
}
