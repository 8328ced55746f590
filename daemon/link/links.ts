/**
 * All links of a node: dials, accepts, runs handshakes, and knows which link leads to whom.
 *
 * Shape   connect() shares one dial per node and reuses an open link; a node has at most one link in each direction, a newer
 *         one replaces the older. With two, get() prefers the one dialled by the node of the lower id: both ends agree.
 * Errors  connect rejects with ProtocolError: ERR_DIAL, ERR_HANDSHAKE, ERR_LIMIT, ERR_BINDING, ERR_CLOSED. What strangers send
 *         never throws out of here.
 * Why     a probe must learn nothing: whatever is wrong, nothing is answered, bytes are read on, and the stream is closed after
 *         1 to 30 s. For a stranger that moment is drawn when he comes, so that it does not tell whether his bytes were too few
 *         or refused: the length at which that changes would be our fingerprint. Under a flood the silent ones make room first,
 *         then those that have proven nothing; so garbage cannot keep out a node that holds our descriptor. Links have caps by
 *         where they come from, and idle ones make room for newcomers (link-room.ts).
 * Source  design § 4 "Link handshake".
 * @module
 */
import type { Crypto, DhKeyPair } from '../../crypto/provider.ts';
import { ProtocolError, type ProtocolErrorCode } from '../errors.ts';
import { hexKey, type NodeId } from '../ids.ts';
import { HANDSHAKE_TIMEOUT_MS, HANDSHAKES_MAX, LIGHT_LINKS_MAX, LINKS_MAX, PACED_LINKS_MAX } from '../limits.ts';
import type { ByteStream, Clock, Listener, Log, NetAddress, Random, Records, Timer, Transport } from '../ports.ts';
import { isDialable, isPrivate } from '../wire/address.ts';
import { decodeDescriptor } from '../wire/descriptor.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { Conduit, type Totals } from './conduit.ts';
import { createInitiator, createResponder, type HandshakeMachine, type Session } from './handshake.ts';
import { OpenLink } from './link.ts';
import { leastWorth, linksFrom, originOf } from './link-room.ts';
import type { Link, LinkEvents, LinkHost } from './link-types.ts';
import { createReplayGuard } from './replay.ts';

const SILENCE_MS_MIN = 1_000;
const SILENCE_MS_MAX = 30_000;

export interface LinksDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly transport: Transport;
  readonly log: Log;
  /** Where first flights are remembered against replay; in memory only without it. */
  readonly records?: Records;
}

export interface LinksOptions {
  readonly ownDescriptor: () => Descriptor;
  /** Current first, then those still honoured. */
  readonly linkKeys: () => readonly DhKeyPair[];
  readonly nowHour: () => number;
  readonly allowPrivateAddresses: boolean;
  /** Name of the network, the default one if not given: nodes of another one never link to us. */
  readonly network?: string;
  /** False for a light client: it shows no descriptor, and a fresh static key on every link. */
  readonly sendDescriptor: boolean;
  /** Whether links are capped by where they come from; true if not given. Off where all nodes share one address. */
  readonly prefixRules?: boolean;
  /** Whether a peer or a circuit needs it. Without this question every link is kept. */
  readonly isLinkInUse?: (link: Link) => boolean;
}

/** A stream that is not a link yet, or will never be one. */
interface Attempt {
  readonly conduit: Conduit;
  readonly dialled: boolean;
  machine: HandshakeMachine | undefined; // undefined: silent
  timer: Timer;
  /** When our last flight left. */
  sentAtMs: number;
  readonly settle: { resolve(link: Link): void; reject(code: ProtocolErrorCode): void } | undefined;
  /** Of a probe: the other end has proven itself, and that was all. */
  readonly proved?: () => void;
}

export function createLinks(deps: LinksDeps, options: LinksOptions, events: LinkEvents): LinkHost {
  const { clock, random, crypto, log } = deps;
  const replay = createReplayGuard(deps.records, log);
  const totals: Totals = { bytesIn: 0, bytesOut: 0 };
  const attempts = new Set<Attempt>();
  const links = new Map<number, OpenLink>();
  /** Per node the link in each direction. */
  const byNode = new Map<string, { dialled: OpenLink | undefined; accepted: OpenLink | undefined }>();
  const dials = new Map<string, Promise<Link>>();
  let lights = 0;
  let lastHandle = 0;
  let over = false;

  // --- links ---

  const linkDeps = {
    clock,
    random,
    crypto,
    events,
    forget(link: OpenLink): void {
      links.delete(link.handle);
      if (link.peer === undefined) lights--;
      const pair = byNode.get(link.peerKey);
      if (pair === undefined) return;
      if (pair.dialled === link) pair.dialled = undefined;
      if (pair.accepted === link) pair.accepted = undefined;
      if (pair.dialled === undefined && pair.accepted === undefined) byNode.delete(link.peerKey);
    },
    fallSilent(conduit: Conduit): void {
      if (!makeRoom()) {
        conduit.close();
        return;
      }
      const attempt: Attempt = {
        conduit,
        dialled: false,
        machine: undefined,
        timer: NO_TIMER,
        sentAtMs: 0,
        settle: undefined,
      };
      attempts.add(attempt);
      silence(attempt);
    },
    mayPace: () => [...links.values()].filter((link) => link.pacing.isServing).length < PACED_LINKS_MAX,
  };

  function adopt(attempt: Attempt, session: Session): void {
    const { conduit, dialled } = attempt;
    attempt.timer.cancel();
    attempts.delete(attempt);
    const isLight = session.peer === undefined;
    if (!makeLinkRoom(attempt, session)) {
      conduit.close();
      attempt.settle?.reject('ERR_LIMIT');
      return;
    }
    const rttMs = clock.nowMs() - attempt.sentAtMs;
    const link = new OpenLink(linkDeps, { handle: ++lastHandle, conduit, session, dialledByUs: dialled, rttMs });
    links.set(link.handle, link);
    if (isLight) lights++;
    else enterNode(link);
    events.opened(link);
    attempt.settle?.resolve(link);
    if (session.rest.length > 0 && link.isOpen) link.receive(session.rest);
  }

  /** Room for one more link: an idle one may have to go. */
  function makeLinkRoom(attempt: Attempt, session: Session): boolean {
    // It will take the place of its own older link.
    if (session.peer !== undefined && !attempt.dialled && byNode.get(hexKey(session.peer.nodeId))?.accepted)
      return true;
    if (!attempt.dialled && !makeOriginRoom(attempt.conduit.remote.host)) return false;
    if (session.peer === undefined && lights >= LIGHT_LINKS_MAX) {
      if (!giveUp([...links.values()].filter((link) => link.peer === undefined))) return false;
    }
    return links.size < LINKS_MAX || giveUp(links.values());
  }

  function makeOriginRoom(host: string): boolean {
    if (options.prefixRules === false) return true;
    const sameOrigin = linksFrom(links.values(), host);
    return sameOrigin.length < originOf(host).linksMax || giveUp(sameOrigin);
  }

  function giveUp(among: Iterable<OpenLink>): boolean {
    const least = idleOf(among);
    least?.close('ERR_LIMIT');
    return least !== undefined;
  }

  /** The one that would go first. */
  function idleOf(among: Iterable<OpenLink>): OpenLink | undefined {
    const { isLinkInUse } = options;
    return isLinkInUse === undefined ? undefined : leastWorth(among, isLinkInUse);
  }

  const isFull = (): boolean => links.size >= LINKS_MAX && idleOf(links.values()) === undefined;

  function enterNode(link: OpenLink): void {
    const pair = byNode.get(link.peerKey) ?? { dialled: undefined, accepted: undefined };
    const older = link.dialledByUs ? pair.dialled : pair.accepted;
    if (link.dialledByUs) pair.dialled = link;
    else pair.accepted = link;
    byNode.set(link.peerKey, pair);
    older?.close('ERR_CLOSED'); // its other end has dialled again: it no longer holds the old one
  }

  function get(nodeId: NodeId): Link | undefined {
    const key = hexKey(nodeId);
    const pair = byNode.get(key);
    if (pair === undefined) return undefined;
    return hexKey(options.ownDescriptor().nodeId) < key
      ? (pair.dialled ?? pair.accepted)
      : (pair.accepted ?? pair.dialled);
  }

  // --- handshakes ---

  /** Room for one more stream that is not a link: at the cap somebody who has proven nothing must go. */
  function makeRoom(): boolean {
    if (attempts.size < HANDSHAKES_MAX) return true;
    let victim: Attempt | undefined;
    for (const attempt of attempts) {
      if (attempt.machine === undefined) {
        victim = attempt;
        break;
      }
      if (!attempt.dialled && !attempt.machine.proven) victim ??= attempt;
    }
    if (victim === undefined) return false;
    drop(victim, 'ERR_LIMIT');
    return true;
  }

  function drop(attempt: Attempt, code: ProtocolErrorCode): void {
    attempt.timer.cancel();
    attempts.delete(attempt);
    attempt.machine = undefined;
    attempt.conduit.close();
    attempt.settle?.reject(code);
  }

  const drawSilenceMs = (): number => SILENCE_MS_MIN + random.unit() * (SILENCE_MS_MAX - SILENCE_MS_MIN);

  /** Reads on and says nothing. */
  function ignore(attempt: Attempt): void {
    attempt.machine = undefined;
    attempt.settle?.reject('ERR_HANDSHAKE');
    attempt.conduit.use({ close: () => drop(attempt, 'ERR_HANDSHAKE') });
  }

  /** Reads on, says nothing, closes after a time that tells nothing. */
  function silence(attempt: Attempt): void {
    attempt.timer.cancel();
    ignore(attempt);
    attempt.timer = clock.setTimer(drawSilenceMs(), () => drop(attempt, 'ERR_HANDSHAKE'));
  }

  function advance(attempt: Attempt, bytes: Uint8Array): void {
    const step = attempt.machine?.push(bytes);
    switch (step?.type) {
      case undefined:
      case 'wait':
        return;
      case 'send':
        attempt.conduit.write(step.bytes);
        attempt.sentAtMs = clock.nowMs();
        attempt.timer.cancel();
        attempt.timer = clock.setTimer(HANDSHAKE_TIMEOUT_MS, () => silence(attempt));
        return;
      case 'done':
        if (attempt.proved !== undefined) {
          step.session.sendKey.fill(0);
          step.session.receiveKey.fill(0);
          attempt.proved();
          drop(attempt, 'ERR_CLOSED');
          return;
        }
        if (step.bytes !== undefined) attempt.conduit.write(step.bytes);
        adopt(attempt, step.session);
        return;
      case 'failed':
        if (attempt.dialled || attempt.machine!.proven) silence(attempt);
        else ignore(attempt); // until the moment drawn when it came
        return;
    }
    step satisfies never;
  }

  function accept(stream: ByteStream): void {
    if (over || isFull() || !makeRoom()) {
      stream.close();
      return;
    }
    const linkKeys = options.linkKeys();
    replay.keepOnly(linkKeys.map((pair) => pair.publicKey));
    const machine = createResponder({
      crypto,
      random,
      ownNodeId: options.ownDescriptor().nodeId,
      linkKeys,
      replay,
      network: options.network,
      decodeDescriptor: (bytes) =>
        decodeDescriptor(crypto, bytes, {
          nowHour: options.nowHour(),
          allowPrivateAddresses: options.allowPrivateAddresses,
        }),
    });
    const conduit = new Conduit(stream, totals, {
      data: (bytes) => advance(attempt, bytes),
      close: () => drop(attempt, 'ERR_HANDSHAKE'),
    });
    const timer = clock.setTimer(drawSilenceMs(), () => drop(attempt, 'ERR_HANDSHAKE'));
    const attempt: Attempt = { conduit, dialled: false, machine, timer, sentAtMs: clock.nowMs(), settle: undefined };
    attempts.add(attempt);
  }

  function probe(at: Descriptor): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    startDial(at, { resolve: () => {}, reject: (code) => reject(new ProtocolError(code)) }, resolve);
    return promise;
  }

  function dial(to: Descriptor): Promise<Link> {
    const { promise, resolve, reject } = Promise.withResolvers<Link>();
    startDial(to, { resolve, reject: (code) => reject(new ProtocolError(code)) });
    return promise;
  }

  function startDial(to: Descriptor, settle: NonNullable<Attempt['settle']>, proved?: () => void): void {
    let opened = false;
    const own = options.sendDescriptor ? options.ownDescriptor().encoded : undefined;
    // A light client's key must not tell two guards that they serve the same one.
    const staticKey = options.sendDescriptor ? options.linkKeys()[0]! : crypto.dhKeyPair();
    const machine = createInitiator({ crypto, random, to, staticKey, ownDescriptor: own, network: options.network });
    const conduit = new Conduit(deps.transport.dial(to.addresses[0]!), totals, {
      open: () => {
        opened = true;
        attempt.sentAtMs = clock.nowMs();
        conduit.write(machine.first);
      },
      data: (bytes) => advance(attempt, bytes),
      close: () => drop(attempt, opened ? 'ERR_HANDSHAKE' : 'ERR_DIAL'),
    });
    const timer = clock.setTimer(HANDSHAKE_TIMEOUT_MS, () => {
      if (opened) silence(attempt);
      else drop(attempt, 'ERR_DIAL');
    });
    const sentAtMs = clock.nowMs();
    const probing = proved === undefined ? {} : { proved };
    const attempt: Attempt = { conduit, dialled: true, machine, timer, sentAtMs, settle, ...probing };
    attempts.add(attempt);
  }

  function refusal(to: Descriptor): ProtocolErrorCode | undefined {
    const host = to.addresses[0]!.host;
    if (over) return 'ERR_CLOSED';
    if (crypto.equal(to.nodeId, options.ownDescriptor().nodeId)) return 'ERR_DIAL';
    if (!isDialable(host) || (!options.allowPrivateAddresses && isPrivate(host))) return 'ERR_BINDING';
    return isFull() || !makeRoom() ? 'ERR_LIMIT' : undefined;
  }

  return {
    async connect(to) {
      const key = hexKey(to.nodeId);
      const known = get(to.nodeId) ?? dials.get(key);
      if (known !== undefined) return known;
      const code = refusal(to);
      if (code !== undefined) throw new ProtocolError(code);
      const pending = dial(to);
      dials.set(key, pending);
      try {
        return await pending;
      } finally {
        dials.delete(key);
      }
    },
    async probe(at) {
      const code = refusal(at);
      if (code !== undefined) throw new ProtocolError(code);
      await probe(at);
    },
    get,
    all: () => [...links.values()],
    async listen(at: NetAddress): Promise<Listener> {
      return deps.transport.listen(at, accept);
    },
    closeAll() {
      over = true;
      for (const link of [...links.values()]) link.close('shutdown');
      for (const attempt of [...attempts]) drop(attempt, 'ERR_CLOSED');
    },
    get bytesIn() {
      return totals.bytesIn;
    },
    get bytesOut() {
      return totals.bytesOut;
    },
  };
}

const NO_TIMER: Timer = { cancel: () => {} };
