import test from 'ava';
import {
  CREDIT_FIRST,
  CREDIT_MIN,
  PEERS_MAX,
  PENDING_EXIT_INSERTS_MAX,
  PENDING_EXITS_MAX,
  PENDING_EXITS_PER_ORIGIN_MAX,
  PENDING_INSERTS_MAX,
  PENDING_PER_PEER_MAX,
  PENDING_REQUESTS_MAX,
  WORK_BITS_MAX,
} from '../../../daemon/limits.ts';
import { Slots } from '../../../daemon/router/slots.ts';

/** Round after round each takes one more, until nobody gets any. */
function fill(admit: (name: string) => boolean, names: readonly string[]): Map<string, number> {
  const held = new Map(names.map((name) => [name, 0]));
  for (let took = true; took; ) {
    took = false;
    for (const name of names) {
      if (!admit(name)) continue;
      held.set(name, held.get(name)! + 1);
      took = true;
    }
  }
  return held;
}

const named = (count: number): string[] => Array.from({ length: count }, (_, i) => `peer ${i}`);

test('Slots: PENDING_PER_PEER_MAX for one peer while there is room, freed one by one', (t) => {
  const slots = new Slots();
  t.is(fill((peer) => slots.admit(peer, false), ['a']).get('a'), PENDING_PER_PEER_MAX);
  t.true(slots.admit('b', false));
  slots.release('a', false);
  t.true(slots.admit('a', false));
  t.false(slots.admit('a', false));
});

test('Slots: four that flood get no more than their shares, and who comes later still finds his', (t) => {
  const slots = new Slots();
  const flood = fill((peer) => slots.admit(peer, false), named(4));
  for (const held of flood.values()) t.true(held <= PENDING_REQUESTS_MAX / 5 + 1 && held > PENDING_REQUESTS_MAX / 6);
  const late = fill((peer) => slots.admit(peer, false), ['late']).get('late')!;
  t.true(late >= PENDING_REQUESTS_MAX / 7, `${late}`);
});

test('Slots: PENDING_REQUESTS_MAX is never passed, however many ask', (t) => {
  const slots = new Slots();
  const askers = named(2 * PENDING_REQUESTS_MAX);
  fill((peer) => slots.admit(peer, false), askers);
  t.is(slots.total, PENDING_REQUESTS_MAX);
  t.false(slots.admit('one more', false));
  t.false(slots.admitExit('one more', false));
  slots.release(askers[0]!, false);
  t.true(slots.admitExit('one more', false));
});

test('Slots: PENDING_INSERTS_MAX for what holds a block, in shares; fetches still have room', (t) => {
  const slots = new Slots();
  fill((peer) => slots.admit(peer, true), named(2));
  const late = fill((peer) => slots.admit(peer, true), ['late']).get('late')!;
  t.true(late >= PENDING_INSERTS_MAX / 5, `${late}`);
  fill((peer) => slots.admit(peer, true), named(PENDING_INSERTS_MAX));
  t.false(slots.admit('new', true));
  t.true(slots.admit('new', false));
});

test('Slots: the own exit has half of the places and half of those for blocks, whatever comes through circuits', (t) => {
  const slots = new Slots();
  const links = named(2 * PENDING_EXITS_MAX);
  const blocks = fill((origin) => slots.admitExit(origin, true), links);
  t.is(
    [...blocks.values()].reduce((a, b) => a + b),
    PENDING_EXIT_INSERTS_MAX,
  );
  t.true(slots.admit('a', true), 'peers still find room for theirs');
  fill((origin) => slots.admitExit(origin, false), links);
  t.is(slots.total, PENDING_EXITS_MAX + 1);
  t.true(slots.admit('a', false));
  slots.releaseExit(links[0]!, true);
  t.true(slots.admitExit('new', true));
});

test('Slots: circuits over one link cannot take the exit from those over others', (t) => {
  const slots = new Slots();
  t.is(fill((origin) => slots.admitExit(origin, false), ['x']).get('x'), PENDING_EXITS_PER_ORIGIN_MAX);
  fill((origin) => slots.admitExit(origin, false), ['x', 'y', 'z']);
  const late = fill((origin) => slots.admitExit(origin, false), ['late']).get('late')!;
  t.true(late >= PENDING_EXITS_MAX / 8, `${late}`);
});

test('Slots: under pressure a peer that serves us gets more than one that only asks', (t) => {
  const slots = new Slots();
  for (let i = 0; i < 100; i++) {
    slots.served('giver');
    slots.servedBy('giver');
    slots.servedBy('taker');
  }
  t.is(slots.weightOf('giver'), 2);
  t.is(slots.weightOf('taker'), 1);
  const held = fill((peer) => slots.admit(peer, false), ['giver', 'taker', ...named(10)]);
  t.true(held.get('giver')! > 1.6 * held.get('taker')!);
  for (let i = 0; i < 10 * PEERS_MAX; i++) slots.served(`passer ${i}`);
  t.is(slots.weightOf('giver'), 1, 'the oldest services are forgotten');
});

test('Slots: what a peer is told sinks with pressure, never under CREDIT_MIN, and rises again', (t) => {
  const slots = new Slots();
  t.is(slots.creditOf('a'), CREDIT_FIRST);
  const askers = named(1_000);
  fill((peer) => slots.admit(peer, false), askers);
  t.is(slots.creditOf('peer 0'), CREDIT_MIN);
  for (const peer of askers) for (let i = 0; i < 4; i++) slots.release(peer, false);
  t.is(slots.creditOf('peer 0'), CREDIT_FIRST);
});

test('Slots: inserts owe no work until blocks take seven eighths of their room, then up to WORK_BITS_MAX', (t) => {
  const slots = new Slots();
  const peers = named(PENDING_INSERTS_MAX);
  for (let i = 0; i < (PENDING_INSERTS_MAX * 7) / 8; i++) slots.admit(peers[i]!, true);
  t.is(slots.workBits, 0);
  const calmMs = slots.retryMs;
  slots.admit('one more', true);
  t.is(slots.workBits, 1);
  fill((peer) => slots.admit(peer, true), peers);
  t.is(slots.workBits, WORK_BITS_MAX);
  t.true(slots.retryMs > calmMs);
});
