import test from 'ava';
import { ProtocolError } from '../../../daemon/errors.ts';
import { TOPOLOGY_DIALS_MAX } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { createDialler } from '../../../daemon/topology/dialler.ts';
import { keyOf } from '../../../daemon/topology/peering.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createTopologyNet } from './support/topology-net.ts';

function setUp() {
  const clock = createManualClock();
  const net = createTopologyNet(60);
  const settle = new Map<string, PromiseWithResolvers<Link>>();
  const failed: string[] = [];
  const opened: Link[] = [];
  const dialler = createDialler(
    {
      clock,
      links: {
        all: () => [],
        get: () => undefined,
        connect(to) {
          const promise = Promise.withResolvers<Link>();
          settle.set(keyOf(to), promise);
          return promise.promise;
        },
      },
    },
    { opened: (link) => opened.push(link), failed: (key) => failed.push(key) },
  );
  return { clock, net, settle, failed, opened, dialler };
}

test('dial: one per node, and no more than the cap at once', async (t) => {
  const { clock, net, settle, failed, dialler } = setUp();
  const nodes = Array.from({ length: TOPOLOGY_DIALS_MAX + 1 }, (_, index) => net.describe(`n${index}`));
  for (const node of nodes.slice(0, TOPOLOGY_DIALS_MAX)) t.true(dialler.dial(node));
  t.true(dialler.dial(nodes[0]!), 'under way already');
  t.is(settle.size, TOPOLOGY_DIALS_MAX);
  t.false(dialler.dial(nodes.at(-1)!));
  settle.get(keyOf(nodes[0]!))!.reject(new ProtocolError('ERR_DIAL'));
  await clock.settle();
  t.deepEqual(failed, [keyOf(nodes[0]!)]);
  t.true(dialler.dial(nodes.at(-1)!));
});

test('isSlow: from one second on, until it ends', async (t) => {
  const { clock, net, settle, opened, dialler } = setUp();
  const node = net.describe('n');
  t.false(dialler.isSlow(keyOf(node)));
  dialler.dial(node);
  await clock.advance(999);
  t.false(dialler.isSlow(keyOf(node)));
  await clock.advance(1);
  t.true(dialler.isSlow(keyOf(node)));
  settle.get(keyOf(node))!.resolve({} as Link);
  await clock.settle();
  t.is(opened.length, 1);
  t.false(dialler.isDialling(keyOf(node)) || dialler.isSlow(keyOf(node)));
});
