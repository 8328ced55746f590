import test from 'ava';
import fc from 'fast-check';
import type { Message } from '../../../daemon/wire/messages.ts';
import { NO_WORK, testBlock, testRecord, World } from './world.ts';

const blocks = [...Array.from({ length: 4 }, (_, i) => testBlock(`fuzz/${i}`)), testRecord('a', 1), testRecord('a', 2)];
const id = fc.integer({ min: 0, max: 3 });
const common = fc.record({
  id,
  block: fc.constantFrom(...blocks),
  wrong: fc.integer({ min: 0, max: 30 }).map((n) => n === 0),
  replica: fc.integer({ min: 0, max: 7 }),
  htl: fc.integer({ min: 0, max: 22 }),
  deadlineMs: fc.constantFrom(0, 1, 100, 5_000, 60_000),
});
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  common.map(({ id, block, replica, htl, deadlineMs }): Message => {
    return { type: 'Fetch', id, kind: block.ref.kind, key: block.ref.key, replica, htl, deadlineMs };
  }),
  fc.tuple(common, fc.boolean()).map(([one, copy]): Message => {
    const { id, block, replica, htl, deadlineMs } = one;
    const payload = one.wrong ? testBlock('wrong').payload : block.payload;
    const body = { id, kind: block.ref.kind, key: block.ref.key, replica, owners: 3, work: NO_WORK, payload };
    return copy ? { type: 'StoreCopy', ...body, handoff: id % 2 } : { type: 'Insert', ...body, htl, deadlineMs };
  }),
  fc
    .tuple(id, fc.constantFrom('Accepted', 'DataNotFound', 'RouteNotFound', 'RejectedLoop'))
    .map(([n, type]) => ({ type, id: n }) as Message),
  id.map((n): Message => ({ type: 'RejectedOverload', id: n, retryMs: 60_000, workBits: 16 })),
);

test('any order of routed messages from any peer: nothing throws, every request is answered once, nothing is left over', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), anyMessage), { maxLength: 40 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      async (steps, seed) => {
        const world = new World({ seed, latencyMs: 5 });
        const node = world.node(0.5);
        const peers = [0.1, 0.3, 0.6, 0.9].map((place) => world.puppet(place));
        const links = peers.map((peer) => world.connect(peer, node));
        // Half of the peers answer something, with the right id, so that searches go on.
        for (const peer of peers.slice(0, 2)) {
          peer.onMessage = ({ link, message }) => {
            if (message.type === 'Fetch') link.sendMessage({ type: 'RejectedLoop', id: message.id });
            if (message.type === 'Insert') link.sendMessage({ type: 'Inserted', id: message.id, copies: 0 });
          };
        }
        let asked = 0;
        for (const [from, message] of steps) {
          if (message.type === 'Fetch' && links[from]!.isOpen) asked++;
          links[from]!.sendMessage(message);
          if (asked % 7 === 3) await world.clock.advance(3);
        }
        await world.clock.advance(130_000);
        const { pending, counters } = node.router.snapshot();
        t.is(pending, 0);
        t.is(world.clock.timersPending, 0);
        t.is(counters.found + counters.notFound + counters.failed, counters.fetchesReceived);
        t.true(counters.fetchesReceived <= asked);
        const questions = ['Fetch', 'Insert', 'StoreCopy'];
        for (const [i, peer] of peers.entries()) {
          if (!links[i]!.isOpen) continue;
          const asks = world.sent.filter((sent) => sent.from === peer.name && questions.includes(sent.message.type));
          const answers = peer.types().filter((type) => !questions.includes(type) && type !== 'Accepted');
          t.is(answers.length, asks.length);
        }
      },
    ),
    { numRuns: 40, seed: 7 },
  );
});
