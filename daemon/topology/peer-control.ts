/**
 * What the owner of the node may do about its peers: send one away for a while, ask others in.
 *
 * Unit    milliseconds of Clock.nowMs.
 * Errors  none are thrown: bytes that are no usable descriptor are not tried, nodes that do not answer are not linked.
 * Why     a banned node may still carry circuits, because who guards our circuits is not to be changed by hand. What is added is remembered
 *         like any peer, once it is one.
 * Source  ux § 1.2 (Peers).
 * @module
 */
import type { Link, Links } from '../link/link-types.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { WISH } from './peer-table.ts';
import type { Peering } from './peering.ts';
import type { PeerControl } from './topology-types.ts';

export function createPeerControl(deps: {
  readonly links: Links;
  readonly peering: Peering;
  readonly decode: (encoded: readonly Uint8Array[]) => readonly Descriptor[];
  /** Whether a node that we reach may become a peer. */
  readonly mayAsk: () => boolean;
}): PeerControl {
  const { links, peering } = deps;
  return {
    ban(key, forMs) {
      const isPeer = peering.get(key) !== undefined;
      if (isPeer) peering.ban(key, forMs);
      return isPeer;
    },
    get banned() {
      return peering.banned;
    },
    async add(encoded) {
      const descriptors = deps.decode(encoded);
      const dials = await Promise.allSettled(descriptors.map((descriptor) => links.connect(descriptor)));
      const opened: readonly Link[] = dials.flatMap((dial) => (dial.status === 'fulfilled' ? [dial.value] : []));
      if (deps.mayAsk()) for (const link of opened) peering.request(link, WISH.long);
      return { tried: descriptors.length, linked: opened.length };
    },
  };
}
