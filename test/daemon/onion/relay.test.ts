/**
 * What a relay does for strangers, and what it refuses: a client that breaks every rule on purpose.
 * @module
 */
import test from 'ava';
import fc from 'fast-check';
import { createCircuitRequest } from '../../../crypto/ntor.ts';
import type { Crypto } from '../../../crypto/provider.ts';
import { KIND, routingKey } from '../../../daemon/ids.ts';
import {
  CIRCUIT_CELLS_MAX,
  CIRCUIT_LIFE_MS,
  CIRCUIT_REQUESTS_MAX,
  CIRCUITS_PER_LINK_MAX,
  CIRCUITS_RELAYED_MAX,
  CREATES_PER_LINK_PER_SEC,
  EXTEND_DIALS_PER_MINUTE,
  EXTEND_DIALS_PER_TARGET,
  HOP_DELAY_MS_MAX,
} from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { COMMAND, controlCell, newCell, readCell } from '../../../daemon/onion/cell.ts';
import { createCellScheduler } from '../../../daemon/onion/cell-scheduler.ts';
import { createCircuitTable } from '../../../daemon/onion/circuit-table.ts';
import { checkExtend, createDialBudget } from '../../../daemon/onion/extend.ts';
import type { OnionDeps, OnionOptions } from '../../../daemon/onion/onion.ts';
import { createRelaySide } from '../../../daemon/onion/relay.ts';
import { encodeExtend, encodeFetch, RELAY } from '../../../daemon/onion/relay-message.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { blockFor, createOnionWorld, type OnionWorld } from './onion-world.ts';
import { createRawClient, type RawClient } from './raw-client.ts';
import { type TestLink, testLink } from './units.ts';

const FETCH = encodeFetch({ kind: KIND.chk, key: routingKey(new Uint8Array(32).fill(7)) }, 0);

async function threeRelays(): Promise<{ world: OnionWorld; client: RawClient }> {
  const world = await createOnionWorld(1);
  for (let i = 0; i < 4; i++) world.add();
  return { world, client: createRawClient(world) };
}

async function builtCircuit(): Promise<{ world: OnionWorld; client: RawClient }> {
  const { world, client } = await threeRelays();
  const [a, b, c] = world.nodes;
  await client.create(a!.descriptor);
  await client.extend(b!.descriptor);
  await client.extend(c!.descriptor);
  return { world, client };
}

const relayed = (world: OnionWorld): number =>
  world.nodes.slice(0, 4).reduce((sum, { onion }) => {
    const { guard, middle, exit } = onion.snapshot().relayed;
    return sum + guard + middle + exit;
  }, 0);

test('relays: three hops are built and counted by position; PADDING is dropped; a FETCH is answered', async (t) => {
  const { world, client } = await builtCircuit();
  t.is(client.hops.length, 3);
  t.deepEqual(
    world.nodes.slice(0, 3).map(({ onion }) => onion.snapshot().relayed),
    [
      { guard: 1, middle: 0, exit: 0 },
      { guard: 0, middle: 1, exit: 0 },
      { guard: 0, middle: 0, exit: 1 },
    ],
  );
  await client.say(RELAY.padding, 0, new Uint8Array(0));
  await client.say(RELAY.fetch, 1, FETCH);
  t.is(client.messages.length, 1);
  t.like(client.messages[0], { type: RELAY.data, requestId: 1 });
  t.is(client.messages[0]!.data.length, 32_768);
  t.false(client.isDestroyed);
  world.stop();
});

test('relay refuses EXTEND to: itself, the hop before, a light client, another node than the handshake names', async (t) => {
  const world = await createOnionWorld(2);
  for (let i = 0; i < 3; i++) world.add();
  const light = world.add({ role: ROLE.light });
  const client = createRawClient(world, false);
  const [a, b] = world.nodes;
  const dialsBefore = (): number => world.dials.filter(({ from }) => from < 3).length;

  await client.create(a!.descriptor);
  t.false(await client.extend(a!.descriptor));
  t.true(client.isDestroyed, 'itself');

  client.hops.length = 0;
  await client.create(a!.descriptor);
  t.false(await client.extend(client.node.descriptor));
  t.true(client.isDestroyed, 'the hop before');

  client.hops.length = 0;
  await client.create(a!.descriptor);
  t.false(await client.extend(light.descriptor));
  t.true(client.isDestroyed, 'a light client');
  t.is(dialsBefore(), 0, 'nobody was dialled for any of these');

  client.hops.length = 0;
  await client.create(a!.descriptor);
  const other = encodeExtend(b!.descriptor.encoded, new Uint8Array(1_328));
  await client.say(RELAY.extend, 0, other);
  t.true(client.isDestroyed, 'a handshake for nobody');

  t.is(relayed(world), 0);
  world.stop();
});

test('relay refuses EXTEND with a descriptor that is forged, truncated or too old', async (t) => {
  const { world, client } = await threeRelays();
  const [a, b] = world.nodes;
  const forged = b!.descriptor.encoded.slice();
  forged[40]! ^= 1;
  const wrongSignature = b!.descriptor.encoded.slice();
  wrongSignature[wrongSignature.length - 1]! ^= 1;
  for (const encoded of [forged, wrongSignature, b!.descriptor.encoded.subarray(0, 100), new Uint8Array(0)]) {
    client.hops.length = 0;
    await client.create(a!.descriptor);
    const createData = new Uint8Array(1_328);
    createData.set(b!.descriptor.nodeId);
    await client.say(RELAY.extend, 0, encodeExtend(encoded, createData));
    t.true(client.isDestroyed);
  }
  t.is(world.dials.filter(({ from }) => from < 4).length, 0);
  world.stop();
});

test('relay: FETCH is served at the third position alone', async (t) => {
  const { world, client } = await threeRelays();
  const [a, b] = world.nodes;
  await client.create(a!.descriptor);
  await client.say(RELAY.fetch, 1, FETCH);
  t.true(client.isDestroyed);
  client.hops.length = 0;
  await client.create(a!.descriptor);
  await client.extend(b!.descriptor);
  await client.say(RELAY.fetch, 1, FETCH);
  t.true(client.isDestroyed);
  t.is(world.exitCalls.length, 0);
  t.is(relayed(world), 0);
  world.stop();
});

test('exit destroys the circuit for: an unknown type, a malformed request, a repeated id, one request too many', async (t) => {
  const broken: [number, number, Uint8Array][] = [
    [77, 1, new Uint8Array(0)],
    [RELAY.fetch, 1, FETCH.subarray(1)],
    [RELAY.fetch, 0, FETCH],
    [RELAY.data, 1, FETCH],
    [RELAY.insert, 1, FETCH],
    [RELAY.extend, 0, FETCH],
  ];
  for (const [type, id, data] of broken) {
    const { world, client } = await builtCircuit();
    await client.say(type, id, data);
    t.true(client.isDestroyed, `type ${type}`);
    t.is(relayed(world), 0);
    world.stop();
  }
  const { world, client } = await builtCircuit();
  world.onFetch = () => new Promise(() => {});
  for (let id = 1; id <= CIRCUIT_REQUESTS_MAX; id++) await client.say(RELAY.fetch, id, FETCH);
  t.false(client.isDestroyed);
  t.is(world.exitCalls.length, CIRCUIT_REQUESTS_MAX);
  await client.say(RELAY.fetch, CIRCUIT_REQUESTS_MAX + 1, FETCH);
  t.true(client.isDestroyed);
  t.is(world.exitCalls.length, CIRCUIT_REQUESTS_MAX);
  world.stop();
});

test('exit: a router that throws is answered as a timeout, and an answer after the end goes nowhere', async (t) => {
  const { world, client } = await builtCircuit();
  world.onFetch = async () => {
    throw new Error('broken');
  };
  await client.say(RELAY.fetch, 1, FETCH);
  t.is(client.messages.pop()?.type, RELAY.failed);
  let release = (): void => {};
  world.onFetch = () =>
    new Promise((resolve) => {
      release = () => resolve({ type: 'dataNotFound' });
    });
  await client.say(RELAY.fetch, 2, FETCH);
  await client.sendBytes(controlCell(world.crypto, client.circuitId, COMMAND.destroy));
  t.is(relayed(world), 0, 'DESTROY went through all three');
  release();
  await world.clock.advance(100);
  t.is(client.messages.length, 0);
  world.stop();
});

test('relay refuses CREATE: damaged, with a delay too long or flags it cannot keep, under an id of the other end, or in use', async (t) => {
  const { world, client } = await threeRelays();
  const relay = world.nodes[0]!.descriptor;
  t.false(await client.create(relay, { delay: HOP_DELAY_MS_MAX + 1 }));
  t.true(client.isDestroyed);
  t.false(await client.create(relay, { flags: 1 }));
  t.true(client.isDestroyed);
  await client.sendBytes(controlCell(world.crypto, 0x8000_9999, COMMAND.create, new Uint8Array(1_328)));
  t.true(client.isDestroyed);
  t.is(relayed(world), 0);

  t.true(await client.create(relay));
  t.is(relayed(world), 1);
  await client.sendBytes(controlCell(world.crypto, client.circuitId, COMMAND.create, new Uint8Array(1_328)));
  t.true(client.isDestroyed, 'the id was in use');
  t.is(relayed(world), 0);
  world.stop();
});

test('relay: a light node relays nothing', async (t) => {
  const world = await createOnionWorld(3);
  const light = world.add({ role: ROLE.light });
  const client = createRawClient(world);
  t.false(await client.create(light.descriptor));
  t.true(client.isDestroyed);
  world.stop();
});

test('relay: circuits end by age and by cells', async (t) => {
  const { world, client } = await builtCircuit();
  await world.clock.advance(CIRCUIT_LIFE_MS + 61_000);
  t.true(client.isDestroyed);
  t.is(relayed(world), 0);
  t.is(world.clock.timersPending, 0);

  const second = await threeRelays();
  await second.client.create(second.world.nodes[0]!.descriptor);
  const { link, circuitId, hops } = second.client;
  for (let cells = 0; cells < CIRCUIT_CELLS_MAX; cells++) {
    const cell = newCell('small', circuitId, COMMAND.relay);
    hops[0]!.forward.seal(cell.subarray(8, 8 + 2_024), 'small', cell.subarray(8));
    link.sendCell(cell);
    if (cells % 1_024 === 0) await second.world.clock.advance(10);
  }
  await second.world.clock.advance(50);
  t.false(second.client.isDestroyed, 'just at the cap');
  await second.client.say(RELAY.padding, 0, new Uint8Array(0));
  t.true(second.client.isDestroyed, 'just over it');
  second.world.stop();
});

test('relay: at most CIRCUITS_PER_LINK_MAX circuits of a peer on a link, and CIRCUITS_RELAYED_MAX in all', async (t) => {
  const world = await createOnionWorld(6);
  const { nodeId, onionKey } = world.add().descriptor;
  // Public-key work that costs nothing: thousands of handshakes are counted here, none is checked.
  const fixed = new Uint8Array(32).fill(1);
  const crypto: Crypto = {
    ...world.crypto,
    dh: () => fixed.slice(),
    dhKeyPair: () => ({ publicKey: fixed, privateKey: fixed.slice() }),
    kemEncapsulate: () => ({ ciphertext: new Uint8Array(1_088), secret: fixed.slice() }),
  };
  const { data } = createCircuitRequest(crypto, { nodeId, onionKey, position: 1, delay: 0, flags: 0 });
  const clock = createManualClock();
  const side = createRelaySide({
    deps: { clock, crypto, random: createSeededRandom(2) } as unknown as OnionDeps,
    options: {
      ownNodeId: nodeId,
      role: ROLE.full,
      onionKeys: () => [{ publicKey: onionKey, privateKey: fixed }],
    } as unknown as OnionOptions,
    table: createCircuitTable(createSeededRandom(1)),
    scheduler: createCellScheduler(clock, () => t.fail()),
  });
  const links = [1, 2, 3, 4, 5].map((handle) => testLink(handle, true));
  const create = (link: TestLink, circuitId: number): number | undefined => {
    side.create(link, readCell(controlCell(crypto, circuitId, COMMAND.create, data))!);
    return link.sent.pop()?.[4];
  };
  for (const link of links.slice(0, 4)) {
    for (let i = 0; i < CIRCUITS_PER_LINK_MAX; i++) t.is(create(link, i), COMMAND.created);
    if (link !== links[0]) continue;
    await clock.advance(10_000); // new handshakes would be allowed again
    t.is(create(link, CIRCUITS_PER_LINK_MAX), COMMAND.destroy, 'this link is full');
  }
  t.is(side.byPosition.guard, CIRCUITS_RELAYED_MAX);
  t.is(create(links[4]!, 1), COMMAND.destroy, 'the node is full');
  side.stop();
  t.is(side.byPosition.guard, 0);
  t.is(clock.timersPending, 0);
  world.stop();
});

test('relay: a link may ask for CIRCUITS_PER_LINK_MAX handshakes at once, then for CREATES_PER_LINK_PER_SEC', async (t) => {
  const world = await createOnionWorld(7);
  const { nodeId, onionKey } = world.add().descriptor;
  const clock = createManualClock();
  let exchanges = 0;
  const crypto: Crypto = {
    ...world.crypto,
    dh() {
      exchanges++;
      return null; // no request of this test gets further
    },
  };
  const { data } = createCircuitRequest(world.crypto, { nodeId, onionKey, position: 1, delay: 0, flags: 0 });
  const side = createRelaySide({
    deps: { clock, crypto, random: createSeededRandom(2) } as unknown as OnionDeps,
    options: {
      ownNodeId: nodeId,
      role: ROLE.full,
      onionKeys: () => [{ publicKey: onionKey, privateKey: new Uint8Array(32) }],
    } as unknown as OnionOptions,
    table: createCircuitTable(createSeededRandom(1)),
    scheduler: createCellScheduler(clock, () => t.fail()),
  });
  const [one, other] = [testLink(1, true), testLink(2, true)];
  const ask = (link: TestLink, times: number): void => {
    const cell = readCell(controlCell(crypto, 1, COMMAND.create, data))!;
    for (let i = 0; i < times; i++) side.create(link, cell);
    t.true(
      link.sent.every((sent) => sent[4] === COMMAND.destroy),
      'each is told alike',
    );
  };
  ask(one, CIRCUITS_PER_LINK_MAX + 500);
  t.is(exchanges, CIRCUITS_PER_LINK_MAX);
  ask(other, 1);
  t.is(exchanges, CIRCUITS_PER_LINK_MAX + 1, 'other links are not concerned');
  await clock.advance(2_000);
  ask(one, 500);
  t.is(exchanges, CIRCUITS_PER_LINK_MAX + 1 + 2 * CREATES_PER_LINK_PER_SEC);
  side.stop();
  world.stop();
});

test('relay: a link that closes takes its circuits with it, at every relay behind', async (t) => {
  const { world, client } = await builtCircuit();
  client.link.close('shutdown');
  await world.clock.advance(100);
  t.is(relayed(world), 0);
  world.stop();
});

test('relay: what waits for a slow reader is dropped when the circuit is destroyed', async (t) => {
  const { world, client } = await builtCircuit();
  // The guard's links turn slow when the first answer is on its way: that one is let through, the second must wait.
  world.onFetch = async (key) => {
    world.blocked.add(0);
    return { type: 'data', payload: blockFor(key) };
  };
  await client.say(RELAY.fetch, 1, FETCH);
  await client.say(RELAY.fetch, 2, FETCH);
  t.is(world.exitCalls.length, 2);
  t.is(client.messages.length, 1, 'the second answer waits at the guard');
  await client.sendBytes(controlCell(world.crypto, client.circuitId, COMMAND.destroy));
  const guard = world.nodes[0]!;
  for (const link of guard.links.all()) guard.onion.linkDrained(link);
  await world.clock.advance(100);
  t.is(client.messages.length, 1);
  world.stop();
});

test('dial budget: so many a minute in all, and so many for one target', async (t) => {
  const world = await createOnionWorld(4);
  const [one, two] = [world.add().descriptor, world.add().descriptor];
  const budget = createDialBudget();
  for (let i = 0; i < EXTEND_DIALS_PER_TARGET; i++) t.true(budget.take(one, 0));
  t.false(budget.take(one, 59_999));
  t.true(budget.take(one, 60_000), 'a minute later');
  t.true(budget.take(two, 60_000));
  const strangers = Array.from({ length: EXTEND_DIALS_PER_MINUTE }, (_, i) => ({
    ...one,
    nodeId: new Uint8Array(32).fill(i) as typeof one.nodeId,
    addresses: [{ host: `81.2.${i}.1`, port: 9_480 }],
  }));
  const taken = strangers.filter((stranger) => budget.take(stranger, 200_000)).length;
  t.is(taken, EXTEND_DIALS_PER_MINUTE);
  t.false(budget.take(two, 200_001));
  const crowd = Array.from({ length: 10 }, (_, i) => ({
    ...one,
    nodeId: new Uint8Array(32).fill(100 + i) as typeof one.nodeId,
    addresses: [{ host: '81.2.3.4', port: 9_480 + i }],
  }));
  const dialled = crowd.filter((stranger) => budget.take(stranger, 300_000)).length;
  t.is(dialled, EXTEND_DIALS_PER_TARGET, 'made-up identities at one host are one target');
  world.stop();
});

test('relay: EXTEND to a node that cannot be reached ends the circuit; a dialled link is shared', async (t) => {
  const { world, client } = await threeRelays();
  const [a, b] = world.nodes;
  b!.die();
  await client.create(a!.descriptor);
  t.false(await client.extend(b!.descriptor));
  t.true(client.isDestroyed);
  b!.revive();
  for (let i = 0; i < 3; i++) {
    client.hops.length = 0;
    await client.create(a!.descriptor);
    t.true(await client.extend(b!.descriptor));
  }
  t.is(world.dials.filter(({ from, to }) => from === 0 && to === 1).length, 2, 'the refused one and one more');
  world.stop();
});

test('handleCell: any bytes at all, and any body under any id and command, throw nothing', async (t) => {
  const { world, client } = await builtCircuit();
  const node = world.nodes[0]!;
  let closes = 0;
  const far = { ...node.links.all()[0]!, close: () => void closes++ };
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc
          .record({
            id: fc.constantFrom(0, 1, client.circuitId, 0x8000_0000, 0xffff_ffff),
            command: fc.nat(6),
            size: fc.constantFrom('small' as const, 'large' as const),
            fill: fc.nat(255),
          })
          .map(({ id, command, size, fill }) => {
            const cell = newCell(size, id, command as 1);
            return cell.fill(fill, 8);
          }),
      ),
      async (bytes) => {
        node.onion.handleCell(far, new Uint8Array(bytes));
      },
    ),
    { numRuns: 300 },
  );
  t.true(closes > 10, 'what is no cell closes its link');
  client.hops.length = 0;
  t.true(await client.create(node.descriptor), 'and the relay goes on serving');
  world.stop();
});

test('checkExtend: no hop after the third; private addresses only where allowed; a link without a descriptor is no hop before', async (t) => {
  const world = await createOnionWorld(5);
  const [a, b] = [world.add(), world.add()];
  const link = { peer: undefined } as Link;
  const createData = new Uint8Array(1_328);
  createData.set(b.descriptor.nodeId);
  const data = encodeExtend(b.descriptor.encoded, createData);
  const deps = { crypto: world.crypto, decodeDescriptor: () => b.descriptor } as unknown as OnionDeps;
  const options = { ownNodeId: a.descriptor.nodeId, allowPrivateAddresses: true } as OnionOptions;
  t.truthy(checkExtend(deps, options, link, 1, data));
  t.truthy(checkExtend(deps, options, link, 2, data));
  t.is(checkExtend(deps, options, link, 3, data), undefined);
  t.is(checkExtend(deps, { ...options, allowPrivateAddresses: false }, link, 1, data), undefined);
  t.is(checkExtend(deps, options, { peer: b.descriptor } as Link, 1, data), undefined);
  t.is(checkExtend(deps, { ...options, ownNodeId: b.descriptor.nodeId }, link, 1, data), undefined);
  t.is(checkExtend(deps, options, link, 1, data.subarray(0, data.length - 1)), undefined);
  const log: string[] = [];
  const crashing = {
    ...deps,
    log: { write: (level: string) => log.push(level) },
    decodeDescriptor: () => {
      throw new RangeError('a fault of the decoder');
    },
  } as unknown as OnionDeps;
  t.is(checkExtend(crashing, options, link, 1, data), undefined, 'whatever the decoder throws');
  t.deepEqual(log, ['error']);
  world.stop();
});
