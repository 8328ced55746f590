/**
 * Nodes that run the product's code and yet lie: what leaves them is changed or swallowed.
 *
 * Shape   an attacker is a node of the world whose links are given another `sendMessage` as soon as they carry anything. It answers
 *         handshakes and relays circuits like everybody, so nothing but its conduct gives it away.
 *           liar       claims peers everywhere on the ring, so that look-ahead leads through it
 *           blackHole  takes requests and says nothing more about them
 *           poisoner   answers with blocks in which one byte is changed
 *         A Sybil is a black hole whose address was chosen so that its location lies beside a target.
 * Why     an attacker written from nothing would be a caricature; this one passes every check the product makes of a peer.
 * @module
 */

import { nodeId } from '../../../daemon/ids.ts';
import { PEER_CLAIMS_MAX } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { deriveLocation } from '../../../daemon/wire/descriptor.ts';
import { BINDING } from '../../../daemon/wire/descriptor-types.ts';
import type { Message, MessageName } from '../../../daemon/wire/messages.ts';
import type { SimWorld } from './sim-world.ts';

export type Conduct = 'liar' | 'blackHole' | 'poisoner';

const CLAIM_UNITS = 4_096;
/** What a black hole never says. */
const SWALLOWED: ReadonlySet<MessageName> = new Set([
  'Fetch',
  'Insert',
  'StoreCopy',
  'Data',
  'Inserted',
  'Collision',
  'DataNotFound',
  'RouteNotFound',
  'RejectedLoop',
  'RejectedOverload',
  'RecentlyFailed',
]);

/** Undefined: nothing is sent. */
function changed(world: SimWorld, conduct: Conduct, message: Message): Message | undefined {
  if (conduct === 'liar' && message.type === 'PeerLocations') {
    world.counters.liarMessage++;
    const locations = Array.from({ length: PEER_CLAIMS_MAX }, () => world.random.below(CLAIM_UNITS));
    return { ...message, locations: [...new Set(locations)].sort((a, b) => a - b) };
  }
  if (conduct === 'blackHole' && SWALLOWED.has(message.type)) {
    world.counters.blackHoleSwallowed++;
    return undefined;
  }
  if (conduct === 'poisoner' && message.type === 'Data') {
    world.counters.poisonedBlock++;
    const payload = message.payload.slice();
    payload[world.random.below(payload.length)]! ^= 1;
    return { ...message, payload };
  }
  return message;
}

/** Gives one link of an attacker its conduct; asked again for the same link, it does nothing. */
export function corrupt(world: SimWorld, conduct: Conduct, link: Link, done: WeakSet<Link>): void {
  if (done.has(link)) return;
  done.add(link);
  const honest = link.sendMessage.bind(link);
  link.sendMessage = (message) => {
    const sent = changed(world, conduct, message);
    return sent === undefined ? true : honest(sent);
  };
}

/** An address whose location lies as near to `target` as `tries` draws make it. */
export function hostNear(world: SimWorld, target: number, tries: number): string {
  const crypto = world.crypto('sybil');
  const anyId = nodeId(new Uint8Array(32));
  let best = '';
  let bestDistance = 1;
  for (let i = 0; i < tries; i++) {
    const host = `${100 + world.random.below(20)}.${200 + world.random.below(56)}.${world.random.below(256)}.7`;
    const location = deriveLocation(crypto, anyId, BINDING.prefix, { host, port: 1 }, 0);
    const arc = Math.abs(location - target);
    const distance = Math.min(arc, 1 - arc);
    if (distance < bestDistance) [best, bestDistance] = [host, distance];
  }
  return best;
}
