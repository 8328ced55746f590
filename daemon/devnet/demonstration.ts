/**
 * Publishes the samples on one node, fetches them on another, compares hashes, and counts what the network did meanwhile.
 *
 * Shape   counts are differences of the nodes' own counters, summed over all nodes: nobody in the network knows a path.
 * Errors  verify_failed when a hash differs; whatever publish or fetch say.
 * Source  design § 8 "Replies carry no hop count", § 12.
 * @module
 */
import { createHash } from 'node:crypto';
import type { Status, TransferResult } from '../api/schema.ts';
import type { ApiClient } from '../api/schema-client.ts';
import { LocalError } from '../errors.ts';
import { apiOf } from './processes.ts';
import type { Sample } from './samples.ts';
import type { RunningDevnet } from './up.ts';

export interface Counts {
  readonly circuits: number;
  readonly circuitHops: number;
  readonly exitRequests: number;
  readonly routedHops: number;
  readonly copies: { readonly owner: number; readonly path: number; readonly handoff: number };
}

export interface Demonstrated {
  readonly sample: Sample;
  readonly uri: string;
  readonly publish: { readonly result: TransferResult; readonly counts: Counts };
  readonly fetch: { readonly result: TransferResult; readonly counts: Counts };
}

export interface DemonstrationOptions {
  readonly devnet: RunningDevnet;
  readonly publisher: number;
  readonly reader: number;
  readonly signal: AbortSignal;
  readonly onStage: (text: string) => void;
}

export async function demonstrate(sample: Sample, options: DemonstrationOptions): Promise<Demonstrated> {
  const { devnet, publisher, reader, signal, onStage } = options;
  const apis = devnet.nodes.map((node) => apiOf(node.home));
  const from = apis[publisher - 1]!;
  const to = apis[reader - 1]!;

  onStage(`publishing the ${sample.label} on node ${publisher}`);
  const published = await counted(apis, from, signal, async (look) => {
    const { id } = await from.publish(once(sample.bytes), { type: sample.contentType }, signal);
    return from.follow(id, look, signal);
  });
  const { uri } = published.result;
  if (uri === undefined) throw new LocalError('internal', 'a publish ended without a key');

  onStage(`fetching the ${sample.label} on node ${reader}`);
  const fetched = await counted(apis, to, signal, async (look) => {
    const { id } = await to.post<{ id: string }>('/v1/fetch', { uri }, signal);
    const followed = to.follow(id, look, signal);
    followed.catch(() => {}); // awaited below; the content may fail first
    const hash = createHash('sha256');
    try {
      for await (const bytes of await to.content(id, signal)) hash.update(bytes);
    } catch (error) {
      await followed; // says more than the cut
      throw error;
    }
    if (hash.digest('hex') !== createHash('sha256').update(sample.bytes).digest('hex')) {
      throw new LocalError('verify_failed', `the ${sample.label} came back changed`);
    }
    return followed;
  });
  return { sample, uri, publish: published, fetch: fetched };
}

async function counted(
  apis: readonly ApiClient[],
  asker: ApiClient,
  signal: AbortSignal,
  work: (look: () => void) => Promise<TransferResult>,
): Promise<{ result: TransferResult; counts: Counts }> {
  const read = (): Promise<Status[]> => Promise.all(apis.map((api) => api.get<Status>('/v1/status', signal)));
  const before = await read();
  // Circuits of a document close with it, so their length is read while it runs.
  const looks: Promise<number>[] = [];
  const look = (): void => {
    looks.push(asker.get<Status>('/v1/status', signal).then(circuitHopsOf, () => 0));
  };
  const result = await work(look);
  const after = await read();
  const circuitHops = Math.max(circuitHopsOf(after[apis.indexOf(asker)]!), ...(await Promise.all(looks)));
  const grown = (counter: (status: Status) => number): number =>
    after.reduce((sum, status, index) => sum + counter(status) - counter(before[index]!), 0);
  return {
    result,
    counts: {
      circuits: result.exits,
      circuitHops,
      exitRequests: grown((status) => status.requests.exitFetches + status.requests.exitInserts),
      routedHops: grown((status) => status.requests.forwardedFetches + status.requests.forwardedInserts),
      copies: {
        owner: grown((status) => status.store.copies.owner),
        path: grown((status) => status.store.copies.path),
        handoff: grown((status) => status.store.copies.handoff),
      },
    },
  };
}

function circuitHopsOf(status: Status): number {
  return Math.max(0, ...status.circuits.list.filter(({ use }) => use !== 'building').map(({ hops }) => hops));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const piece = 256 * 1024;
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

/** Lines for people: what went where. */
export function describeDemonstrated(done: Demonstrated): readonly string[] {
  const size = `${(done.sample.bytes.length / 1024).toFixed(1)} KiB`;
  return [
    `published ${done.sample.label} (${size}): ${done.uri}`,
    `  publish  ${countsText(done.publish.counts)}; ${done.publish.result.tookMs} ms`,
    `  fetch    ${countsText(done.fetch.counts)}; ${done.fetch.result.tookMs} ms; SHA-256 equal`,
  ];
}

function countsText(counts: Counts): string {
  const { circuits, circuitHops, exitRequests, routedHops, copies } = counts;
  return `${circuits} circuits of ${circuitHops} relays, ${exitRequests} requests at exits, ${routedHops} routed hops, copies kept: ${copies.owner} owner, ${copies.path} path, ${copies.handoff} handoff`;
}
