import test from 'ava';
import { LINKS_PER_HOST_MAX, LINKS_PER_PREFIX_MAX } from '../../../daemon/limits.ts';
import { leastWorth, linksFrom, originOf } from '../../../daemon/link/link-room.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { createWorld } from './world.ts';

const linkFrom = (handle: number, host: string, dialledByUs = false): Link =>
  ({ handle, dialledByUs, remote: { host, port: 1 } }) as Link;

test('originOf: a network shares one count, private addresses have one each', (t) => {
  t.is(originOf('20.1.2.3').key, originOf('20.1.2.200').key);
  t.not(originOf('20.1.2.3').key, originOf('20.1.3.3').key);
  t.is(originOf('2a00:1:2::1').key, originOf('2a00:1:ffff::1').key);
  t.is(originOf('20.1.2.3').linksMax, LINKS_PER_PREFIX_MAX);
  t.not(originOf('10.0.0.1').key, originOf('10.0.0.2').key);
  t.is(originOf('10.0.0.1').linksMax, LINKS_PER_HOST_MAX);
});

test('leastWorth: the youngest idle link of whoever holds most, never one that is used or that we dialled', (t) => {
  const links = [
    linkFrom(1, '20.1.1.1'),
    linkFrom(2, '20.1.1.2'),
    linkFrom(3, '20.1.1.3'),
    linkFrom(4, '20.2.1.1'),
    linkFrom(5, '20.3.1.1', true),
    linkFrom(6, '20.3.1.2', true),
    linkFrom(7, '20.3.1.3', true),
    linkFrom(8, '20.3.1.4', true),
  ];
  const leastBut = (...used: number[]): number | undefined =>
    leastWorth(links, ({ handle }) => used.includes(handle))?.handle;
  t.is(leastBut(), 3);
  t.is(leastBut(3), 2);
  t.is(leastBut(1, 2, 3), 4);
  t.is(leastBut(1, 2, 3, 4), undefined);
  t.deepEqual(
    linksFrom(links, '20.1.1.9').map(({ handle }) => handle),
    [1, 2, 3],
  );
  t.deepEqual(linksFrom(links, '20.3.1.9'), []);
});

test('one host with many identities holds LINKS_PER_HOST_MAX links; its idle ones make room for its own, and nobody else loses', async (t) => {
  const world = createWorld();
  const used = new Set<number>();
  const b = await world.node(2, { isLinkInUse: (link) => used.has(link.handle) });
  const other = await world.node(3);
  const kept = await world.connect(other, b);
  const nodeAt = (port: number) => world.node(port, { at: { host: '10.9.9.1', port } });
  for (let i = 0; i < LINKS_PER_HOST_MAX + 8; i++) {
    await world.connect(await nodeAt(100 + i), b);
    t.true(b.links.all().length <= LINKS_PER_HOST_MAX + 1);
  }
  t.is(b.links.all().length, LINKS_PER_HOST_MAX + 1);
  t.true(kept.far.isOpen);
  t.deepEqual(new Set(b.closed), new Set(['ERR_LIMIT']));
  for (const link of b.links.all()) used.add(link.handle);
  const late = await nodeAt(99);
  void late.links.connect(b.descriptor);
  await world.clock.advance(200);
  t.deepEqual(late.closed, ['peer'], 'with all in use the newcomer is turned away');
  const elsewhere = await world.connect(await world.node(4), b);
  t.true(elsewhere.near.isOpen);
});
