import test from 'ava';
import { PROBATION_NODES_MAX } from '../../../daemon/limits.ts';
import { readablePeers } from '../../../daemon/router/owners.ts';
import { createProbation, PROBATION_MS } from '../../../daemon/topology/probation.ts';
import type { Peer } from '../../../daemon/topology/topology-types.ts';
import { createManualClock } from '../../support/manual-clock.ts';

test('Probation: an hour from the first time, however often it comes back; a peer of an earlier life is not new', async (t) => {
  const clock = createManualClock();
  const probation = createProbation({ clock });
  probation.vouch('old');
  t.false(probation.isNew('old'));
  t.true(probation.isNew('a'));
  await clock.advance(PROBATION_MS - 1);
  t.true(probation.isNew('a'));
  t.true(probation.isNew('b'));
  await clock.advance(1);
  t.false(probation.isNew('a'));
  t.true(probation.isNew('b'));
});

test('Probation: past its cap the node known longest ago is forgotten, and new when it comes back', async (t) => {
  const clock = createManualClock();
  const probation = createProbation({ clock });
  probation.isNew('first');
  probation.isNew('second');
  await clock.advance(PROBATION_MS);
  for (let i = 0; i < PROBATION_NODES_MAX - 1; i++) probation.isNew(`n${i}`);
  t.false(probation.isNew('second'));
  t.true(probation.isNew('first'));
});

test('readablePeers: those known for long, or everybody while nobody is', (t) => {
  const peer = (key: string, onProbation?: boolean): Peer => ({ key, onProbation }) as Peer;
  const [old, young, other] = [peer('old', false), peer('young', true), peer('other', true)];
  t.deepEqual(readablePeers([old, young, other]), [old]);
  t.deepEqual(readablePeers([young, other]), [young, other]);
  const plain = peer('plain');
  t.deepEqual(readablePeers([plain, young]), [plain]);
});
