/**
 * Every node whose signed descriptor we hold: where ring neighbours, long links and the relays of circuits are chosen from.
 *
 * Shape   at most KNOWN_NODES_MAX entries: our peers and those nearest to us on the ring stay; of the rest the ones with the smallest
 *         keyed hash of their node id. Circuits see at most RELAY_VIEW_MAX of them: those that we reached ourselves, and those that
 *         gossip named and nothing speaks against. Of what nobody reached, at most UNREACHED_NODES_MAX are kept, and
 *         UNREACHED_PER_PREFIX_MAX that share a prefix.
 * Unit    times are Clock.nowMs; hours are network hours.
 * Errors  ProtocolError from a descriptor that does not decode, verify or bind: the caller decides what becomes of its sender.
 * Why     the hash is keyed with a secret of this process (the min-wise samplers of Brahms): however often an attacker's nodes are
 *         named, they get no larger share of the sample than their share of distinct nodes, and nobody can grind ids that stay in.
 *         A handshake with us proves a key and no address: who only came to us, or had himself announced, is a name until we found
 *         him where he says (dial-back.ts), and is not passed on. A node that could not be reached is left out for a while, twice as long each time, and comes back by opening a link or
 *         with a newer descriptor; what others say of it changes nothing.
 * Source  design § 7; Bortnikov et al., "Brahms" (2009), §§ 3-4.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { hexKey, type NodeId, type RingLocation } from '../ids.ts';
import { KNOWN_NODES_MAX, RELAY_VIEW_MAX, UNREACHED_NODES_MAX, UNREACHED_PER_PREFIX_MAX } from '../limits.ts';
import { DESCRIPTOR_SKEW_HOURS, DESCRIPTOR_VALID_HOURS, decodeDescriptor } from '../wire/descriptor.ts';
import { type Descriptor, ROLE } from '../wire/descriptor-types.ts';
import { type Prefixes, prefixesOf } from './prefixes.ts';
import { PROBATION_MS } from './probation.ts';
import { compareKeys, nearestEachSide, type RingPlace } from './ring-location.ts';

/** Kept on either side whatever their hash: the ring is repaired from these. */
const NEAR_EACH_SIDE = 16;
const DIAL_BACKOFF_MS = 1_000;
const DIAL_BACKOFF_MAX_MS = 60_000;
const RELAY_BACKOFF_MS = 15_000;
const RELAY_BACKOFF_MAX_MS = 3_600_000;
/** With fewer relays known for long, circuits would always go over the same ones. */
const OLD_RELAYS_MIN = 48;
const OLD_VIEW_MS = 60_000;

/**
 * What we have a node's address from. named: an announce, or a link that it dialled. heard: the gossip of a node that may serve
 * circuits itself. reached: it answered our own dial.
 */
export type Standing = 'named' | 'heard' | 'reached';

export interface KnownNode extends RingPlace, Prefixes {
  readonly descriptor: Descriptor;
  /** Keyed hash in [0, 1): the smallest stay. */
  readonly rank: number;
  /** Since it was last reached. */
  readonly failures: number;
  readonly failedAtMs: number;
  readonly standing: Standing;
}

interface Entry extends KnownNode {
  descriptor: Descriptor;
  location: RingLocation;
  prefix: string;
  widePrefix: string;
  fingerprint: string;
  failures: number;
  failedAtMs: number;
  standing: Standing;
  /** It has dialled us, and says that it can be dialled: we may see whether that is so. */
  hasKnocked: boolean;
  /** First heard of. */
  readonly sinceMs: number;
  /** Dial backs that did not find it. */
  notFound: number;
  notFoundAtMs: number;
}

export interface KnownNodes {
  /** Of the relays those known for an hour, if there are OLD_RELAYS_MIN; else all of them. */
  oldRelays(nowMs: number): readonly Descriptor[];
  /** Counts changes of any kind: equal numbers mean an equal table. */
  readonly version: number;
  readonly size: number;
  get(key: string): KnownNode | undefined;
  /** The entry with exactly these bytes, verified when they first came: nothing has to be computed for it. */
  find(encoded: Uint8Array): KnownNode | undefined;
  /**
   * Verifies and takes in a descriptor.
   * @param owner whose it must be: another one's is ERR_UNEXPECTED
   * @param standing at least this, unless we know better
   * @returns the entry, and whether it told us anything; undefined for our own and for light nodes'
   */
  adopt(
    encoded: Uint8Array,
    owner?: string,
    standing?: 'named' | 'heard',
  ): { readonly node: KnownNode; readonly news: boolean } | undefined;
  /** Gossip names it. True: it had only been named before. */
  heard(key: string): boolean;
  /** All entries in the order they came. */
  all(): readonly KnownNode[];
  /** What may be dialled now. */
  reachable(nowMs: number): readonly KnownNode[];
  /** What circuits may use now. */
  relays(nowMs: number): readonly Descriptor[];
  /** Who dialled us and was not found at its address yet, unless it was sought too recently. */
  unproven(nowMs: number): readonly KnownNode[];
  /** It answered there. True: that makes it a relay that it was not before. */
  found(at: Descriptor): boolean;
  notFound(at: Descriptor, nowMs: number): void;
  /** It dialled us: it lives, wherever it is. */
  knocked(key: string): void;
  failed(key: string, nowMs: number): void;
  /** Whom we could not reach may be dialled again at once: it was us who were away. */
  forgive(): void;
  forgetExpired(): void;
}

export interface KnownNodesOptions {
  readonly own: () => RingPlace;
  readonly allowPrivateAddresses: boolean;
  readonly prefixRules: boolean;
  readonly nowHour: () => number;
  readonly isPeer: (key: string) => boolean;
  /** When a node is heard of; without it all are as old as this table. */
  readonly nowMs?: () => number;
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

  /** The entry, if what we hold of it still names that address. */
  function entryAt(at: Descriptor): Entry | undefined {
    const entry = entries.get(hexKey(at.nodeId));
    return entry !== undefined && sameAddress(entry.descriptor, at) ? entry : undefined;
  }

  function remove(entry: Entry): void {
    entries.delete(entry.key);
    if (fingerprints.get(entry.fingerprint) === entry.key) fingerprints.delete(entry.fingerprint);
    version++;
  }

  /** Past a cap the largest hash goes, of those that nothing else keeps here: first the ones that are no more than a name. */
  function makeRoom(newest: Entry): void {
    const isNamed = (entry: Entry): boolean => entry.standing === 'named';
    const isCrowding = (entry: Entry): boolean =>
      entry.standing !== 'reached' && entry.widePrefix === newest.widePrefix;
    let named = 0;
    let crowding = 0;
    for (const entry of entries.values()) {
      if (isNamed(entry)) named++;
      if (isCrowding(entry)) crowding++;
    }
    if (options.prefixRules && crowding > UNREACHED_PER_PREFIX_MAX && removeWorst(isCrowding)) return;
    if (named > UNREACHED_NODES_MAX && removeWorst(isNamed)) return;
    if (entries.size <= KNOWN_NODES_MAX) return;
    // Half of the table is for those known for long: a flood of newcomers, each with a rank as good as any, competes for the rest.
    const nowMs = options.nowMs?.() ?? 0;
    const isYoung = (entry: Entry): boolean => nowMs - entry.sinceMs < PROBATION_MS;
    let young = 0;
    for (const entry of entries.values()) if (isYoung(entry)) young++;
    removeWorst(young > KNOWN_NODES_MAX / 2 ? isYoung : () => true);
  }

  function removeWorst(among: (entry: Entry) => boolean): boolean {
    const { after, before } = nearestEachSide(options.own(), [...entries.values()], NEAR_EACH_SIDE);
    const near = new Set([...after, ...before].map((node) => node.key));
    let worst: Entry | undefined;
    for (const entry of entries.values()) {
      if (!among(entry) || near.has(entry.key) || options.isPeer(entry.key)) continue;
      if (worst === undefined || entry.rank > worst.rank) worst = entry;
    }
    if (worst === undefined) return false;
    remove(worst);
    return true;
  }

  function heard(key: string): boolean {
    const entry = entries.get(key);
    // What others say does not overrule what we saw ourselves.
    if (entry?.standing !== 'named' || entry.notFound > 0 || entry.failures > 0) return false;
    entry.standing = 'heard';
    version++;
    return true;
  }

  function adopt(
    encoded: Uint8Array,
    owner?: string,
    standing: 'named' | 'heard' = 'named',
  ): { node: KnownNode; news: boolean } | undefined {
    const same = find(encoded);
    checkOwner(same?.key, owner);
    if (same !== undefined) return { node: same, news: standing === 'heard' && heard(same.key) };
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
      const isProven = known.failures === 0 && sameAddress(known.descriptor, descriptor);
      // At another address, or back from where it was not found, it has to be found anew.
      if (!isProven) Object.assign(known, { standing, notFound: 0, notFoundAtMs: 0 });
      Object.assign(known, { ...factsOf(descriptor), fingerprint, failures: 0, failedAtMs: 0 });
      if (standing === 'heard') heard(key);
      fingerprints.set(fingerprint, key);
      version++;
      return { node: known, news: true };
    }
    const rank = rankOf(descriptor.nodeId);
    const sinceMs = options.nowMs?.() ?? Number.NEGATIVE_INFINITY;
    const fresh = { sinceMs, failures: 0, failedAtMs: 0, standing, hasKnocked: false, notFound: 0, notFoundAtMs: 0 };
    const node: Entry = { key, ...factsOf(descriptor), rank, fingerprint, ...fresh };
    entries.set(key, node);
    fingerprints.set(fingerprint, key);
    version++;
    makeRoom(node);
    return { node, news: entries.has(key) };
  }

  /** Entries that have not failed, or whose back-off is over; the same array until the table changes or a back-off ends. */
  function rested(backoffMs: number, backoffMaxMs: number): (nowMs: number) => readonly Entry[] {
    let list: readonly Entry[] = [];
    let ofVersion = -1;
    let untilMs = 0;
    return (nowMs) => {
      if (ofVersion === version && nowMs < untilMs) return list;
      ofVersion = version;
      untilMs = Number.POSITIVE_INFINITY;
      const found: Entry[] = [];
      for (const entry of entries.values()) {
        const endsMs =
          entry.failures === 0 ? nowMs : entry.failedAtMs + doubled(backoffMs, entry.failures, backoffMaxMs);
        if (nowMs >= endsMs) found.push(entry);
        else untilMs = Math.min(untilMs, endsMs);
      }
      list = found;
      return list;
    };
  }
  const reachable = rested(DIAL_BACKOFF_MS, DIAL_BACKOFF_MAX_MS);
  const restedRelays = rested(RELAY_BACKOFF_MS, RELAY_BACKOFF_MAX_MS);

  let oldView: readonly Descriptor[] = [];
  let oldViewOf: readonly Descriptor[] | undefined;
  let oldViewUntilMs = 0;
  let relayView: readonly Descriptor[] = [];
  let relayViewOf: readonly Entry[] | undefined;
  function relays(nowMs: number): readonly Descriptor[] {
    const of = restedRelays(nowMs);
    if (relayViewOf === of) return relayView;
    relayViewOf = of;
    const usable = of.filter((entry) => entry.standing !== 'named');
    if (usable.length > RELAY_VIEW_MAX) {
      usable.sort((a, b) => a.rank - b.rank || compareKeys(a.key, b.key)).splice(RELAY_VIEW_MAX);
    }
    relayView = usable.map((entry) => entry.descriptor);
    return relayView;
  }

  /** Whoever came in a flood is named by gossip like anybody, and serves our own circuits when he has stayed. */
  function oldRelays(nowMs: number): readonly Descriptor[] {
    const all = relays(nowMs);
    if (oldViewOf === all && nowMs < oldViewUntilMs) return oldView;
    [oldViewOf, oldViewUntilMs] = [all, nowMs + OLD_VIEW_MS];
    // Of all and not of the view: a flood leaves only small ranks beside theirs, which would push them out of it.
    const old = restedRelays(nowMs).filter(
      (entry) => entry.standing !== 'named' && nowMs - entry.sinceMs >= PROBATION_MS,
    );
    if (old.length > RELAY_VIEW_MAX) old.sort((a, b) => a.rank - b.rank || compareKeys(a.key, b.key));
    oldView = old.length >= OLD_RELAYS_MIN ? old.slice(0, RELAY_VIEW_MAX).map((entry) => entry.descriptor) : all;
    return oldView;
  }

  return {
    oldRelays,
    get version() {
      return version;
    },
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key),
    find,
    adopt,
    heard,
    all: () => [...entries.values()],
    reachable,
    relays,
    unproven: (nowMs) =>
      [...entries.values()].filter(
        (entry) =>
          entry.standing === 'named' &&
          entry.hasKnocked &&
          (entry.notFound === 0 ||
            nowMs >= entry.notFoundAtMs + doubled(RELAY_BACKOFF_MS, entry.notFound, RELAY_BACKOFF_MAX_MS)),
      ),
    found(at) {
      const entry = entryAt(at);
      if (entry === undefined) return false;
      const isNews = entry.standing === 'named';
      if (entry.standing === 'reached' && entry.failures === 0) return false;
      Object.assign(entry, { standing: 'reached', failures: 0, notFound: 0 });
      version++;
      return isNews;
    },
    notFound(at, nowMs) {
      const entry = entryAt(at);
      if (entry === undefined || entry.standing === 'reached') return;
      Object.assign(entry, { standing: 'named', notFound: entry.notFound + 1, notFoundAtMs: nowMs });
      version++;
    },
    knocked(key) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.hasKnocked = true;
      if (entry.failures === 0) return;
      Object.assign(entry, { standing: 'named', failures: 0 });
      version++;
    },
    failed(key, nowMs) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.failures++;
      entry.failedAtMs = nowMs;
      version++;
    },
    forgive() {
      for (const entry of entries.values()) entry.failedAtMs = Number.NEGATIVE_INFINITY;
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

/** Whether both are dialled at the same place. */
function sameAddress(a: Descriptor, b: Descriptor): boolean {
  const [one, other] = [a.addresses[0]!, b.addresses[0]!];
  return one.host === other.host && one.port === other.port;
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
