import test from 'ava';
import { hexKey } from '../../../daemon/ids.ts';
import { createValidation, VALIDATE_MS } from '../../../daemon/topology/validation.ts';
import type { Descriptor } from '../../../daemon/wire/descriptor-types.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

function setUp(count: number, isDead: (key: string) => boolean, isLinked: (key: string) => boolean = () => false) {
  const clock = createManualClock();
  const relays = Array.from({ length: count }, (_, i) => ({ nodeId: new Uint8Array(32).fill(i + 1) }) as Descriptor);
  const seen: string[] = [];
  const found: string[] = [];
  const failed: string[] = [];
  const keyOf = (relay: Descriptor): string => hexKey(relay.nodeId);
  const validation = createValidation({
    clock,
    random: createSeededRandom('validation'),
    links: {
      get: (id) => (isLinked(hexKey(id)) ? ({ isOpen: true } as never) : undefined),
      async probe(at) {
        seen.push(keyOf(at));
        if (isDead(keyOf(at))) throw new Error('nobody there');
      },
    },
    known: {
      relays: () => relays.filter((relay) => !failed.includes(keyOf(relay))),
      found: (at) => found.push(keyOf(at)) > 0,
      failed: (key) => void failed.push(key),
    },
  });
  return { clock, validation, relays: relays.map(keyOf), seen, found, failed };
}

test('Validation: every relay of the view has its turn, one at a time, and the dead are left out', async (t) => {
  const dead = hexKey(new Uint8Array(32).fill(3));
  const { clock, validation, relays, seen, found, failed } = setUp(10, (key) => key === dead);
  validation.start();
  for (let i = 0; i < 24; i++) {
    const before = seen.length;
    await clock.advance(VALIDATE_MS * 0.74);
    t.true(seen.length - before <= 1);
  }
  t.deepEqual([...new Set(seen)].sort(), relays);
  t.deepEqual(failed, [dead]);
  t.is(found.length + failed.length, seen.length);
  validation.stop();
  const count = seen.length;
  await clock.advance(VALIDATE_MS * 10);
  t.is(seen.length, count);
});

test('Validation: a relay to which a link stands is not looked for', async (t) => {
  const { clock, validation, relays, seen } = setUp(
    4,
    () => false,
    (key) => key !== hexKey(new Uint8Array(32).fill(2)),
  );
  validation.start();
  await clock.advance(VALIDATE_MS * 8);
  t.true(seen.length > 0);
  t.deepEqual([...new Set(seen)], [relays[1]!]);
  validation.stop();
});
