/**
 * Choice of relays; what is remembered of failing ones; the request window.
 * @module
 */
import test from 'ava';
import fc from 'fast-check';
import { hexKey, nodeId } from '../../../daemon/ids.ts';
import { RELAY_VIEW_MAX } from '../../../daemon/limits.ts';
import { choosePath, usableRelays } from '../../../daemon/onion/path.ts';
import { createRelayHealth, REPORT_AFTER } from '../../../daemon/onion/relay-health.ts';
import { createRequestWindow, WINDOW_FIRST } from '../../../daemon/onion/window.ts';
import { pathPrefix } from '../../../daemon/wire/address.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { relayAt } from './units.ts';

const OWN = nodeId(new Uint8Array(32).fill(255));
const RULES = { ownNodeId: OWN, prefixRules: true };
const keyOf = (index: number): string => hexKey(relayAt(index).nodeId);
const none = (): boolean => false;

test('choosePath: guard first, three different relays of three prefixes, never the own node or a light one', (t) => {
  fc.assert(
    fc.property(fc.nat(1_000), fc.array(fc.nat(5), { minLength: 3, maxLength: 12 }), (seed, prefixes) => {
      const relays = prefixes.map((prefix, i) =>
        relayAt(i + 1, `10.${prefix}.${i}.1`, i === 2 ? ROLE.light : ROLE.full),
      );
      relays.push(relayAt(255, '10.200.0.1'));
      const guard = relays[0]!;
      const path = choosePath(
        relays,
        RULES,
        { guard, usedExits: new Set(), failedLately: none },
        createSeededRandom(seed),
      );
      const others = new Set(
        relays
          .slice(1, -1)
          .filter(({ role }) => role !== ROLE.light)
          .map(({ addresses }) => pathPrefix(addresses[0]!.host)),
      );
      others.delete(pathPrefix(guard.addresses[0]!.host));
      if (others.size < 2) return t.is(path, undefined);
      t.is(path![0], guard);
      t.is(new Set(path!.map((relay) => hexKey(relay.nodeId))).size, 3);
      t.is(new Set(path!.map(({ addresses }) => pathPrefix(addresses[0]!.host))).size, 3);
      t.true(path!.every(({ role, nodeId: id }) => role !== ROLE.light && hexKey(id) !== hexKey(OWN)));
    }),
  );
});

test('choosePath: IPv6 by /32; prefixes do not matter where the rule is off', (t) => {
  const relays = [relayAt(1, '2001:db8::1'), relayAt(2, '2001:db8:1::1'), relayAt(3, '2001:db8:2::1')];
  const wish = { guard: relays[0]!, usedExits: new Set<string>(), failedLately: none };
  t.is(choosePath(relays, RULES, wish, createSeededRandom(1)), undefined);
  t.truthy(choosePath(relays, { ...RULES, prefixRules: false }, wish, createSeededRandom(1)));
});

test('choosePath: exits differ while there are new ones, then repeat; failing relays are taken only when nothing else is left', (t) => {
  const relays = [1, 2, 3, 4, 5].map((i) => relayAt(i));
  const guard = relays[0]!;
  const random = createSeededRandom(5);
  const usedExits = new Set<string>();
  for (let i = 0; i < 4; i++) {
    const path = choosePath(relays, RULES, { guard, usedExits, failedLately: none }, random)!;
    t.false(usedExits.has(hexKey(path[2].nodeId)));
    usedExits.add(hexKey(path[2].nodeId));
  }
  t.truthy(choosePath(relays, RULES, { guard, usedExits, failedLately: none }, random), 'no new exit is left');
  const failing = new Set([keyOf(2), keyOf(3)]);
  const failedLately = (key: string): boolean => failing.has(key);
  for (let i = 0; i < 20; i++) {
    const path = choosePath(relays, RULES, { guard, usedExits: new Set(), failedLately }, random)!;
    t.false(path.some((relay) => failing.has(hexKey(relay.nodeId))));
  }
  failing.add(keyOf(4));
  t.truthy(choosePath(relays, RULES, { guard, usedExits: new Set(), failedLately }, random));
});

test('choosePath: middle and exit are uniform', (t) => {
  const relays = [1, 2, 3, 4, 5].map((i) => relayAt(i));
  const random = createSeededRandom(6);
  const counts = new Map<string, number>();
  for (let i = 0; i < 1_200; i++) {
    const [, middle, exit] = choosePath(
      relays,
      RULES,
      { guard: relays[0]!, usedExits: new Set(), failedLately: none },
      random,
    )!;
    const pair = `${hexKey(middle.nodeId)}${hexKey(exit.nodeId)}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  t.is(counts.size, 12);
  for (const count of counts.values()) t.true(count > 60 && count < 145, `${count} of about 100`);
});

test('usableRelays: full and seed nodes other than our own', (t) => {
  const relays = [relayAt(1), relayAt(2, undefined, ROLE.seed), relayAt(3, undefined, ROLE.light), relayAt(255)];
  t.deepEqual(usableRelays(relays, RULES), relays.slice(0, 2));
});

test('relay health: a failure postpones for longer each time, success forgets, every third in a row is reported, memory is bounded', (t) => {
  const health = createRelayHealth();
  t.false(health.failedLately('a', 0));
  t.false(health.failed('a', 0));
  t.true(health.failedLately('a', 29_999));
  t.false(health.failedLately('a', 30_000));
  t.false(health.failed('a', 30_000));
  t.true(health.failedLately('a', 89_999));
  t.true(health.failed('a', 90_000));
  t.is(REPORT_AFTER, 3);
  health.worked('a');
  t.false(health.failedLately('a', 90_001));
  health.failed('first', 0);
  for (let i = 0; i < RELAY_VIEW_MAX; i++) health.failed(`${i}`, 0);
  t.false(health.failedLately('first', 1), 'the oldest entry had to go');
  t.true(health.failedLately('0', 1));
});

test('window: grows while answers are fast, to its ceiling; shrinks once per round trip when they queue, to its floor', (t) => {
  const window = createRequestWindow();
  t.is(window.size, WINDOW_FIRST);
  for (let i = 0; i < 500; i++) window.answered(100, i * 10);
  t.is(window.size, 16);
  window.answered(401, 6_000);
  t.is(window.size, 12);
  window.answered(401, 6_001);
  t.is(window.size, 12, 'the same round trip');
  for (let i = 1; i < 40; i++) window.answered(1_000, 6_000 + i * 1_000);
  t.is(window.size, 2);
  for (let i = 0; i < 20; i++) window.answered(150, 100_000 + i);
  t.true(window.size > 2);
});

test('window: what is fast in absolute terms is never called slow', (t) => {
  const window = createRequestWindow();
  window.answered(1, 0);
  for (let i = 1; i < 300; i++) window.answered(150, i);
  t.is(window.size, 16);
});
