/**
 * Every node whose signed descriptor we hold: where ring neighbours, long links and the relays of circuits are chosen from.
 *
 * Shape   at most KNOWN_NODES_MAX entries: our peers and those nearest to us on the ring stay; of the rest the ones with the smallest
 *         keyed hash of their node id. Circuits see at most RELAY_VIEW_MAX of them.
 * Unit    times are Clock.nowMs; hours are network hours.
 * Errors  ProtocolError from a descriptor that does not decode, verify or bind: the caller decides what becomes of its sender.
 * Why     the hash is keyed with a secret of this process (the min-wise samplers of Brahms): however often an attacker's nodes are
 *         named, they get no larger share of the sample than their share of distinct nodes, and nobody can grind ids that stay in.
 *         A node that could not be reached is left out for a while, twice as long each time, and comes back by opening a link or
 *         with a newer descriptor; what others say of it changes nothing.
 * Source  design § 7; Bortnikov et al., "Brahms" (2009), §§ 3-4.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { hexKey, type NodeId, type RingLocation } from '../ids.ts';
import { KNOWN_NODES_MAX, RELAY_VIEW_MAX } from '../limits.ts';
import { DESCRIPTOR_SKEW_HOURS, DESCRIPTOR_VALID_HOURS, decodeDescriptor } from '../wire/descriptor.ts';
import { type Descriptor, ROLE } from '../wire/descriptor-types.ts';
import { type Prefixes, prefixesOf } from './prefixes.ts';
import { compareKeys, nearestEachSide, type RingPlace } from './ring-location.ts';

/** Kept on either side whatever their hash: the ring is repaired from these. */
const NEAR_EACH_SIDE = 16;
const DIAL_BACKOFF_MS = 1_000;
const DIAL_BACKOFF_MAX_MS = 60_000;
const RELAY_BACKOFF_MS = 15_000;
const RELAY_BACKOFF_MAX_MS = 3_600_000;

export interface KnownNode extends RingPlace, Prefixes {
  readonly descriptor: Descriptor;
  /** Keyed hash in [0, 1): the smallest stay. */
  readonly rank: number;
  /** Since it was last reached. */
  readonly failures: number;
  readonly failedAtMs: number;
}

interface Entry extends KnownNode {
  descriptor: Descriptor;
  location: RingLocation;
  prefix: string;
  widePrefix: string;
  fingerprint: string;
  failures: number;
  failedAtMs: number;
}

export interface KnownNodes {
  /** Counts changes of any kind: equal numbers mean an equal table. */
  readonly version: number;
  readonly size: number;
  get(key: string): KnownNode | undefined;
  /** The entry with exactly these bytes, verified when they first came: nothing has to be computed for it. */
  find(encoded: Uint8Array): KnownNode | undefined;
  /**
   * Verifies and takes in a descriptor.
   * @param owner whose it must be: another one's is ERR_UNEXPECTED
   * @returns the entry, and whether it told us anything; undefined for our own and for light nodes'
   */
  adopt(encoded: Uint8Array, owner?: string): { readonly node: KnownNode; readonly news: boolean } | undefined;
  /** All entries in the order they came. */
  all(): readonly KnownNode[];
  /** What may be dialled now. */
  reachable(nowMs: number): readonly KnownNode[];
  /** What circuits may use now. */
  relays(nowMs: number): readonly Descriptor[];
  reached(key: string): void;
  failed(key: string, nowMs: number): void;
  forgetExpired(): void;
}

export interface KnownNodesOptions {
  readonly own: () => RingPlace;
  readonly allowPrivateAddresses: boolean;
  readonly nowHour: () => number;
  readonly isPeer: (key: string) => boolean;
}

export function createKnownNodes(deps: { crypto: Crypto; secret: Uint8Array }, options: KnownNodesOptions): KnownNodes {
  const { crypto, secret } = deps;
  const entries = new Map<string, Entry>();
  const fingerprints = new Map<string, string>();
  let version = 0;

  const rankOf = (id: NodeId): number => {
    const hash = crypto.hmac(secret, id);
    return (new DataView(hash.buffer, hash.byteOffset, 8).getUint32(0) * 2 ** 16 + hash[4]! * 256 + hash[5]!) / 2 ** 48;
  };

  function find(encoded: Uint8Array): Entry | undefined {
    const entry = entries.get(fingerprints.get(fingerprintOf(encoded)) ?? '');
    return entry !== undefined && sameBytes(entry.descriptor.encoded, encoded) ? entry : undefined;
  }

  function remove(entry: Entry): void {
    entries.delete(entry.key);
    if (fingerprints.get(entry.fingerprint) === entry.key) fingerprints.delete(entry.fingerprint);
    version++;
  }

  /** One over the cap: the largest hash goes, of those that nothing else keeps here. */
  function makeRoom(): void {
    if (entries.size <= KNOWN_NODES_MAX) return;
    const all = [...entries.values()];
    const { after, before } = nearestEachSide(options.own(), all, NEAR_EACH_SIDE);
    const near = new Set([...after, ...before].map((node) => node.key));
    let worst: Entry | undefined;
    for (const entry of all) {
      if (near.has(entry.key) || options.isPeer(entry.key)) continue;
      if (worst === undefined || entry.rank > worst.rank) worst = entry;
    }
    if (worst !== undefined) remove(worst);
  }

  function adopt(encoded: Uint8Array, owner?: string): { node: KnownNode; news: boolean } | undefined {
    const same = find(encoded);
    checkOwner(same?.key, owner);
    if (same !== undefined) return { node: same, news: false };
    const descriptor = decodeDescriptor(crypto, encoded, {
      nowHour: options.nowHour(),
      allowPrivateAddresses: options.allowPrivateAddresses,
    });
    const key = hexKey(descriptor.nodeId);
    checkOwner(key, owner);
    if (descriptor.role === ROLE.light || key === options.own().key) return undefined;
    const fingerprint = fingerprintOf(encoded);
    const known = entries.get(key);
    if (known !== undefined) {
      if (descriptor.sequence <= known.descriptor.sequence) return { node: known, news: false };
      fingerprints.delete(known.fingerprint);
      Object.assign(known, { ...factsOf(descriptor), fingerprint, failures: 0, failedAtMs: 0 });
      fingerprints.set(fingerprint, key);
      version++;
      return { node: known, news: true };
    }
    const rank = rankOf(descriptor.nodeId);
    const node: Entry = { key, ...factsOf(descriptor), rank, fingerprint, failures: 0, failedAtMs: 0 };
    entries.set(key, node);
    fingerprints.set(fingerprint, key);
    version++;
    makeRoom();
    return { node, news: entries.has(key) };
  }

  const relayNodes = (nowMs: number): Entry[] => {
    const usable = [...entries.values()].filter(
      (entry) =>
        entry.failures === 0 ||
        nowMs >= entry.failedAtMs + doubled(RELAY_BACKOFF_MS, entry.failures, RELAY_BACKOFF_MAX_MS),
    );
    if (usable.length <= RELAY_VIEW_MAX) return usable;
    return usable.sort((a, b) => a.rank - b.rank || compareKeys(a.key, b.key)).slice(0, RELAY_VIEW_MAX);
  };

  return {
    get version() {
      return version;
    },
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key),
    find,
    adopt,
    all: () => [...entries.values()],
    reachable: (nowMs) =>
      [...entries.values()].filter(
        (entry) =>
          entry.failures === 0 ||
          nowMs >= entry.failedAtMs + doubled(DIAL_BACKOFF_MS, entry.failures, DIAL_BACKOFF_MAX_MS),
      ),
    relays: (nowMs) => relayNodes(nowMs).map((entry) => entry.descriptor),
    reached(key) {
      const entry = entries.get(key);
      if (entry === undefined || entry.failures === 0) return;
      entry.failures = 0;
      version++;
    },
    failed(key, nowMs) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.failures++;
      entry.failedAtMs = nowMs;
      version++;
    },
    forgetExpired() {
      const oldest = options.nowHour() - DESCRIPTOR_VALID_HOURS - DESCRIPTOR_SKEW_HOURS;
      for (const entry of [...entries.values()]) if (entry.descriptor.issuedHour < oldest) remove(entry);
    },
  };
}

/** The end of the signature, to look up by; what is found is compared whole. */
function fingerprintOf(encoded: Uint8Array): string {
  return hexKey(encoded.subarray(-12));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function factsOf(descriptor: Descriptor): Pick<Entry, 'descriptor' | 'location' | 'prefix' | 'widePrefix'> {
  return { descriptor, location: descriptor.location, ...prefixesOf(descriptor.addresses[0]!.host) };
}

function checkOwner(key: string | undefined, owner: string | undefined): void {
  if (key === undefined || owner === undefined || key === owner) return;
  throw new ProtocolError('ERR_UNEXPECTED', "another node's descriptor where the sender's own belongs");
}

function doubled(firstMs: number, times: number, maxMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(times - 1, 20), maxMs);
}
