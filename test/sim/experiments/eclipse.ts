/**
 * An attacker with a fifth of all nodes wants into every table: peers, and the view of relays, over a month of churn.
 *
 * Shape   the decisions are the product's (peer-table.ts, peer-choice.ts, known-nodes.ts, gossip-view.ts); messages are not sent, an hour is one step. Each hour
 *         some honest nodes leave and come back with empty tables; every node repairs its ring, seeks long links while it wants some, and
 *         takes part in gossip. Hostile nodes never leave, ask every honest node for a long link every hour, accept everything, push
 *         themselves to everybody, and put nothing but each other into the samples that others pull.
 * Figures share of hostile nodes among honest nodes' peers and relay views at the end of each day, all days after the first together; the
 *         peers by what they are there for. P(all peers hostile) over all nodes and hours.
 * Source  anonymity.md A2, A5 (B3, B6); issue "topology and routing".
 * @module
 */
import { hexKey, nodeId } from '../../../daemon/ids.ts';
import { TURN_ROUNDS } from '../../../daemon/topology/gossip.ts';
import { createGossipView, type GossipView } from '../../../daemon/topology/gossip-view.ts';
import { createKnownNodes, type KnownNodes } from '../../../daemon/topology/known-nodes.ts';
import { drawnPlaces, isDrawnTo, judgeDraws } from '../../../daemon/topology/long-draws.ts';
import {
  LONG_TARGET_DRAWS,
  leastCovered,
  nearestCandidate,
  spreadTarget,
} from '../../../daemon/topology/peer-choice.ts';
import {
  choosePeersToDrop,
  judgeRequest,
  type PeerFacts,
  type PeerLimits,
  ringWanted,
  WISH,
  wantsAnyLongLink,
  wantsLongLink,
} from '../../../daemon/topology/peer-table.ts';
import { prefixesOf } from '../../../daemon/topology/prefixes.ts';
import { deriveLocation, signDescriptor } from '../../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import type { Experiment, Figure } from '../experiment.ts';
import { attackResult } from '../routers/attack-tally.ts';
import { createCheapCrypto } from '../world/cheap-crypto.ts';
import { createFastRandom, type SimRandom } from '../world/fast-random.ts';
import { percent, round } from '../world/statistics.ts';

const DEFAULT_NODES = 200;
const SHORT_NODES = 60;
const HOSTILE = 0.2;
const DAYS = 30;
const SHORT_DAYS = 2;
const LEAVING_PER_HOUR = 0.01;
/** Of the product's thirty, for what an hour may cost here; each is one push, one pull, and every sixteenth turns the view. */
const ROUNDS_PER_HOUR = 4;
const TURN_HOURS = TURN_ROUNDS / ROUNDS_PER_HOUR;
const SAMPLE = 16;
const LIMITS: PeerLimits = { ringNeighboursEachSide: 4, longLinks: 16, peersMax: 32, prefixRules: true };

interface Place extends PeerFacts {
  readonly descriptor: Descriptor;
  readonly isHostile: boolean;
}
interface Peer extends PeerFacts {
  readonly isHostile: boolean;
}
interface Node {
  readonly place: Place;
  readonly peers: Map<string, Peer>;
  known: KnownNodes;
  view: GossipView;
}

interface Sum {
  peers: number;
  hostilePeers: number;
  chosen: number;
  hostileChosen: number;
  view: number;
  hostileView: number;
  tables: number;
  surrounded: number;
  asked: number;
}

const experiment: Experiment = {
  name: 'eclipse',
  what: 'a fifth of the nodes push into the tables of the others for a month of churn',
  defaults: { nodes: DEFAULT_NODES, runs: 5 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const days = options.short ? SHORT_DAYS : DAYS;
    const sum: Sum = {
      peers: 0,
      hostilePeers: 0,
      chosen: 0,
      hostileChosen: 0,
      view: 0,
      hostileView: 0,
      tables: 0,
      surrounded: 0,
      asked: 0,
    };
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      month(seed, nodes, days, sum);
      options.progress(`seed ${seed} done`);
    }
    const f = HOSTILE;
    const [inPeers, inView] = [sum.hostilePeers / sum.peers, sum.hostileView / sum.view];
    const all = sum.surrounded / sum.tables;
    const figures: Figure[] = [
      atMost('hostile share of honest tables', inPeers, 1.1 * f),
      atMost('hostile share of relay views', inView, 1.1 * f),
      {
        what: 'P(all peers hostile)',
        wanted: '<= 0.0001',
        measured: `${sum.surrounded} of ${sum.tables} (with none: at most ${round(3 / sum.tables, 6)})`,
        reached: all <= 1e-4,
      },
    ];
    const rows = [
      {
        nodes,
        hostile: Math.round(nodes * f),
        days,
        inPeers: round(inPeers, 4),
        inChosenPeers: round(sum.hostileChosen / sum.chosen, 4),
        inAskedPeers: round((sum.hostilePeers - sum.hostileChosen) / Math.max(1, sum.peers - sum.chosen), 4),
        inViews: round(inView, 4),
        surrounded: sum.surrounded,
      },
    ];
    const counted = { nodes, virtualMs: days * 86_400_000 * runs, messages: 0 };
    return attackResult(rows, figures, counted, { asked: sum.asked }, [
      'the decisions of the product without its messages: one step an hour, every node can be reached',
      'chosen peers: ring neighbours and long links of our own wish; the others asked us',
    ]);
  },
};
export default experiment;

function atMost(what: string, share: number, most: number): Figure {
  return { what, wanted: `<= ${percent(most)}`, measured: percent(share), reached: share <= most };
}

function month(seed: number, count: number, days: number, sum: Sum): void {
  const random = createFastRandom(`eclipse ${seed}`);
  const crypto = createCheapCrypto({ randomBytes: (length) => random.bytes(length) });
  const places = Array.from({ length: count }, (_, i) => place(crypto, random, i, i < Math.round(count * HOSTILE)));
  const byKey = new Map(places.map((one) => [one.key, one]));
  const fresh = (one: Place): KnownNodes => {
    const node = (): Node => nodes.get(one.key)!;
    return createKnownNodes(
      { crypto, secret: random.bytes(32) },
      {
        own: () => one,
        allowPrivateAddresses: false,
        prefixRules: false,
        nowHour: () => NOW_HOUR,
        isPeer: (key) => node().peers.has(key),
      },
    );
  };
  const nodes = new Map<string, Node>();
  for (const one of places) {
    nodes.set(one.key, { place: one, peers: new Map(), known: fresh(one), view: createGossipView(random) });
  }
  const hostile = places.filter((one) => one.isHostile);
  const honest = [...nodes.values()].filter((node) => !node.place.isHostile);
  for (const node of honest) begin(node);

  function begin(node: Node): void {
    for (const key of [...node.peers.keys()]) nodes.get(key)!.peers.delete(node.place.key);
    node.peers.clear();
    node.known = fresh(node.place);
    node.view = createGossipView(random);
    // What joining tells: those around it, and a sample of one honest node.
    for (const one of around(places, node.place, 8)) hear(node, one);
    for (const one of random.shuffled(places).slice(0, SAMPLE)) hear(node, one);
  }

  function hear(node: Node, one: Place): void {
    if (one.key !== node.place.key) node.known.adopt(one.descriptor.encoded, undefined, 'heard');
  }

  const knownPlaces = (node: Node): Place[] => node.known.all().map(({ key }) => byKey.get(key)!);

  function link(a: Node, b: Node, originA: PeerFacts['origin'], originB: PeerFacts['origin']): void {
    a.peers.set(b.place.key, { ...b.place, origin: originA });
    b.peers.set(a.place.key, { ...a.place, origin: originB });
  }

  function repairRing(node: Node): void {
    const wanted = ringWanted(node.place, knownPlaces(node), LIMITS);
    const keys = new Set(wanted.map((one) => one.key));
    for (const [key, peer] of node.peers) if (peer.ringNeighbour && !keys.has(key)) unlink(node, key);
    for (const one of wanted) {
      const other = nodes.get(one.key)!;
      if (!node.peers.has(one.key)) link(node, other, 'ring', 'ring');
      node.peers.set(one.key, { ...node.peers.get(one.key)!, ringNeighbour: true });
    }
  }

  function unlink(node: Node, key: string): void {
    node.peers.delete(key);
    nodes.get(key)!.peers.delete(node.place.key);
  }

  function asks(asker: Node, asked: Node): boolean {
    if (asker.peers.has(asked.place.key)) return false;
    const peers = [...asked.peers.values()];
    const isDrawn = isDrawnTo(asked.place, peers, asker.place);
    const verdict = asked.place.isHostile
      ? 'accept'
      : judgeRequest(asked.place, peers, asker.place, WISH.long, LIMITS, isDrawn);
    if (verdict !== 'accept') return false;
    link(asker, asked, 'longOut', isDrawn ? 'longIn' : 'longAsked');
    dropSurplus(asked);
    return true;
  }

  function dropSurplus(node: Node): void {
    if (node.place.isHostile) return;
    for (const { peer, isDrawn } of judgeDraws(node.place, [...node.peers.values()])) {
      node.peers.set(peer.key, { ...peer, origin: isDrawn ? 'longIn' : 'longAsked' });
    }
    for (const key of choosePeersToDrop(node.place, [...node.peers.values()], LIMITS, 0)) unlink(node, key);
  }

  function seekLong(node: Node): void {
    const places = drawnPlaces(node.place, LIMITS.ringNeighboursEachSide / count);
    for (let turn = 0; turn < 40 && wantsLongLink([...node.peers.values()], 0, LIMITS); turn++) {
      const draws = Array.from({ length: LONG_TARGET_DRAWS }, () => ({ distance: random.unit(), side: random.unit() }));
      const present = [...node.peers.values()].flatMap((peer) => (peer.ringNeighbour ? [] : [peer.location]));
      const drawn = leastCovered(node.place.location, places, present);
      if (drawn !== undefined) places.splice(places.indexOf(drawn), 1);
      else if (!wantsAnyLongLink([...node.peers.values()], 0, LIMITS)) return;
      const target = drawn ?? spreadTarget(node.place.location, draws, present, count, LIMITS.ringNeighboursEachSide);
      const candidates = knownPlaces(node).filter((one) => drawn !== undefined || !node.peers.has(one.key));
      const found = nearestCandidate(node.place, target, candidates);
      if (found === undefined) continue;
      const peer = node.peers.get(found.key);
      if (peer === undefined) asks(node, nodes.get(found.key)!);
      else if (peer.origin === 'longAsked') node.peers.set(found.key, { ...peer, origin: 'longOut' });
    }
  }

  function gossip(node: Node, hour: number): void {
    const relays = (): string[] => node.known.relays(0).map((descriptor) => hexKey(descriptor.nodeId));
    for (let i = 0; i < ROUNDS_PER_HOUR; i++) {
      const from = nodes.get(node.view.partner(relays(), () => true) ?? '');
      if (from === undefined) return;
      // A node that is dialled is a node that was found; it hears of us by the push.
      if (!from.place.isHostile) {
        hear(from, node.place);
        from.view.pushed(node.place.key);
      }
      const sample = from.place.isHostile
        ? random.shuffled(hostile).slice(0, SAMPLE)
        : random
            .shuffled(from.known.relays(0))
            .slice(0, SAMPLE)
            .map((descriptor) => byKey.get(hexKey(descriptor.nodeId))!);
      for (const one of sample) hear(node, one);
      node.view.pulled(sample.map((one) => one.key));
    }
    if (hour % TURN_HOURS === 0) node.view.turn(relays());
  }

  /** As many pushes as an honest node sends, or all of them to everybody in every other turn: too many stop a view, fewer fill it. */
  function pushHostile(hour: number): void {
    const isFlood = Math.floor(hour / (2 * TURN_HOURS)) % 2 === 0;
    for (const node of honest) {
      for (const one of isFlood ? hostile : random.shuffled(hostile).slice(0, ROUNDS_PER_HOUR)) {
        hear(node, one);
        node.view.pushed(one.key);
      }
    }
  }

  for (let hour = 0; hour < days * 24; hour++) {
    for (const node of honest) if (random.chance(LEAVING_PER_HOUR)) begin(node);
    for (const one of hostile) {
      for (const node of honest) {
        sum.asked++;
        asks(nodes.get(one.key)!, node);
      }
    }
    pushHostile(hour);
    for (const node of random.shuffled(honest)) {
      repairRing(node);
      seekLong(node);
      dropSurplus(node);
      gossip(node, hour);
      const peers = [...node.peers.values()];
      sum.tables++;
      if (peers.length > 0 && peers.every((peer) => peer.isHostile)) sum.surrounded++;
      if (hour < 24 || hour % 24 !== 23) continue;
      for (const peer of peers) {
        sum.peers++;
        if (peer.isHostile) sum.hostilePeers++;
        if ((peer.origin === 'longAsked' || peer.origin === 'longIn') && !peer.ringNeighbour) continue;
        sum.chosen++;
        if (peer.isHostile) sum.hostileChosen++;
      }
      const view = node.known.relays(0).map((descriptor) => byKey.get(hexKey(descriptor.nodeId))!);
      sum.view += view.length;
      sum.hostileView += view.filter((one) => one.isHostile).length;
    }
  }
}

const NOW_HOUR = 500_000;

function place(
  crypto: ReturnType<typeof createCheapCrypto>,
  random: SimRandom,
  index: number,
  isHostile: boolean,
): Place {
  const signKey = crypto.signKey(random.bytes(32));
  const address = { host: `${20 + (index % 70)}.${Math.floor(index / 70)}.${random.below(256)}.9`, port: 9_480 };
  const id = nodeId(crypto.sha256('holloway node', signKey.publicKey));
  const descriptor = signDescriptor(crypto, signKey, {
    sequence: 1,
    linkKey: random.bytes(32),
    onionKey: random.bytes(32),
    nextOnionKey: random.bytes(32),
    addresses: [address],
    role: ROLE.full,
    location: deriveLocation(crypto, id, BINDING.prefix, address, 0),
    binding: BINDING.prefix,
    bindingIndex: 0,
    stamp: new Uint8Array(8),
    version: 'sim',
    issuedHour: NOW_HOUR,
  });
  return {
    key: hexKey(id),
    location: descriptor.location,
    ...prefixesOf(address.host),
    origin: 'ring',
    ringNeighbour: false,
    leftRingMs: undefined,
    descriptor,
    isHostile,
  };
}

/** The nearest on either side. */
function around(places: readonly Place[], own: Place, eachSide: number): Place[] {
  const others = places.filter((one) => one.key !== own.key);
  const arc = (one: Place): number => (one.location - own.location + 1) % 1;
  const order = others.toSorted((a, b) => arc(a) - arc(b));
  return [...order.slice(0, eachSide), ...order.slice(-eachSide)];
}
