/**
 * The ring as somebody sees it who knows everyone.
 * @module
 */
import type { SimWorld } from './sim-world.ts';

/** Every living honest node has its true successor and predecessor among its peers. */
export function ringIsWhole(world: SimWorld): boolean {
  return ringGaps(world) === 0;
}

/** How many of those ties are missing. */
export function ringGaps(world: SimWorld): number {
  const ring = world
    .up()
    .map(({ id, node }) => ({ id, node: node!, location: node!.descriptor.location as number }))
    .sort((a, b) => a.location - b.location || (a.id < b.id ? -1 : 1));
  if (ring.length < 2) return 0;
  let gaps = 0;
  ring.forEach(({ node }, at) => {
    const peers = new Set(node.snapshot().peers.map(({ key }) => key));
    const next = ring[(at + 1) % ring.length]!;
    const previous = ring[(at + ring.length - 1) % ring.length]!;
    if (!peers.has(next.id)) gaps++;
    if (!peers.has(previous.id)) gaps++;
  });
  return gaps;
}
