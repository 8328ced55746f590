import test from 'ava';
import { routingKey } from '../../../daemon/ids.ts';
import { CREDIT_FIRST, LINK_QUEUE_SOFT_BYTES } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { checkInsertWork, findInsertWork } from '../../../daemon/router/insert-work.ts';
import { QueuedData } from '../../../daemon/router/queued-data.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { testBlock, World } from './world.ts';

function slowLink(queuedBytes: number): { queuedBytes: number; isOpen: boolean } {
  return { queuedBytes, isOpen: true };
}

test('QueuedData: past the cap the link whose data waits longest goes, and only that one', (t) => {
  const soft = LINK_QUEUE_SOFT_BYTES;
  const queued = new QueuedData(5 * soft);
  const [a, b, c] = [slowLink(2 * soft), slowLink(2 * soft), slowLink(2 * soft)];
  t.is(queued.wrote(a as Link, 0), undefined);
  t.is(queued.wrote(b as Link, 10), undefined);
  a.queuedBytes = 0; // it reads on
  t.is(queued.wrote(c as Link, 20), undefined);
  a.queuedBytes = 2 * soft;
  t.is(queued.wrote(a as Link, 30), b as Link, 'b has waited since 10, a only since 30');
  t.is(queued.wrote(c as Link, 40), undefined);
  queued.closed(c as Link);
  t.is(queued.size, 1);
});

test('QueuedData: links under the soft mark count for nothing', (t) => {
  const queued = new QueuedData(LINK_QUEUE_SOFT_BYTES);
  for (let i = 0; i < 100; i++) t.is(queued.wrote(slowLink(LINK_QUEUE_SOFT_BYTES) as Link, i), undefined);
  t.is(queued.size, 0);
});

test('insert work: what is found holds for its key and place only; zero bits need none', (t) => {
  const crypto = testCrypto();
  const [key, other] = [routingKey(new Uint8Array(32).fill(1)), routingKey(new Uint8Array(32).fill(2))];
  const work = findInsertWork(crypto, key, 3, 9);
  t.true(checkInsertWork(crypto, key, 3, work, 9));
  t.true(checkInsertWork(crypto, other, 0, new Uint8Array(8), 0));
  const elsewhere = [0, 1, 2, 4, 5, 6, 7].filter((replica) => checkInsertWork(crypto, key, replica, work, 9));
  t.true(elsewhere.length <= 1, 'a nonce may fit twice by chance');
  t.false(checkInsertWork(crypto, other, 3, work, 9) && checkInsertWork(crypto, other, 2, work, 9));
});

test('Credit: a peer at its window is passed over; the asker hears of overload with a hint, and no message is sent', async (t) => {
  const world = new World({ latencyMs: 10 });
  world.placeOf = () => 0.5;
  const node = world.node(0.3);
  const asker = world.puppet(0.1);
  const link = world.connect(asker, node);
  const hop = world.puppet(0.45);
  const hopLink = world.connect(hop, node);
  hop.onMessage = ({ link: from, message }) => {
    if (message.type === 'Fetch') from.sendMessage({ type: 'Accepted', id: message.id });
  };
  hopLink.sendMessage({ type: 'Credit', window: 10 });
  await world.clock.advance(50);
  for (let i = 0; i < 12; i++) {
    const { ref } = testBlock(i);
    link.sendMessage({ type: 'Fetch', id: i, kind: 1, key: ref.key, replica: 0, htl: 10, deadlineMs: 10_000 });
  }
  await world.clock.advance(100);
  t.is(hop.of('Fetch').length, 10);
  t.deepEqual(
    asker.of('RejectedOverload').map(({ id }) => id),
    [10, 11],
  );
  t.true(asker.of('RejectedOverload').every(({ retryMs }) => retryMs >= 500));
  world.stopAll();
});

test('Credit: who shares a full node hears of its window once a second at most, and it is smaller than the first', async (t) => {
  const world = new World({ latencyMs: 1 });
  world.placeOf = () => 0.5;
  const node = world.node(0.3);
  const hop = world.puppet(0.45);
  world.connect(hop, node, {});
  hop.onMessage = ({ link, message }) => {
    if (message.type !== 'Fetch') return;
    link.sendMessage({ type: 'Credit', window: 60_000 });
    link.sendMessage({ type: 'Accepted', id: message.id });
  };
  const askers = Array.from({ length: 60 }, (_, i) => world.puppet(0.1 + i / 1_000));
  const links = askers.map((asker) => world.connect(asker, node));
  const { ref } = testBlock('first');
  links[0]!.sendMessage({ type: 'Fetch', id: 1, kind: 1, key: ref.key, replica: 0, htl: 10, deadlineMs: 60_000 });
  await world.clock.advance(10);
  let id = 2;
  for (let round = 0; round < 80; round++) {
    for (const link of links) {
      const block = testBlock(id);
      link.sendMessage({
        type: 'Fetch',
        id: id++,
        kind: 1,
        key: block.ref.key,
        replica: 0,
        htl: 10,
        deadlineMs: 60_000,
      });
    }
  }
  await world.clock.advance(50);
  t.true(node.router.snapshot().pending > 3_500);
  const told = askers.map((asker) => asker.of('Credit'));
  t.true(told.every((credits) => credits.length <= 1));
  t.true(told.flat().length > 0);
  t.true(told.flat().every(({ window }) => window < CREDIT_FIRST));
  t.true(askers.some((asker) => asker.of('RejectedOverload').length > 0));
  world.stopAll();
});
