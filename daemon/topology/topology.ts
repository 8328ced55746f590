/**
 * The topology: joins the network, holds the right peers, and knows the relays.
 *
 * Shape   one object that implements RoutingView and RelayView; links and messages are handed in, peers come out through callbacks.
 *         A round (every half second until the ring stands still, then slower) seeks nearer ring neighbours, announces, fills long
 *         links and drops what is too much.
 * Unit    milliseconds of Clock.nowMs; network hours.
 * Errors  what a peer may not send closes its link with the ProtocolErrorCode; nothing is thrown out of here.
 * Why     every decision is a pure function of the tables (peer-table, peer-choice), so that what happens follows from clock and
 *         random draws alone. Nothing here happens because a circuit or a request passed by.
 * Source  design §§ 5, 7. What it is made from and what it is asked: topology-parts.ts.
 * @module
 */
import { ProtocolError } from '../errors.ts';
import { hexKey, type RingLocation } from '../ids.ts';
import type { Link } from '../link/link-types.ts';
import type { Timer } from '../ports.ts';
import { addressBytes } from '../wire/address.ts';
import { type Descriptor, ROLE } from '../wire/descriptor-types.ts';
import type { Message } from '../wire/messages.ts';
import { createAdoption } from './adoption.ts';
import { createAnnounces, type NamedNode } from './announce.ts';
import { createClaims } from './claims.ts';
import { createDialBack } from './dial-back.ts';
import { createDialler } from './dialler.ts';
import { createGossip } from './gossip.ts';
import { sampleOf } from './gossip-view.ts';
import { closeIdleLinks } from './idle-links.ts';
import { createJoin, type Join } from './join.ts';
import { createKnownNodes } from './known-nodes.ts';
import { fillLightLinks, LIGHT_LINKS_MIN, LIGHT_RELAYS_MIN } from './light-links.ts';
import { createLinkState, type LinkState } from './link-states.ts';
import { createLiveness } from './liveness.ts';
import { createLongLinks } from './long-links.ts';
import { hoursAhead, hoursToMs, medianOffsetHours, ownHour } from './network-hour.ts';
import { estimateNodes } from './peer-choice.ts';
import { createPeerControl } from './peer-control.ts';
import { createPeering, keyOf } from './peering.ts';
import { createProbation } from './probation.ts';
import { createReachability } from './reachability.ts';
import { createRelayReports } from './relay-reports.ts';
import { createRememberedPeers } from './remembered-peers.ts';
import { byDistanceTo, type RingPlace } from './ring-location.ts';
import { createRingUpkeep } from './ring-upkeep.ts';
import { createRotation } from './rotation.ts';
import { createSteadyWall } from './steady-wall.ts';
import type { Topology, TopologyDeps, TopologyOptions } from './topology-parts.ts';
import type { JoinStage } from './topology-types.ts';
import { createValidation } from './validation.ts';

export type { Topology, TopologyDeps, TopologyOptions } from './topology-parts.ts';

const QUICK_ROUND_MS = 500;
const CALM_ROUND_MS = 5_000;
const ANNOUNCE_MS_MAX = 30_000;
/** Rounds in which nothing about the ring changed before rounds become slow. */
const CALM_AFTER_ROUNDS = 6;
/** Events within this time are answered together. */
const KICK_MS = 10;
const EXPIRY_CHECK_MS = 60_000;
/** How long a node that announces itself is named before it is anybody's peer; later its link may serve circuits, and is not. */
const NAMED_MS = 5_000;

export function createTopology(deps: TopologyDeps, options: TopologyOptions): Topology {
  const { clock, crypto, log, links } = deps;
  const joinRandom = deps.random.fork('join');
  const wall = createSteadyWall(clock);
  const isLight = options.role === ROLE.light;
  const states = new Map<number, LinkState>();
  let phase: 'before' | 'running' | 'stopped' = 'before';
  let join: Join | undefined;
  let roundTimer: Timer | undefined;
  let kickTimer: Timer | undefined;
  let kickDueMs = 0;
  let calmRounds = 0;
  let roundGapMs = QUICK_ROUND_MS;
  let announceGapMs = QUICK_ROUND_MS;
  let nextAnnounceMs = 0;
  let nextExpiryMs = 0;
  let wasJoined = false;

  let place: { readonly of: Descriptor; readonly at: RingPlace } | undefined;
  const own = (): RingPlace => {
    const descriptor = options.ownDescriptor();
    if (place?.of !== descriptor) {
      place = { of: descriptor, at: { key: keyOf(descriptor), location: descriptor.location } };
    }
    return place.at;
  };
  const offsetHours = (): number | undefined =>
    medianOffsetHours(
      [...states.values()]
        .filter((state) => peering.get(state.link.peerKey)?.link === state.link)
        .flatMap((state) => (state.hourTold === undefined ? [] : [hoursAhead(state.hourTold, wall)])),
    );
  const networkHour = (): number => ownHour(wall.wallMs()) + (offsetHours() ?? 0);

  const known = createKnownNodes(
    { crypto, secret: deps.random.fork('view').bytes(32) },
    {
      own,
      allowPrivateAddresses: options.allowPrivateAddresses,
      prefixRules: options.prefixRules,
      nowHour: networkHour,
      isPeer: (key) => peering.get(key) !== undefined,
      nowMs: () => clock.nowMs(),
    },
  );
  const probation = createProbation({ clock });
  const peering = createPeering(
    { clock, log, links },
    {
      ...options,
      own,
      isNew: (key) => probation.isNew(key),
      newest: (key) => known.get(key)?.descriptor,
      onPeerUp(peer) {
        remembered.remember(peer.descriptor);
        options.onPeerUp(peer);
        claims.peerUp(peer);
        unsettle();
      },
      onPeerDown(peer) {
        claims.peerDown(peer);
        options.onPeerDown(peer);
        unsettle();
      },
    },
  );
  const claims = createClaims({ clock, peers: () => peering.peers() });
  const remembered = createRememberedPeers({ clock, records: deps.records, log });
  const dialler = createDialler(
    { clock, links },
    {
      opened: () => kick(KICK_MS),
      failed(key) {
        known.failed(key, clock.nowMs());
        kick(KICK_MS);
      },
    },
  );
  const { adoptOne, adoptAll, decodeList } = createAdoption(
    { clock, crypto, log, known },
    {
      allowPrivateAddresses: options.allowPrivateAddresses,
      networkHour,
      ownKey: () => own().key,
      stateOf: (link) => states.get(link.handle),
      onNews(node) {
        peering.descriptorChanged(node.key, node.descriptor);
        gossip.heardNews();
        kick(KICK_MS);
      },
    },
  );
  const ring = createRingUpkeep({ clock, links, known, peering, dialler }, { ...options, own, later: kick });
  const announces = createAnnounces({
    clock,
    random: deps.random.fork('announce'),
    own,
    ownDescriptor: options.ownDescriptor,
    neighbours,
    adopt: (link, descriptors) => adoptAll(link, descriptors, 'named'),
  });
  const gossip = createGossip({
    clock,
    random: deps.random.fork('gossip'),
    ownDescriptor: options.ownDescriptor,
    pushesOwn: !isLight,
    partners: () => {
      const peers = peering.peers();
      return peers.length > 0 ? peers.map((peer) => peer.link) : openNodeLinks();
    },
    knownCount: () => known.size,
    relays: () => known.relays(clock.nowMs()),
    reach(to) {
      const link = links.get(to.nodeId);
      if (link?.isOpen) return link;
      dialler.dial(to);
      return undefined;
    },
    adopt: (link, descriptors) => adoptAll(link, descriptors, 'heard'),
    adoptOwn: (link, descriptor) => void adoptOne(link, descriptor, link.peerKey),
  });
  const dialBack = createDialBack(
    { clock, random: deps.random.fork('dial back'), links, known },
    { prefixRules: options.prefixRules, found: () => gossip.heardNews() },
  );
  const reports = createRelayReports({ clock, random: deps.random.fork('reports'), known });
  const validation = createValidation({ clock, random: deps.random.fork('validation'), links, known });
  const longLinks = createLongLinks(
    { clock, random: deps.random.fork('long'), links, peering, dialler, announces },
    {
      ...options,
      own,
      candidates: () => known.reachable(clock.nowMs()),
      ringWanted: ring.wanted,
      estimatedNodes,
    },
  );

  const liveness = createLiveness({ clock, links: openNodeLinks, ask: (link) => gossip.ask(link) });
  const reachability = createReachability({ clock });
  const rotation = createRotation(
    { clock, random: deps.random.fork('rotation') },
    (key) => options.isUseless?.(key) ?? false,
  );

  function openNodeLinks(): Link[] {
    return [...states.values()].map((state) => state.link).filter((link) => link.isOpen && link.peer !== undefined);
  }

  /** Peers, and nodes that have just announced themselves over their own link: those may be named to others. */
  function neighbours(): { node: NamedNode; link: Link }[] {
    const found: { node: NamedNode; link: Link }[] = peering.peers().map((peer) => ({ node: peer, link: peer.link }));
    const named = new Set<string>();
    for (const { link, announcedMs } of states.values()) {
      if (announcedMs === undefined || clock.nowMs() - announcedMs >= NAMED_MS || !link.isOpen) continue;
      const node = known.get(link.peerKey);
      if (node === undefined || named.has(node.key) || peering.get(node.key) !== undefined) continue;
      named.add(node.key);
      found.push({ node, link });
    }
    return found;
  }

  // --- the ring ---

  function improveRing(): void {
    const { isComplete, hasChanged } = ring.improve();
    if (!isComplete || hasChanged) calmRounds = 0;
    if (isComplete && calmRounds >= 1 && peering.peers().length > 0) wasJoined = true;
  }

  function announceOver(over: readonly Link[]): void {
    for (const link of over) announces.send(link, own().location, () => kick(KICK_MS));
  }

  /** The nearest on either side hear of us and tell us of theirs; a third one, anywhere, checks that the ring is one ring. */
  function announceRound(): void {
    const nowMs = clock.nowMs();
    if (nowMs < nextAnnounceMs) return;
    announceGapMs = calmRounds < CALM_AFTER_ROUNDS ? QUICK_ROUND_MS : Math.min(announceGapMs * 2, ANNOUNCE_MS_MAX);
    nextAnnounceMs = nowMs + announceGapMs - KICK_MS;
    const peers = [...peering.peers()];
    const near = peers.filter((peer) => peer.ringNeighbour).sort(byDistanceTo(own().location));
    const over = new Set<Link>(near.slice(0, 2).map((peer) => peer.link));
    const anywhere = peers.length > 0 ? peers.map((peer) => peer.link) : openNodeLinks();
    for (const link of sampleOf(anywhere, near.length > 0 ? 1 : 3, joinRandom)) over.add(link);
    announceOver([...over]);
  }

  // --- the clock of it all ---

  function round(): void {
    const nowMs = clock.nowMs();
    calmRounds++;
    if (liveness.step(roundGapMs, wall.check(openNodeLinks().length > 0))) wokeUp();
    if (nowMs >= nextExpiryMs) {
      nextExpiryMs = nowMs + EXPIRY_CHECK_MS;
      known.forgetExpired();
    }
    peering.upkeep();
    claims.upkeep();
    remembered.upkeep();
    closeIdleLinks({ clock, peering }, openNodeLinks(), isLight ? LIGHT_LINKS_MIN : 0, options.isLinkInUse);
    if (isLight) keepLightLinks();
    else {
      join?.step(openNodeLinks().length);
      improveRing();
      announceRound();
      if (calmRounds >= 1) longLinks.upkeep();
      if (calmRounds >= CALM_AFTER_ROUNDS) rotate();
    }
    schedule();
  }

  /** We slept, or are somewhere else now: what failed before may answer again, and everything is looked at anew. */
  function wokeUp(): void {
    log.write('info', 'topology', 'looking whether the links still stand');
    calmRounds = 0;
    nextAnnounceMs = 0;
    known.forgive();
    join?.hurry();
  }

  function rotate(): void {
    const leaving = rotation.step(own(), peering.peers(), options.longLinks);
    if (leaving !== undefined) peering.drop(leaving);
  }

  function schedule(): void {
    roundTimer?.cancel();
    const gapMs = calmRounds < CALM_AFTER_ROUNDS ? QUICK_ROUND_MS : CALM_ROUND_MS;
    roundGapMs = gapMs * (0.95 + 0.1 * joinRandom.unit());
    roundTimer = clock.setTimer(roundGapMs, round);
  }

  /** Something changed around us: look again soon, and keep looking for a while. */
  function unsettle(): void {
    if (phase !== 'running') return;
    const wasCalm = calmRounds >= CALM_AFTER_ROUNDS;
    calmRounds = 0;
    if (wasCalm) {
      nextAnnounceMs = 0;
      schedule();
    }
    kick(KICK_MS);
  }

  /** Looks at the ring after `delayMs`, or earlier if that is already due. */
  function kick(delayMs: number): void {
    if (phase !== 'running' || isLight) return;
    const dueMs = clock.nowMs() + delayMs;
    if (kickTimer !== undefined && kickDueMs <= dueMs) return;
    kickTimer?.cancel();
    kickDueMs = dueMs;
    kickTimer = clock.setTimer(delayMs, () => {
      kickTimer = undefined;
      const before = calmRounds;
      improveRing();
      if (calmRounds === 0 && before >= CALM_AFTER_ROUNDS) unsettle();
    });
  }

  function keepLightLinks(): void {
    const open = openNodeLinks();
    if (open.length >= LIGHT_LINKS_MIN) return;
    join?.step(open.length);
    fillLightLinks({ dialler, random: joinRandom }, openNodeLinks(), known.reachable(clock.nowMs()));
  }

  // --- what comes in ---

  function dispatch(state: LinkState, message: Message): void {
    const { link } = state;
    const nowMs = clock.nowMs();
    switch (message.type) {
      case 'PeerRequest':
        if (state.requests.take(nowMs)) peering.handleMessage(link, message);
        break;
      case 'PeerAccepted':
      case 'PeerRefused':
      case 'PeerDropped':
        peering.handleMessage(link, message);
        kick(KICK_MS);
        break;
      case 'PeerLocations': {
        const peer = peering.get(link.peerKey);
        if (peer !== undefined) claims.handleLocations(peer, message.locations);
        break;
      }
      case 'Announce': {
        if (link.peer === undefined) throw new ProtocolError('ERR_UNEXPECTED', 'an announce without a descriptor');
        if (isLight || !state.announces.take(nowMs)) break;
        const announcer = adoptOne(link, message.descriptor);
        if (announcer === undefined) break;
        if (announcer.key === link.peerKey) state.announcedMs = nowMs;
        announces.handleAnnounce(link, message, announcer);
        break;
      }
      case 'AnnounceReply':
        announces.handleReply(link, message);
        break;
      case 'ViewPull':
        if (state.pulls.take(nowMs)) gossip.handleMessage(link, message);
        break;
      case 'ViewPush':
      case 'ViewSample':
        gossip.handleMessage(link, message);
        break;
      case 'Observed':
        state.hourTold = { hour: message.networkHour, atMs: nowMs };
        reachability.observed(link, message.address);
        break;
      case 'Goodbye':
        if (message.reason === 0) known.failed(link.peerKey, nowMs);
        peering.forget(link.peerKey);
        break;
      default: // the router's and the link's own: not for us
        break;
    }
  }

  function linkOpened(link: Link): void {
    if (phase !== 'running') return;
    states.set(link.handle, createLinkState(link, clock.nowMs()));
    gossip.linkOpened(link);
    reachability.linkOpened(link);
    link.sendMessage({ type: 'Observed', networkHour: networkHour(), address: addressBytes(link.remote) });
    if (link.peer === undefined) return;
    guarded(link, () => void adoptOne(link, link.peer!.encoded, link.peerKey));
    if (!link.dialledByUs) known.knocked(link.peerKey);
    else if (known.found(link.peer)) gossip.heardNews();
    join?.linkOpened(link.peerKey);
    if (isLight) return;
    if (!link.dialledByUs) dialBack.wake();
    longLinks.linkOpened(link);
    if (!wasJoined && link.dialledByUs) announceOver([link]);
    kick(KICK_MS);
  }

  function guarded(link: Link, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      log.write('debug', 'topology', `link closed: ${error.code}`);
      link.close(error.code);
    }
  }

  // --- what others see ---

  function estimatedNodes(): number {
    const peers = peering.peers();
    const near = peers.filter((peer) => peer.ringNeighbour);
    const reached = known.all().filter((node) => node.failures === 0 && node.standing !== 'named').length;
    return estimateNodes(own(), near, options.ringNeighboursEachSide, reached, peers.length);
  }

  function joinStage(): JoinStage {
    if (phase !== 'running') return 'idle';
    const isLinked = openNodeLinks().length > 0;
    if (isLight && isLinked) return known.relays(clock.nowMs()).length >= LIGHT_RELAYS_MIN ? 'joined' : 'linking';
    if (peering.peers().length > 0) return wasJoined ? 'joined' : 'linking';
    if (isLinked) return 'announcing';
    return join?.hasAnybody ? 'dialling seeds' : 'idle';
  }

  return {
    get ownLocation(): RingLocation {
      return own().location;
    },
    peers: () => peering.peers(),
    estimatedNodes,
    relays: () => known.oldRelays(clock.nowMs()),
    get joinStage() {
      return joinStage();
    },
    get reachability() {
      return reachability.state(openNodeLinks());
    },
    get clockOffsetMs() {
      const hours = offsetHours();
      return hours === undefined ? undefined : hoursToMs(hours);
    },
    get seedsTried() {
      return join?.seedsTried ?? 0;
    },
    get seedsAnswered() {
      return join?.seedsAnswered ?? 0;
    },
    start() {
      if (phase !== 'before') return;
      phase = 'running';
      const starts = {
        seeds: decodeList(options.seeds, 'a seed'),
        remembered: remembered.load().flatMap(({ key, encoded }) => {
          const decoded = decodeList([encoded], 'a remembered peer');
          if (decoded.length === 0) remembered.forget(key);
          else probation.vouch(key);
          return decoded;
        }),
      };
      join = createJoin({ clock, random: joinRandom, log, dialler }, starts);
      for (const link of links.all()) linkOpened(link);
      gossip.start();
      if (!isLight) dialBack.start();
      reports.start();
      validation.start();
      round();
    },
    stop() {
      if (phase === 'running') for (const link of links.all()) link.sendMessage({ type: 'Goodbye', reason: 0 });
      phase = 'stopped';
      roundTimer?.cancel();
      kickTimer?.cancel();
      announces.stop();
      gossip.stop();
      dialBack.stop();
      reports.stop();
      validation.stop();
      liveness.stop();
      remembered.flush();
    },
    linkOpened,
    linkClosed(link) {
      if (phase !== 'running' || !states.delete(link.handle)) return;
      gossip.linkClosed(link);
      reachability.linkClosed(link);
      announces.linkClosed(link);
      const wasPeer = peering.get(link.peerKey) !== undefined;
      peering.linkClosed(link);
      // Gone without a word: others take its place until it answers a dial again.
      if (wasPeer && peering.get(link.peerKey) === undefined) known.failed(link.peerKey, clock.nowMs());
      kick(KICK_MS);
    },
    handleMessage(link, message) {
      const state = states.get(link.handle);
      if (phase === 'running' && state !== undefined) guarded(link, () => dispatch(state, message));
    },
    networkHour,
    relayFailed: (id) => reports.add(hexKey(id)),
    control: createPeerControl({
      links,
      peering,
      decode: (encoded) => decodeList(encoded, 'a node to be added'),
      mayAsk: () => phase === 'running' && !isLight,
    }),
  };
}
