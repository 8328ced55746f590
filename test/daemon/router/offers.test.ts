import test from 'ava';
import { FAILURE_TABLE_MS, OFFERS_PER_KEY_MAX, OFFERS_TAKEN_AT_ONCE_MAX } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { FailureTable } from '../../../daemon/router/failure-table.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import { NO_WORK, testBlock, World } from './world.ts';

const { ref, payload } = testBlock('wanted');

function fetchOf(id: number, key: Uint8Array = ref.key): Message {
  return { type: 'Fetch', id, kind: 1, key, replica: 0, htl: 10, deadlineMs: 10_000 };
}

/** An asker, two routed nodes in a row, and nobody behind them. */
function scene() {
  const world = new World({ latencyMs: 10 });
  world.placeOf = () => 0.5;
  const [near, far] = [world.node(0.49), world.node(0.4)];
  const asker = world.puppet(0.1);
  const link = world.connect(asker, far);
  world.connect(far, near);
  return { world, near, far, asker, link };
}

test('Offered: who asked in vain hears of the key when it is inserted, hop by hop, and the block is there at once', async (t) => {
  const { world, near, far, asker, link } = scene();
  link.sendMessage(fetchOf(1));
  await world.clock.advance(1_000);
  t.is(asker.types().at(-1), 'DataNotFound');
  const publisher = world.puppet(0.6);
  world.connect(publisher, near).sendMessage({
    type: 'Insert',
    id: 5,
    kind: 1,
    key: ref.key,
    replica: 0,
    htl: 10,
    deadlineMs: 5_000,
    owners: 1,
    work: NO_WORK,
    payload,
  });
  await world.clock.advance(1_000);
  t.is(far.map.reasonOf(ref), 'path');
  t.deepEqual(asker.of('Offered'), [{ type: 'Offered', kind: 1, key: new Uint8Array(ref.key), replica: 0 }]);
  t.is(publisher.of('Offered').length, 0, 'whoever did not ask hears nothing');
  link.sendMessage(fetchOf(2));
  await world.clock.advance(100);
  t.is(asker.types().at(-1), 'Data');
});

test('Offered: nothing is fetched for an offer that nobody asked for, or too late', async (t) => {
  const { world, far, link, asker } = scene();
  const offer: Message = { type: 'Offered', kind: 1, key: ref.key, replica: 0 };
  link.sendMessage(offer);
  await world.clock.advance(100);
  t.is(asker.of('Fetch').length, 0);
  link.sendMessage(fetchOf(1));
  await world.clock.advance(FAILURE_TABLE_MS + 1_000);
  link.sendMessage(offer);
  await world.clock.advance(100);
  t.is(asker.of('Fetch').length, 0);
  t.is(far.router.snapshot().failureTable, 0);
});

test('Offered: bytes that do not match close the link, and the key still counts as failed', async (t) => {
  const { world, link, asker, far } = scene();
  link.sendMessage(fetchOf(1));
  await world.clock.advance(1_000);
  asker.onMessage = ({ link: from, message }) => {
    if (message.type === 'Fetch') from.sendMessage({ type: 'Data', id: message.id, payload: new Uint8Array(500) });
  };
  link.sendMessage({ type: 'Offered', kind: 1, key: ref.key, replica: 0 });
  await world.clock.advance(100);
  t.false(link.isOpen);
  t.is(far.router.snapshot().failureTable, 1);
  t.is(far.router.snapshot().counters.badBlocks, 1);
});

test('Offered: OFFERS_TAKEN_AT_ONCE_MAX blocks are fetched at one time', async (t) => {
  const { world, link, asker } = scene();
  const blocks = Array.from({ length: OFFERS_TAKEN_AT_ONCE_MAX + 5 }, (_, i) => testBlock(i));
  for (const [i, block] of blocks.entries()) link.sendMessage(fetchOf(i, block.ref.key));
  await world.clock.advance(1_000);
  for (const block of blocks) link.sendMessage({ type: 'Offered', kind: 1, key: block.ref.key, replica: 0 });
  await world.clock.advance(100);
  t.is(asker.of('Fetch').length, OFFERS_TAKEN_AT_ONCE_MAX);
  world.stopAll();
});

test('FailureTable: OFFERS_PER_KEY_MAX askers of a key are remembered, each once, until it turns up', (t) => {
  const table = new FailureTable();
  table.addAsker('x', {} as Link);
  t.deepEqual(table.forget('x'), [], 'a key that has not failed has no askers');
  table.failKey('x', 0);
  const links = Array.from({ length: OFFERS_PER_KEY_MAX + 3 }, () => ({}) as Link);
  for (const link of [...links, ...links]) table.addAsker('x', link);
  t.deepEqual(table.forget('x'), links.slice(0, OFFERS_PER_KEY_MAX));
  t.deepEqual(table.forget('x'), []);
});
