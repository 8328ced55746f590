/**
 * `npm run long -- NAME [SEED]`: acceptance-size runs on real daemons, at most an hour each. Each appends its result, with commit
 * and seed, to test/RESULTS-long.md; a run whose figures are missed ends with 1.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a run hands back: lines for people, and whether everything it promises held. */
export interface LongResult {
  readonly held: boolean;
  readonly lines: readonly string[];
}

const RUNS: Readonly<Record<string, { readonly what: string; readonly run: (seed: number) => Promise<LongResult> }>> = {
  'main-job': {
    what: '20 MiB over a devnet of 10; every node fetches it; three killed; who kept what, and why',
    run: async (seed) => (await import('./main-job.ts')).run(seed),
  },
  'router-churn': {
    what: '30 daemons, a third killed and restarted at random for 10 min (CHURN_MINUTES) while four clients publish and fetch',
    run: async (seed) => (await import('./router-churn.ts')).run(seed),
  },
  'store-kills': {
    what: 'the datastore cut at every boundary of 5,000 operations, on lying disks, and killed 1,000 times under load',
    run: async (seed) => (await import('./store-kills.ts')).run(seed),
  },
  documents: {
    what: 'round trips up to 100 MiB and 2,000 files with three of ten killed, a range, exact losses and their healing, what a home tells',
    run: async (seed) => (await import('./documents.ts')).run(seed),
  },
  memory: {
    what: '1 GiB (MEMORY_MIB) published and fetched on a devnet of 10, 10 GiB (MEMORY_SIMULATED_GIB) against a simulated store: peak above idle',
    run: async (seed) => (await import('./memory.ts')).run(seed),
  },
  'queue-kills': {
    what: 'fetches and publishes of 200 MiB under a hundred kills of command and daemon: what is fetched or inserted again',
    run: async (seed) => (await import('./queue-kills.ts')).run(seed),
  },
  'forged-records': {
    what: 'a million forged or old SSK, pointer and keyword records against relay, store and reader: none accepted',
    run: async (seed) => (await import('./forged-records.ts')).run(seed),
  },
  'gateway-canary': {
    what: 'every leak vector in Chromium through a gateway; a canary counts connections (0 wanted)',
    run: async () => (await import('./gateway-canary.ts')).run(),
  },
  'gateway-downloads': {
    what: '200 MiB through a gateway by curl, wget and aria2c, each killed and resumed',
    run: async (seed) => (await import('./gateway-downloads.ts')).run(seed),
  },
  'fcp-fuzz': {
    what: 'a million generated FCP messages: no crash, no hang, bounded memory',
    run: async (seed) => (await import('./fcp-fuzz.ts')).run(seed),
  },
  'fcp-large': {
    what: '200 MiB put and got through FCP, direct and by disk, daemons killed in the middle of what persists',
    run: async (seed) => (await import('./fcp-large.ts')).run(seed),
  },
  packed: {
    what: 'npm pack, installed globally into an empty prefix with an empty HOME: how long until a document is fetched',
    run: async () => (await import('./packed.ts')).run(),
  },
  handshakes: {
    what: 'a million hostile handshake messages in memory, some thousands over sockets: none accepted, none answered',
    run: async () => (await import('./handshakes.ts')).run(),
  },
};

const [name, seedText] = process.argv.slice(2);
const chosen = name === undefined ? undefined : RUNS[name];
if (chosen === undefined) {
  if (name !== undefined) console.error(`no long run is called ${name}`);
  for (const [key, { what }] of Object.entries(RUNS)) console.log(`${key.padEnd(12)} ${what}`);
  process.exit(name === undefined ? 0 : 2);
}
const seed = Number(seedText ?? 1);
const startedMs = performance.now();
const result = await chosen.run(seed);
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const heading = `## ${name}, ${new Date().toISOString().slice(0, 10)}, commit ${commit}, seed ${seed}: ${result.held ? 'held' : 'MISSED'} (${((performance.now() - startedMs) / 1000).toFixed(0)} s)`;
const text = `\n${heading}\n\n${result.lines.map((line) => `    ${line}`).join('\n')}\n`;
console.log(text);
appendFileSync(fileURLToPath(new URL('../RESULTS-long.md', import.meta.url)), text);
process.exit(result.held ? 0 : 1);
