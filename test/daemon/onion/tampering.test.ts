/**
 * Cells changed, dropped, repeated and swapped on every hop and in both directions: the circuit dies at the next hop that has a key to
 * tell: forward the very next relay, backward the client (the relays between only add their layer over what nobody can read).
 * @module
 */
import test from 'ava';
import { hexKey, KIND, routingKey } from '../../../daemon/ids.ts';
import type { DocumentCircuits } from '../../../daemon/onion/onion-types.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { createOnionWorld, inTime, type OnionWorld, type Tamper } from './onion-world.ts';

const WANTED = { kind: KIND.chk, key: routingKey(createSeededRandom('wanted').bytes(32)) };
const BLOCK = createSeededRandom('block').bytes(32_768);

interface Scene {
  readonly world: OnionWorld;
  readonly circuits: DocumentCircuits;
  /** Node indexes: client, guard, middle, exit. */
  readonly path: readonly number[];
}

/** Exactly three relays, so the document has one circuit, and nothing can replace it unnoticed. */
async function scene(seed: number): Promise<Scene> {
  const world = await createOnionWorld(seed);
  for (let i = 0; i < 4; i++) world.add();
  const circuits = await inTime(world, world.nodes[0]!.onion.open({ trafficClass: 'fast', padding: false, blocks: 1 }));
  await inTime(world, circuits.fetch(WANTED, 0));
  const event = world.nodes[0]!.trace[0]!;
  const relays = event.type === 'circuitRequest' ? event.relays : [];
  const path = [0, ...relays.map((id) => world.nodes.findIndex(({ descriptor }) => hexKey(descriptor.nodeId) === id))];
  world.exitCalls.length = 0;
  return { world, circuits, path };
}

const relayedCircuits = (world: OnionWorld): number =>
  world.nodes.reduce((sum, { onion }) => {
    const { guard, middle, exit } = onion.snapshot().relayed;
    return sum + guard + middle + exit;
  }, 0);

/** Changes the first cell of that size on that hop, once. */
function once(from: number, to: number, length: number, change: (cell: Uint8Array) => Uint8Array[]): Tamper {
  let done = false;
  return (cell, a, b) => {
    if (done || a !== from || b !== to || cell.length !== length) return [cell];
    done = true;
    return change(cell);
  };
}

const HOPS = [
  { name: 'client-guard', from: 0, to: 1, layerBytes: 34_808 },
  { name: 'guard-middle', from: 1, to: 2, layerBytes: 34_792 },
  { name: 'middle-exit', from: 2, to: 3, layerBytes: 34_776 },
];

for (const { name, from, to, layerBytes } of HOPS) {
  for (const direction of ['forward', 'backward'] as const) {
    test(`a large cell changed anywhere, ${name}, ${direction}: nothing is delivered and nothing of the circuit is left`, async (t) => {
      const offsets = [8, 9, 20, 5_000, layerBytes - 17 + 8, layerBytes - 16 + 8, layerBytes - 1 + 8];
      for (const [index, at] of offsets.entries()) {
        const { world, circuits, path } = await scene(index + 1);
        const [a, b] = direction === 'forward' ? [path[from]!, path[to]!] : [path[to]!, path[from]!];
        const flip = (cell: Uint8Array): Uint8Array[] => {
          cell[at]! ^= 0x10;
          return [cell];
        };
        world.tamper = once(a, b, 34_816, flip);
        const onwardBefore = largeCellsOnward(world, path, to);
        const asked: Promise<{ type: string }> =
          direction === 'forward' ? circuits.insert(WANTED, 0, 1, BLOCK) : circuits.fetch(WANTED, 0);
        const outcome = await inTime(world, asked);
        t.is(outcome.type, 'circuitFailed');
        if (direction === 'forward') t.is(world.exitCalls.length, 0);
        if (direction === 'forward') t.is(largeCellsOnward(world, path, to), onwardBefore, 'nothing went beyond');
        circuits.close();
        await world.clock.advance(100);
        t.is(relayedCircuits(world), 0);
        world.stop();
      }
    });
  }
}

/** Large cells that left the hop which met the changed one, onward to the exit. */
function largeCellsOnward(world: OnionWorld, path: readonly number[], to: number): number {
  return (world.lengths.get(`${path[to]}>${path[to + 1]}`) ?? []).filter((length) => length === 34_816).length;
}

for (const { name, from, to } of HOPS) {
  test(`cells dropped, repeated or swapped, ${name}: the circuit dies, and no request is made twice or out of order`, async (t) => {
    const changes: Record<string, (world: OnionWorld, a: number, b: number) => Tamper> = {
      drop: (_world, a, b) => once(a, b, 2_048, () => []),
      repeat: (_world, a, b) => once(a, b, 2_048, (cell) => [cell, cell]),
      swap: (_world, a, b) => {
        let held: Uint8Array | undefined;
        return (cell, x, y) => {
          if (x !== a || y !== b || cell.length !== 2_048 || held !== undefined)
            return [cell, ...(held === undefined || x !== a || y !== b ? [] : release())];
          held = cell;
          return [];
        };
        function release(): Uint8Array[] {
          const cells = held === undefined || held.length === 0 ? [] : [held];
          held = new Uint8Array(0);
          return cells;
        }
      },
    };
    for (const [change, make] of Object.entries(changes)) {
      const { world, circuits, path } = await scene(20);
      world.tamper = make(world, path[from]!, path[to]!);
      const outcomes = await inTime(
        world,
        Promise.all([0, 1, 2].map((replica) => circuits.fetch({ ...WANTED }, replica))),
      );
      t.true(
        outcomes.some(({ type }) => type === 'circuitFailed'),
        change,
      );
      const replicas = world.exitCalls.map(({ replica }) => replica);
      t.deepEqual(replicas, change === 'repeat' ? [0].slice(0, replicas.length) : [], `${change}: what the exit heard`);
      world.stop();
    }
  });
}

test('a changed circuit id loses the cell, and the next one kills the circuit; changed reserved bytes close the link', async (t) => {
  const { world, circuits, path } = await scene(30);
  world.tamper = once(path[1]!, path[2]!, 2_048, (cell) => {
    cell[3]! ^= 1;
    return [cell];
  });
  const lost = circuits.fetch(WANTED, 0);
  await world.clock.advance(100);
  t.is(world.exitCalls.length, 0);
  const second = circuits.fetch(WANTED, 1);
  t.is((await inTime(world, lost)).type, 'circuitFailed');
  t.is((await inTime(world, second)).type, 'circuitFailed');
  t.is(world.exitCalls.length, 0);
  world.stop();

  const other = await scene(31);
  other.world.tamper = once(other.path[1]!, other.path[2]!, 2_048, (cell) => {
    cell[6] = 1;
    return [cell];
  });
  t.is((await inTime(other.world, other.circuits.fetch(WANTED, 0))).type, 'circuitFailed');
  t.is(other.world.nodes[other.path[2]!]!.links.get(other.world.nodes[other.path[1]!]!.descriptor.nodeId), undefined);
  other.world.stop();
});

test('the random tail behind a layer may be anything: it is dropped', async (t) => {
  const { world, circuits, path } = await scene(32);
  let changed = 0;
  world.tamper = (cell, from, to) => {
    if ((from === path[1] && to === path[2]) || (from === path[2] && to === path[1])) {
      cell[cell.length - 1]! ^= 0xff;
      changed++;
    }
    return [cell];
  };
  t.is((await inTime(world, circuits.fetch(WANTED, 0))).type, 'data');
  t.true(changed >= 2);
  world.stop();
});

test('every cell on every link has one of two lengths, and building shows no depth', async (t) => {
  const { world, circuits } = await scene(33);
  await inTime(world, circuits.insert(WANTED, 0, 1, BLOCK));
  for (const lengths of world.lengths.values()) {
    t.true(lengths.every((length) => length === 2_048 || length === 34_816));
  }
  t.is(world.lengths.size, 6, 'three links, both ways');
  world.stop();
});
