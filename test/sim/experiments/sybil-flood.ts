/**
 * Within an hour forty strangers join for every node of a standing network: what do honest readers still find afterwards?
 *
 * Shape   a net of honest nodes with their links and documents; then the flood, and what it does to tables by the product's own rules:
 *         ring neighbours by ringWanted() among all, long links stay as they were (they are never given up for newcomers), the relay
 *         view by known-nodes.ts, to which every joiner is named. Joiners deny what they are asked for. A reader draws exits from that
 *         view and makes up to 16 tries. Rows: from how many /16 networks the joiners come.
 * Figure  the row of 10 networks, a hosting company or two: what prefix rules are for. The others show where they end.
 * Why     tables are taken at the end of the hour, when they are worst; the messages of the flood itself are not sent here (budgets per link
 *         have tests of their own).
 *         Joiners are new to every honest node for the hour in question (topology/probation.ts).
 * Source  anonymity.md A5; reliability.md § 4 row 16; issue "topology and routing".
 * @module
 */
import { hexKey, nodeId } from '../../../daemon/ids.ts';
import { createKnownNodes } from '../../../daemon/topology/known-nodes.ts';
import { type PeerLimits, ringWanted } from '../../../daemon/topology/peer-table.ts';
import { prefixesOf } from '../../../daemon/topology/prefixes.ts';
import { deriveLocation, signDescriptor } from '../../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import type { Experiment, Row } from '../experiment.ts';
import { atLeast, attackResult } from '../routers/attack-tally.ts';
import { placeNodes } from '../routers/node-places.ts';
import { denyAll, RouterNet } from '../routers/router-net.ts';
import { createLinks } from '../routing/links.ts';
import { buildProductLinks } from '../routing/product-links.ts';
import { createCheapCrypto } from '../world/cheap-crypto.ts';
import { createFastRandom, type SimRandom } from '../world/fast-random.ts';
import { round } from '../world/statistics.ts';

const DEFAULT_NODES = 100;
const SHORT_NODES = 30;
const JOINERS_PER_NODE = 40;
const NETWORKS = [10, 100, 1_000];
const PEERS = 24;
const TRIES = 16;
/** As all blocks of a small document have. */
const REPLICAS = 4;
const DOCUMENTS = 20;
const FETCHES = 400;
const SHORT_FETCHES = 40;
const LIMITS: PeerLimits = { ringNeighboursEachSide: 4, longLinks: 16, peersMax: 32, prefixRules: true };
const LINKS_MAX = 64;
const NOW_HOUR = 500_000;
/** When the flood begins; the view is taken at the end of its hour. */
const FLOOD_MS = 7_200_000;

interface Citizen {
  readonly descriptor: Descriptor;
  readonly key: string;
  readonly isHonest: boolean;
}

const experiment: Experiment = {
  name: 'sybil-flood',
  what: 'forty joiners for each honest node within an hour: what honest readers still find',
  defaults: { nodes: DEFAULT_NODES, runs: 5 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const sums = NETWORKS.map(() => ({
      asked: 0,
      held: 0,
      tries: 0,
      view: 0,
      hostileView: 0,
      ring: 0,
      hostileRing: 0,
    }));
    const counted = { nodes, virtualMs: 0, messages: 0 };
    let joined = 0;
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      for (const [at, networks] of NETWORKS.entries()) {
        const sum = sums[at]!;
        const random = createFastRandom(`flood ${seed}`);
        const crypto = createCheapCrypto({ randomBytes: (length) => random.bytes(length) });
        const honest = Array.from({ length: nodes }, (_, i) =>
          citizen(crypto, random, `${20 + (i % 70)}.${(i / 70) | 0}`, true),
        );
        const joiners = Array.from({ length: nodes * JOINERS_PER_NODE }, (_, i) =>
          citizen(crypto, random, `${110 + ((i % networks) >> 8)}.${(i % networks) & 255}`, false),
        );
        const all = [...honest, ...joiners].toSorted((a, b) => a.descriptor.location - b.descriptor.location);
        const exits = viewOf(honest[0]!, [...honest, ...joiners], random.bytes(32), crypto);
        const { nodes: places } = placeNodes(
          0,
          all.map(({ descriptor }) => descriptor.location),
          random,
        );
        const { links, ring } = linksAfter(all, random, `${seed}`);
        const net = new RouterNet({
          seed: `flood ${seed} ${networks}`,
          nodes: places,
          peers: PEERS,
          links,
          isNew: (_, peer) => !all[peer]!.isHonest,
        });
        for (const [index, one] of all.entries()) {
          if (one.isHonest) continue;
          joined++;
          net.nodes[index]!.conduct = denyAll;
        }
        publishBefore(net, all);
        const indexOf = new Map(all.map(({ key }, index) => [key, index]));
        await net.each(options.short ? SHORT_FETCHES : FETCHES, 100, async (i) => {
          const order = random.shuffled(exits).slice(0, TRIES);
          sum.asked++;
          for (const [turn, exit] of order.entries()) {
            if (!(await net.fetchAt(indexOf.get(exit.key)!, i % DOCUMENTS, turn % REPLICAS))) continue;
            sum.held++;
            sum.tries += turn + 1;
            return;
          }
        });
        sum.view += exits.length;
        sum.hostileView += exits.filter(({ isHonest }) => !isHonest).length;
        sum.ring += ring.all;
        sum.hostileRing += ring.hostile;
        counted.messages += net.messages;
        counted.virtualMs += net.clock.nowMs();
        for (const node of net.nodes) node.router.stop();
      }
      options.progress(`seed ${seed} done`);
    }
    const rows: Row[] = NETWORKS.map((networks, i) => ({
      honest: nodes,
      joiners: nodes * JOINERS_PER_NODE,
      networks,
      fetches: sums[i]!.asked,
      found: sums[i]!.held,
      share: round(sums[i]!.held / sums[i]!.asked, 4),
      triesMean: round(sums[i]!.tries / Math.max(1, sums[i]!.held), 2),
      hostileInView: round(sums[i]!.hostileView / sums[i]!.view, 3),
      hostileInRing: round(sums[i]!.hostileRing / sums[i]!.ring, 3),
    }));
    const figures = NETWORKS.map((networks, i) =>
      atLeast(`honest fetches, joiners from ${networks} networks (/16)`, sums[i]!, 0.95),
    );
    return attackResult(rows, figures, counted, { joined }, [
      'real routers over tables as the product would choose them at the end of the hour; blocks are where they were published before it',
    ]);
  },
};
export default experiment;

/** Every block lies with the nodes that were nearest to its places before the flood. */
function publishBefore(net: RouterNet, all: readonly Citizen[]): void {
  for (let block = 0; block < DOCUMENTS; block++) {
    for (let replica = 0; replica < REPLICAS; replica++) {
      const order = net.nearest(net.locate(block, replica), all.length - 1).filter((index) => all[index]!.isHonest);
      for (const index of order.slice(0, 8)) net.hold(index, block);
    }
  }
}

/** Whom the view of a node names as relays, once it has heard of everybody. Honest nodes it had reached before. */
function viewOf(
  own: Citizen,
  all: readonly Citizen[],
  secret: Uint8Array,
  crypto: ReturnType<typeof createCheapCrypto>,
): Citizen[] {
  let nowMs = 0;
  const known = createKnownNodes(
    { crypto, secret },
    {
      own: () => ({ key: own.key, location: own.descriptor.location }),
      allowPrivateAddresses: false,
      prefixRules: true,
      nowHour: () => NOW_HOUR,
      isPeer: () => false,
      nowMs: () => nowMs,
    },
  );
  for (const one of all) {
    if (one === own) continue;
    nowMs = one.isHonest ? 0 : FLOOD_MS;
    known.adopt(one.descriptor.encoded, undefined, 'heard');
    if (one.isHonest) known.found(one.descriptor);
  }
  const byKey = new Map(all.map((one) => [one.key, one]));
  return known.oldRelays(FLOOD_MS + 3_599_000).map((descriptor) => byKey.get(hexKey(descriptor.nodeId))!);
}

/** `all` in ring order. Honest nodes keep the long links they had; their ring neighbours are whom the product wants now. */
function linksAfter(all: readonly Citizen[], random: SimRandom, seed: string) {
  const links = createLinks(all.length, LINKS_MAX);
  const honest = all.flatMap((one, index) => (one.isHonest ? [index] : []));
  const { nodes } = placeNodes(
    0,
    honest.map((index) => all[index]!.descriptor.location),
    random,
  );
  const before = buildProductLinks(nodes, Math.min(PEERS, honest.length >> 2), `flood links ${seed}`);
  const join = (a: number, b: number): void => {
    if (!links.has(a, b) && !links.isFull(a) && !links.isFull(b)) links.join(a, b);
  };
  const ring = { all: 0, hostile: 0 };
  const candidates = all.map((one, index) => ({
    index,
    key: one.key,
    location: one.descriptor.location,
    isHonest: one.isHonest,
    ...prefixesOf(one.descriptor.addresses[0]!.host),
  }));
  for (const index of honest) {
    const own = candidates[index]!;
    const wanted = ringWanted(
      own,
      candidates.filter((one) => one !== own),
      LIMITS,
    );
    for (const one of wanted) {
      join(index, one.index);
      ring.all++;
      if (!one.isHonest) ring.hostile++;
    }
    // Neighbours of before the flood stay while those around are new.
    const old = ringWanted(
      own,
      candidates.filter((one) => one !== own && one.isHonest),
      LIMITS,
    );
    for (const one of old) join(index, one.index);
  }
  for (let a = 0; a < honest.length; a++) {
    for (let i = 0; i < before.degrees[a]!; i++) {
      const b = before.at(a, i);
      const steps = Math.min((a - b + honest.length) % honest.length, (b - a + honest.length) % honest.length);
      if (steps > LIMITS.ringNeighboursEachSide) join(honest[a]!, honest[b]!);
    }
  }
  return { links, ring };
}

function citizen(
  crypto: ReturnType<typeof createCheapCrypto>,
  random: SimRandom,
  wide: string,
  isHonest: boolean,
): Citizen {
  const signKey = crypto.signKey(random.bytes(32));
  const address = { host: `${wide}.${random.below(256)}.${1 + random.below(250)}`, port: 9_480 };
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
  return { descriptor, key: hexKey(id), isHonest };
}
