/**
 * Invites to the network of this node: made from what it knows, read before anything is changed.
 *
 * Shape   makeInvite: a line for a network, with this node and up to two of its longest peers as seeds.
 *         readInvite: what the configuration of the invited needs, or a LocalError that says what is wrong with the line.
 * Errors  LocalError bad_invite, invite_expired; usage when this node may not hand out its network.
 * Why     three seeds, so that an invite outlives two of them; peers that stayed longest are likeliest to stay on.
 * Source  ux § 5 "Joining".
 * @module
 */
import type { Crypto } from '../crypto/provider.ts';
import { LocalError } from './errors.ts';
import { DESCRIPTOR_BYTES_MAX, INVITE_SEEDS_MAX } from './limits.ts';
import type { Node } from './node-types.ts';
import { decodeInvite, encodeInvite, INVITE_SECRET_BYTES, networkIdOf } from './wire/invite.ts';

const HOUR_MS = 3_600_000;
export const INVITE_LIFE_MS_MIN = 60_000;
export const INVITE_LIFE_MS_MAX = 30 * 24 * HOUR_MS;

export interface MadeInvite {
  readonly line: string;
  readonly network: string;
  readonly seeds: number;
  readonly expiresAtMs: number;
}

export function makeInvite(node: Node, crypto: Crypto, nowMs: number, lifeMs: number): MadeInvite {
  if (!(lifeMs >= INVITE_LIFE_MS_MIN && lifeMs <= INVITE_LIFE_MS_MAX)) {
    throw new LocalError('usage', 'an invite lives between 1 minute and 30 days');
  }
  const { networkName } = node.settings;
  const peers = [...node.snapshot().peers]
    .filter((peer) => peer.descriptor.addresses.length > 0)
    .sort((a, b) => a.since - b.since || (a.key < b.key ? -1 : 1))
    .map((peer) => peer.descriptor.encoded);
  const seeds = [node.descriptor.encoded, ...peers].slice(0, INVITE_SEEDS_MAX);
  const expiresAtMs = Math.floor((nowMs + lifeMs) / 1_000) * 1_000;
  const line = encodeInvite(crypto, {
    kind: 'network',
    networkName,
    networkId: networkIdOf(crypto, networkName),
    seeds,
    expiresAtMs,
    secret: crypto.randomBytes(INVITE_SECRET_BYTES),
  });
  return { line, network: networkName, seeds: seeds.length, expiresAtMs };
}

/**
 * Nodes to dial, from what a person pastes: an invite to this network, or descriptors with spaces between them.
 * @throws LocalError bad_invite, invite_expired, other_network
 */
export function readPeers(crypto: Crypto, text: string, nowMs: number, network: string): readonly Uint8Array[] {
  if (!/^[\w-]+(\s+[\w-]+)*$/.test(text)) {
    const invite = readInvite(crypto, text, nowMs);
    if (invite.network !== network)
      throw new LocalError(
        'other_network',
        `the invite is to ${invite.network}: holloway peer join, with a home of its own`,
      );
    return invite.seeds.map((seed) => new Uint8Array(Buffer.from(seed, 'base64url')));
  }
  const encoded = text.split(/\s+/).map((one) => new Uint8Array(Buffer.from(one, 'base64url')));
  if (encoded.length > INVITE_SEEDS_MAX || encoded.some((one) => one.length > DESCRIPTOR_BYTES_MAX))
    throw new LocalError('bad_invite', `at most ${INVITE_SEEDS_MAX} descriptors, as holloway peer self prints them`);
  return encoded;
}

export interface InviteContents {
  readonly network: string;
  /** Descriptors in base64url, as network.seeds takes them. */
  readonly seeds: readonly string[];
  readonly expiresAtMs: number;
}

export function readInvite(crypto: Crypto, line: string, nowMs: number): InviteContents {
  const reading = decodeInvite(crypto, line, nowMs);
  if (reading.type === 'cutOff') {
    throw new LocalError('bad_invite', `its end is missing, about ${reading.missingCharacters} characters`);
  }
  if (reading.type === 'damaged')
    throw new LocalError('bad_invite', 'a character of it is wrong, or something stands behind it');
  if (reading.type === 'newerVersion') throw new LocalError('bad_invite', 'a newer Holloway made it: upgrade this one');
  if (reading.type === 'notAnInvite') throw new LocalError('bad_invite', 'an invite begins with holloway-invite:');
  const { invite } = reading;
  if (reading.type === 'expired') {
    throw new LocalError('invite_expired', `it was good until ${new Date(invite.expiresAtMs).toISOString()}`);
  }
  if (invite.kind !== 'network') throw new LocalError('bad_invite', 'it is for a friend, not for a network');
  const { networkName, networkId, seeds, expiresAtMs } = invite;
  if (!crypto.equal(networkId, networkIdOf(crypto, networkName))) {
    throw new LocalError('bad_invite', `it is for another network that is called ${networkName} too`);
  }
  return { network: networkName, seeds: seeds.map((seed) => Buffer.from(seed).toString('base64url')), expiresAtMs };
}
