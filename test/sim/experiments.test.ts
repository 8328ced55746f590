/**
 * Every experiment in its short form, the seeds that once failed, and what the runner makes of a result.
 * @module
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { curvesOf, plotCurves } from './plot.ts';
import { document, report } from './report.ts';
import { experimentNames, loadExperiment, replayCommand } from './run.ts';

interface FailingSeed {
  readonly experiment: string;
  readonly seed: number;
  readonly nodes?: number;
  /** What was broken, and the commit that mended it. */
  readonly why: string;
}

const failing = JSON.parse(readFileSync(new URL('failing-seeds.json', import.meta.url), 'utf8')) as FailingSeed[];
const options = { runs: 1, nodes: undefined, peers: undefined, short: true, progress: () => {} };
/** Whole nodes; the experiments of routing alone have tests of their own. */
const WHOLE_NODES = ['churn', 'flash-crowd', 'network', 'partition', 'speed'];

for (const name of WHOLE_NODES) {
  test(`sim ${name}: in its short form every invariant holds and every figure is reached`, async (t) => {
    const experiment = await loadExperiment(name);
    const result = await experiment.run({ ...options, seed: 1 });
    t.deepEqual(result.broken, []);
    for (const figure of result.figures) t.true(figure.reached, `${figure.what}: ${figure.measured}`);
    t.true(result.rows.length > 0 && result.messages > 500);
    t.regex(result.traceHash, /^[0-9a-f]{64}$/);
  });
}

test('failing-seeds.json: what once failed no longer does', async (t) => {
  for (const { experiment: name, seed, nodes } of failing) {
    const experiment = await loadExperiment(name);
    const result = await experiment.run({ ...options, seed, nodes });
    t.deepEqual(result.broken, [], replayCommand(name, seed, { nodes, short: true }));
  }
  t.true(Array.isArray(failing));
});

test('loadExperiment: a file is named after what it exports, has one line, and an unknown name is a usage error', async (t) => {
  for (const name of WHOLE_NODES) {
    t.true(experimentNames().includes(name));
    const { name: own, what, defaults } = await loadExperiment(name);
    t.is(own, name);
    t.false(what.includes('\n'));
    t.true(defaults.nodes > 0 && defaults.runs > 0);
  }
  await t.throwsAsync(loadExperiment('../run'), { message: /no experiment/ });
});

const RESULT = {
  rows: [
    { overlay: 'holloway', nodes: 100, peers: 20, hopsMean: 2.5 },
    { overlay: 'holloway', nodes: 1_000, peers: 20, hopsMean: 3.25 },
    { overlay: 'a<b', nodes: 100, peers: 20, hopsMean: 4 },
  ],
  figures: [
    { what: 'hops', wanted: '<= 4.4', measured: '3.25', reached: true },
    { what: 'success', wanted: '>= 99 %', measured: '98 %', reached: false },
  ],
  faults: { crash: 2 },
  traceHash: 'ab',
  nodes: 1_000,
  virtualMs: 5_000,
  messages: 10,
  broken: [{ seed: 4, what: 'a rule' }],
  notes: ['why'],
};
const HEAD = { experiment: 'routing', seed: 3, runs: 1, commit: 'abc', configHash: 'def' };
const COST = { wallMs: 20, cpuMs: 15, peakMemoryBytes: 2 ** 20 };

test('report: a missed figure and a broken invariant are said plainly', (t) => {
  const text = report(HEAD, RESULT, COST, 'hops');
  t.true(text.includes('MISSED   success: 98 % (wanted >= 99 %)'));
  t.true(text.includes('reached  hops: 3.25 (wanted <= 4.4)'));
  t.true(text.includes('1 BROKEN'));
  t.true(text.includes('crash 2'));
});

test('document: the promised fields are there', (t) => {
  t.like(document(HEAD, RESULT, COST), {
    experiment: 'routing',
    seed: 3,
    nodes: 1_000,
    commit: 'abc',
    configHash: 'def',
    traceHash: 'ab',
    virtualMs: 5_000,
    messages: 10,
    wallMs: 20,
    cpuMs: 15,
    peakMemoryBytes: 2 ** 20,
  });
});

test('replayCommand: seed and options come back', (t) => {
  t.is(
    replayCommand('network', 7, { nodes: 50, short: true }),
    'npm run sim -- network --nodes 50 --seed 7 --runs 1 --short',
  );
});

test('plotCurves: one line a series, and names cannot break the drawing', (t) => {
  const curves = curvesOf([...RESULT.rows, { nodes: 'many', hopsMean: 3 }, { nodes: 5, hopsMean: null }]);
  t.deepEqual(
    curves.map(({ points }) => points.length),
    [2, 1],
  );
  const svg = plotCurves(curves);
  t.regex(svg, /^<svg .*<\/svg>\n$/s);
  t.is(svg.match(/<circle/g)?.length, 3);
  t.false(svg.includes('a<b'));
  t.false(svg.includes('NaN'));
});
