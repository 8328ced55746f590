/**
 * What must hold of every honest node at any moment, seen from outside: snapshots, and what the taps wrote down.
 *
 * Shape   sentences, one a broken rule; empty when all hold. `quiet` adds what must be gone once a world has been idle for the life
 *         of a circuit: requests under way, and circuits that are kept for others.
 * @module
 */

import {
  CIRCUITS_RELAYED_MAX,
  FAILURE_TABLE_MAX,
  KNOWN_NODES_MAX,
  LINK_QUEUE_BYTES_MAX,
  LINKS_MAX,
  PEER_CLAIMS_MAX,
  PENDING_REQUESTS_MAX,
} from '../../../daemon/limits.ts';
import type { NodeSnapshot } from '../../../daemon/node-types.ts';
import type { SimNode, SimWorld } from './sim-world.ts';

export function checkWorld(world: SimWorld, quiet: boolean): string[] {
  const broken: string[] = [];
  for (const place of world.nodes) {
    if (place.node === undefined || world.hostile.has(place.index)) continue;
    const snapshot = place.node.snapshot();
    for (const what of brokenCaps(place, snapshot)) broken.push(`node ${place.index}: ${what}`);
    for (const what of brokenCopies(place, snapshot)) broken.push(`node ${place.index}: ${what}`);
    if (quiet) for (const what of leftOver(snapshot)) broken.push(`node ${place.index} when all is quiet: ${what}`);
  }
  return broken;
}

function brokenCaps(place: SimNode, snapshot: NodeSnapshot): string[] {
  const broken: string[] = [];
  const atMost = (value: number, cap: number, what: string): void => {
    if (value > cap) broken.push(`${what}: ${value} of at most ${cap}`);
  };
  const { relayed } = snapshot.onion;
  atMost(snapshot.router.pending, PENDING_REQUESTS_MAX, 'pending requests');
  atMost(snapshot.router.failureTable, FAILURE_TABLE_MAX, 'failure table');
  atMost(snapshot.peers.length, place.node!.settings.peersMax, 'peers');
  atMost(snapshot.links.length, LINKS_MAX, 'links');
  atMost(relayed.guard + relayed.middle + relayed.exit, CIRCUITS_RELAYED_MAX, 'relayed circuits');
  atMost(snapshot.onion.usableRelays, KNOWN_NODES_MAX, 'relays');
  for (const link of snapshot.links) atMost(link.queuedBytes, LINK_QUEUE_BYTES_MAX, 'bytes queued on a link');
  for (const peer of snapshot.peers) atMost(peer.claims.length, PEER_CLAIMS_MAX, 'claims of a peer');
  const { store, cache } = snapshot.store;
  atMost(store.bytes + cache.bytes, place.node!.settings.storeBytes, 'bytes in the store');
  return broken;
}

/** Every copy came with a routed message, in this life or an earlier one: none was kept for carrying or asking. */
function brokenCopies(place: SimNode, snapshot: NodeSnapshot): string[] {
  const { store, cache, records } = snapshot.store;
  const held = store.blocks + cache.blocks + records;
  return held > place.explained.size
    ? [`holds ${held} copies, and routed messages explain ${place.explained.size}`]
    : [];
}

function leftOver(snapshot: NodeSnapshot): string[] {
  const broken: string[] = [];
  if (snapshot.router.pending > 0) broken.push(`${snapshot.router.pending} requests are still pending`);
  const documents = snapshot.onion.circuits.filter((circuit) => circuit.use === 'document').length;
  if (documents > 0) broken.push(`${documents} circuits still belong to a document`);
  const queued = snapshot.links.reduce((sum, link) => sum + link.queuedBytes, 0);
  if (queued > 0) broken.push(`${queued} bytes are still queued`);
  return broken;
}

/** Relayed circuits cannot outnumber those that origins know, three relays each, but for what is being torn down right now. */
export function leakedCircuits(world: SimWorld): number {
  let relayed = 0;
  let known = 0;
  for (const { node } of world.nodes) {
    if (node === undefined) continue;
    const { onion } = node.snapshot();
    relayed += onion.relayed.guard + onion.relayed.middle + onion.relayed.exit;
    known += onion.circuits.length;
  }
  return Math.max(0, relayed - known * 3);
}
