import test from 'ava';
import type { Verdict } from '../../../daemon/api/schema.ts';
import { PATIENCE_MS, type VerdictFacts, verdictOf } from '../../../daemon/api/verdict.ts';

const healthy: VerdictFacts = {
  uptimeMs: 60_000,
  joinStage: 'joined',
  seeds: 1,
  seedsTried: 1,
  seedsAnswered: 1,
  links: 5,
  peers: 4,
  estimatedNodes: 8,
  usableRelays: 7,
  guardUp: true,
  circuitsReady: 1,
  builtLately: 1,
  buildFailuresLately: 0,
  writeFailuresLately: 0,
  damagedLately: 0,
  clockOffsetMs: 5,
};

const says = test.macro({
  exec(t, change: Partial<VerdictFacts>, word: Verdict, reason: RegExp) {
    const verdict = verdictOf({ ...healthy, ...change });
    t.is(verdict.word, word);
    t.regex(verdict.reason, reason);
    t.is(verdict.next === '', word === 'HEALTHY', 'a reason comes with a next step');
  },
  title: (given = '') => `verdictOf: ${given}`,
});

test('a joined node with circuits is healthy', says, {}, 'HEALTHY', /^$/);
test('failed dials and builds beside successes are ordinary churn', says, { buildFailuresLately: 9 }, 'HEALTHY', /^$/);
test('a network of two needs one peer', says, { estimatedNodes: 2, peers: 1, usableRelays: 3 }, 'HEALTHY', /^$/);
test('no seed and nobody here', says, { peers: 0, links: 0, seeds: 0 }, 'OFFLINE', /no seed is configured/);
test(
  'seeds that do not answer, in the first seconds',
  says,
  { peers: 0, links: 0, uptimeMs: PATIENCE_MS, seedsAnswered: 0, joinStage: 'dialling seeds' },
  'CONNECTING',
  /dialling seeds, 0 of 1/,
);
test(
  'seeds that do not answer, after a while',
  says,
  { peers: 0, links: 0, uptimeMs: PATIENCE_MS + 1, seedsAnswered: 0 },
  'OFFLINE',
  /0 of 1 seeds answered/,
);
test('too few relays for a circuit', says, { usableRelays: 2 }, 'CONNECTING', /2 of 3 relays/);
test('a single peer of many nodes', says, { peers: 1 }, 'DEGRADED', /only one peer/);
test(
  'circuits that all fail',
  says,
  { circuitsReady: 0, builtLately: 0, buildFailuresLately: 3 },
  'DEGRADED',
  /3 circuits failed/,
);
test('damaged blocks', says, { damagedLately: 1 }, 'DEGRADED', /damaged/);
test('refused writes come before everything else', says, { writeFailuresLately: 1, peers: 0 }, 'TROUBLE', /refused 1/);
test('a clock far off', says, { clockOffsetMs: -7 * 3_600_000 }, 'TROUBLE', /7 hours off/);
