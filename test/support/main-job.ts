/**
 * The main job on real daemons, in any size: publish, fetch from everywhere, look at who kept what and why, kill three, fetch again.
 * The suite runs it small, `npm run long -- main-job` at acceptance size.
 * @module
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Status, TraceDocument } from '../../daemon/api/schema.ts';
import { KIND } from '../../daemon/ids.ts';
import { fetchBytes } from './api-client.ts';
import { apiJson, cli, type Devnet } from './devnet.ts';

export interface MainJobReport {
  /** Empty when everything held. */
  readonly broken: readonly string[];
  readonly lines: readonly string[];
  /** Routed hops (Fetch messages sent on by all nodes) of each fetch, in order. */
  readonly hopsPerFetch: readonly number[];
  /** Answers from cached copies at each fetch. */
  readonly cacheAnswers: readonly number[];
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const total = (all: readonly Status[], of: (status: Status) => number): number =>
  all.reduce((sum, status) => sum + of(status), 0);

/** The devnet must have been started with HOLLOWAY_DEBUG_TRACE=true. Kills nodes 1, 4 and 6 at the end. */
export async function runMainJob(devnet: Devnet, document: Uint8Array): Promise<MainJobReport> {
  const broken: string[] = [];
  const lines: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) broken.push(what);
  };
  const expected = hashOf(document);
  const file = join(devnet.dir, 'document.bin');
  writeFileSync(file, document);

  const published = await cli(['publish', file, '--home', devnet.home(1), '--progress', 'none']);
  check(published.code === 0, `publish exits 0, not ${published.code}: ${published.stderr}`);
  const uri = published.stdout.trim();
  lines.push(`publish on node 1: ${document.length} bytes in ${(published.tookMs / 1000).toFixed(2)} s`);

  const hopsPerFetch: number[] = [];
  const cacheAnswers: number[] = [];
  for (const node of orderOfFetches(devnet)) {
    const before = await devnet.allStatus();
    const startedMs = performance.now();
    const fetched = await fetchVia(devnet, node, uri);
    const tookMs = performance.now() - startedMs;
    check(hashOf(fetched) === expected, `node ${node} fetches the same bytes`);
    const after = await devnet.allStatus();
    const hops =
      total(after, (status) => status.requests.forwardedFetches) -
      total(before, (status) => status.requests.forwardedFetches);
    const cached =
      total(after, (status) => status.requests.foundInCache) - total(before, (status) => status.requests.foundInCache);
    const copies =
      total(after, (status) => status.store.copies.path) - total(before, (status) => status.store.copies.path);
    const own = (all: readonly Status[]): number =>
      all[devnet.nodes.findIndex(({ i }) => i === node)]!.requests.exitFetches;
    check(own(before) === own(after), `node ${node}'s own fetch never enters its own router`);
    hopsPerFetch.push(hops);
    cacheAnswers.push(cached);
    lines.push(
      `fetch on node ${node}: ${(tookMs / 1000).toFixed(2)} s, ${hops} routed hops, ${cached} answered from caches, ${copies} new path copies`,
    );
  }
  await checkCopies(devnet, check, lines);

  devnet.kill(1, 4, 6);
  const startedMs = performance.now();
  const out = join(devnet.dir, 'again.bin');
  const again = await cli([
    'fetch',
    uri,
    '-o',
    out,
    '--home',
    devnet.home(9),
    '--progress',
    'none',
    '--timeout',
    '120s',
  ]);
  check(again.code === 0, `after three kills node 9 fetches: exit ${again.code}: ${again.stderr}`);
  if (again.code === 0) check(hashOf(readFileSync(out)) === expected, 'after three kills the bytes are the same');
  lines.push(
    `publisher and two others killed; fetch on node 9: ${((performance.now() - startedMs) / 1000).toFixed(2)} s`,
  );
  return { broken, lines, hopsPerFetch, cacheAnswers };
}

/** Node 7 first, as a person would be told to; then all others. */
function orderOfFetches(devnet: Devnet): number[] {
  const first = Math.min(7, devnet.nodes.length);
  return [first, ...devnet.nodes.map(({ i }) => i).filter((i) => i !== first)];
}

async function fetchVia(devnet: Devnet, node: number, uri: string): Promise<Uint8Array> {
  return (await fetchBytes(devnet.home(node), uri)).content;
}

/** Every copy anywhere must come from a routed message; what a node only carried or asked for leaves none. */
async function checkCopies(
  devnet: Devnet,
  check: (holds: boolean, what: string) => void,
  lines: string[],
): Promise<void> {
  const traces = await Promise.all(devnet.nodes.map(({ home }) => apiJson<TraceDocument>(home, '/v1/trace')));
  const statuses = await devnet.allStatus();
  let carried = 0;
  let carriedAndHeld = 0;
  const keptBy = traces.map(
    (trace) => new Set(trace.events.flatMap((event) => (event.type === 'copyKept' ? [event.key] : []))),
  );
  traces.forEach((trace, index) => {
    const { store, cache } = statuses[index]!.store;
    check(
      store.blocks + cache.blocks <= keptBy[index]!.size,
      `node ${index + 1} holds ${store.blocks + cache.blocks} blocks, ${keptBy[index]!.size} explained by routed messages`,
    );
    for (const event of trace.events) if (event.type === 'circuitRequest') carried += event.relays?.length ?? 0;
  });
  // A relay that holds a block it carried must have got it over a routed link as well: same key in its own copyKept events.
  const keys = new Set(
    traces.flatMap((trace) =>
      trace.events.flatMap((event) =>
        event.type === 'circuitRequest' && event.operation === 'fetch' ? [event.key] : [],
      ),
    ),
  );
  const sample = [...keys].slice(0, 200);
  for (const [index, node] of devnet.nodes.entries()) {
    for (const key of sample) {
      const { holds } = await apiJson<TraceDocument>(node.home, `/v1/trace?holds=${KIND.chk}:${key}`);
      if (holds === null) continue;
      carriedAndHeld++;
      check(holds !== 'unexplained', `node ${index + 1} holds a block that no routed message brought`);
    }
  }
  lines.push(
    `copies by reason: ${total(statuses, (status) => status.store.copies.owner)} owner, ${total(statuses, (status) => status.store.copies.path)} path, ${total(statuses, (status) => status.store.copies.handoff)} handoff`,
    `relay passages recorded: ${carried}; copies of ${sample.length} sampled blocks on all nodes: ${carriedAndHeld}, each with the routed message that brought it`,
  );
}
