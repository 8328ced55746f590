/**
 * The same seed is the same world: in another order, beside others in one process, and two hundred times over.
 * @module
 */
import test from 'ava';
import { createFastRandom } from './world/fast-random.ts';
import { SimWorld } from './world/sim-world.ts';
import { drawFaults, Weather } from './world/weather.ts';
import { fetch, publish } from './world/workload.ts';

interface Outcome {
  readonly hash: string;
  readonly events: number;
  readonly broken: readonly string[];
}

/** Four nodes are the fewest with circuits of three relays: that many or more where they are used, else three, which join all the same. */
function nodesOf(seed: number): number {
  return seed % 10 === 0 ? 4 + ((seed / 10) % 3) : 3;
}

/** Joins, and on every tenth seed publishes, fetches and suffers faults as well. */
async function smallWorld(seed: number): Promise<Outcome> {
  const world = new SimWorld({ seed });
  await world.grow(nodesOf(seed), 20_000);
  if (seed % 10 === 0) {
    const weather = new Weather(world, drawFaults(createFastRandom(`${seed}|plan`)), new Set([0, 1]));
    weather.start(30_000);
    const published = await world.inTime(publish(world, 0, world.random.bytes(3_000)), 900_000);
    if (published.type === 'published') await world.inTime(fetch(world, 1, published.document), 900_000);
    await weather.calm();
  }
  return { hash: world.trace.hash(), events: world.trace.events, broken: world.check() };
}

test('SimWorld: 200 small networks run twice, the second time in reverse order, give the same traces', async (t) => {
  t.timeout(90_000);
  const seeds = Array.from({ length: 200 }, (_, i) => i + 1);
  const first = new Map<number, string>();
  for (const seed of seeds) {
    const { hash, events, broken } = await smallWorld(seed);
    t.deepEqual(broken, [], `seed ${seed}`);
    t.true(events > 50, 'the trace says what happened');
    first.set(seed, hash);
  }
  t.is(new Set(first.values()).size, seeds.length, 'different seeds differ');
  for (const seed of seeds.toReversed()) t.is((await smallWorld(seed)).hash, first.get(seed)!, `seed ${seed}`);
});

test('SimWorld: two worlds advanced in turns are the worlds they are alone', async (t) => {
  const alone = async (seed: number): Promise<string> => {
    const world = new SimWorld({ seed });
    await world.grow(5);
    for (let i = 0; i < 20; i++) await world.advance(500);
    return world.trace.hash();
  };
  const [a, b] = [await alone(11), await alone(12)];
  const [one, two] = [new SimWorld({ seed: 11 }), new SimWorld({ seed: 12 })];
  await Promise.all([one.grow(5), two.grow(5)]);
  for (let i = 0; i < 20; i++) await Promise.all([one.advance(500), two.advance(500)]);
  t.is(one.trace.hash(), a);
  t.is(two.trace.hash(), b);
});

test('SimWorld: real cryptography with seeded randomness repeats itself too', async (t) => {
  const run = async (): Promise<string> => {
    const world = new SimWorld({ seed: 3, crypto: 'seeded' });
    await world.grow(4);
    return world.trace.hash();
  };
  t.is(await run(), await run());
});
