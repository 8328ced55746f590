import test from 'ava';
import {
  CELL_LARGE_BYTES,
  CELL_SMALL_BYTES,
  LINK_QUEUE_BYTES_MAX,
  LINK_QUEUE_SOFT_BYTES,
} from '../../../daemon/limits.ts';
import { type OpenLink, REKEY_INTERVAL_MS } from '../../../daemon/link/link.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { createWorld } from './world.ts';

function smallCell(fill: number): Uint8Array {
  return new Uint8Array(CELL_SMALL_BYTES).fill(fill);
}

test('what is sent in one turn shares records', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near } = await world.connect(a, b);
  const before = near.counters.recordsOut;
  for (let i = 0; i < 31; i++) near.sendCell(smallCell(i));
  t.is(near.counters.recordsOut, before, 'nothing leaves before the turn ends');
  await world.clock.settle();
  t.is(near.counters.recordsOut, before + 1);
  for (let i = 0; i < 32; i++) near.sendCell(smallCell(i));
  near.sendMessage({ type: 'Accepted', id: 1 });
  await world.clock.settle();
  t.is(near.counters.recordsOut, before + 3);
  await world.clock.advance(10);
  t.deepEqual(
    b.cells.map((cell) => cell[0]),
    [...Array(31).keys(), ...Array(32).keys()],
  );
});

test('a message overtakes cells that wait; no cell does', async (t) => {
  const world = createWorld({ latencyMs: 10 });
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near } = await world.connect(a, b);
  for (let i = 0; i < 40; i++) near.sendCell(new Uint8Array(CELL_LARGE_BYTES));
  await world.clock.settle(); // the first fill the stream's buffer, the rest wait
  t.true(near.queuedBytes > 500_000);
  near.sendCell(smallCell(1));
  near.sendMessage({ type: 'Accepted', id: 1 });
  const before = b.messages.length;
  t.true(await world.clock.runUntil(() => b.messages.length > before, 1_000));
  t.true(b.cells.length < 20, `it came after ${b.cells.length} cells`);
  await world.clock.advance(1_000);
  t.is(b.cells.length, 41);
  t.is(b.cells[40]!.length, CELL_SMALL_BYTES);
});

test('back-pressure: sends say when to hold back, and drained says when to go on', async (t) => {
  const world = createWorld({ latencyMs: 10 });
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near } = await world.connect(a, b);
  let sent = 0;
  while (near.sendCell(new Uint8Array(CELL_LARGE_BYTES).fill(sent))) sent++;
  sent++; // the one that crossed the mark is queued all the same
  t.true(near.queuedBytes > LINK_QUEUE_SOFT_BYTES && near.queuedBytes <= LINK_QUEUE_SOFT_BYTES + CELL_LARGE_BYTES + 3);
  t.deepEqual(a.drained, []);
  await world.clock.advance(2_000);
  t.deepEqual(a.drained, [near]);
  t.is(b.cells.length, sent);
  t.is(near.queuedBytes, 0);
  t.true(near.sendCell(smallCell(0)));
});

/** Fills the queue of a link whose stream takes nothing. */
function stuff(link: Link): void {
  while (link.queuedBytes + CELL_LARGE_BYTES + 3 <= LINK_QUEUE_BYTES_MAX)
    link.sendCell(new Uint8Array(CELL_LARGE_BYTES));
  while (link.queuedBytes + CELL_SMALL_BYTES + 3 <= LINK_QUEUE_BYTES_MAX)
    link.sendCell(new Uint8Array(CELL_SMALL_BYTES));
}

test('at the queue cap a cell is refused and told, and the link lives', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1, { overflow: true }), await world.node(2)];
  const { near } = await world.connect(a, b);
  stuff(near);
  t.deepEqual(a.overflowed, []);
  const refused = smallCell(7);
  t.false(near.sendCell(refused));
  t.deepEqual(a.overflowed, [refused]);
  t.true(near.queuedBytes <= LINK_QUEUE_BYTES_MAX);
  await world.clock.advance(1_000);
  t.true(near.isOpen);
  t.deepEqual(a.drained, [near]);
  t.is(b.cells.filter((cell) => cell[0] === 7).length, 0);
});

test('at the queue cap a message closes the link with ERR_LIMIT, and so does a cell nobody is told of', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1, { overflow: true }), await world.node(2)];
  const { near } = await world.connect(a, b);
  stuff(near);
  while (near.queuedBytes < LINK_QUEUE_BYTES_MAX - 12) near.sendMessage({ type: 'PeerDropped' });
  t.deepEqual(a.closed, []);
  t.false(
    near.sendMessage({ type: 'Accepted', id: 0xffff_ffff }) && near.sendMessage({ type: 'Accepted', id: 0xffff_ffff }),
  );
  t.true(near.isOpen, "not in the middle of the sender's own turn");
  await world.clock.settle();
  t.false(near.isOpen);
  t.deepEqual(a.closed, ['ERR_LIMIT']);

  const [c, d] = [await world.node(3), await world.node(4)];
  const { near: other } = await world.connect(c, d);
  stuff(other);
  t.false(other.sendCell(smallCell(1)));
  await world.clock.settle();
  t.deepEqual(c.closed, ['ERR_LIMIT']);
});

test("keys turn after half an hour, unseen by both ends' users", async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near, far } = await world.connect(a, b);
  await world.clock.advance(REKEY_INTERVAL_MS * 2 + 60_000); // pings carry the change
  near.sendMessage({ type: 'Accepted', id: 1 });
  far.sendMessage({ type: 'Accepted', id: 2 });
  await world.clock.advance(10);
  t.deepEqual(b.messages, [{ type: 'Accepted', id: 1 }]);
  t.deepEqual(a.messages, [{ type: 'Accepted', id: 2 }]);
  t.deepEqual([...a.closed, ...b.closed], []);
});

test('padding is sent, counted and dropped at the other end', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near, far } = await world.connect(a, b);
  const before = far.counters.bytesIn;
  (near as OpenLink).sendPadding(1_000);
  (near as OpenLink).sendPadding(1_000_000); // one record's worth at most
  near.sendMessage({ type: 'Accepted', id: 5 });
  await world.clock.advance(10);
  t.is(near.counters.paddingBytesOut, 65_516);
  t.is(far.counters.bytesIn - before, 65_516 + 34 + 3 + 3 + 34);
  t.deepEqual(b.messages, [{ type: 'Accepted', id: 5 }]);
});

test('a cell is 2,048 or 34,816 bytes: anything else is our own fault', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near } = await world.connect(a, b);
  t.throws(() => near.sendCell(new Uint8Array(2_047)), { instanceOf: RangeError });
  near.close('shutdown');
  t.false(near.sendCell(smallCell(0)));
});
