/**
 * A tenth of the nodes lie about locations: their own, and their peers'.
 *
 * Shape   own: descriptors that state another place than address and key give are handed to the product's check; none may pass, so no node ever
 *         routes by one. Peers': what the liars tell of their peers covers the whole ring evenly, so that look-ahead leads to them from
 *         everywhere; they route honestly otherwise, for a liar that also drops is in `droppers`. The drop is of first tries, over
 *         the same nodes, blocks and exits with and without the lies.
 * Source  anonymity.md A3 (B4), G11.
 * @module
 */
import { nodeId, ringLocation } from '../../../daemon/ids.ts';
import { PEER_CLAIMS_MAX } from '../../../daemon/limits.ts';
import { decodeDescriptor, deriveLocation, signDescriptor } from '../../../daemon/wire/descriptor.ts';
import { BINDING, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import type { Experiment, Figure } from '../experiment.ts';
import { attackResult, shareText } from '../routers/attack-tally.ts';
import { RouterNet } from '../routers/router-net.ts';
import { drawNodes } from '../routing/node-set.ts';
import { createCheapCrypto } from '../world/cheap-crypto.ts';
import { createFastRandom } from '../world/fast-random.ts';
import { round } from '../world/statistics.ts';

const DEFAULT_NODES = 1_000;
const SHORT_NODES = 120;
const PEERS = 24;
const LYING = 0.1;
const BLOCKS = 100;
const FETCHES = 2_000;
const SHORT_FETCHES = 200;
const EVERY_MS = 20;
const FORGED = 1_000;
const CLAIM_UNITS = 4_096;

const EVERYWHERE = Array.from({ length: PEER_CLAIMS_MAX }, (_, i) => i * (CLAIM_UNITS / PEER_CLAIMS_MAX));

/** How many of so many forged descriptors the product's check lets pass. */
function forgedThatPass(seed: number): number {
  const random = createFastRandom(`forged ${seed}`);
  const crypto = createCheapCrypto({ randomBytes: (length) => random.bytes(length) });
  const rules = { nowHour: 500_000, allowPrivateAddresses: false };
  let passed = 0;
  for (let i = 0; i < FORGED; i++) {
    const signKey = crypto.signKey(random.bytes(32));
    const address = { host: `${20 + random.below(70)}.${random.below(256)}.3.4`, port: 9_480 };
    const id = nodeId(crypto.sha256('holloway node', signKey.publicKey));
    const isTrue = i === 0; // the check lets the truth pass, or this would show nothing
    const location = isTrue ? deriveLocation(crypto, id, BINDING.prefix, address, 0) : ringLocation(random.unit());
    const { encoded } = signDescriptor(crypto, signKey, {
      sequence: 1,
      linkKey: random.bytes(32),
      onionKey: random.bytes(32),
      nextOnionKey: random.bytes(32),
      addresses: [address],
      role: ROLE.full,
      location,
      binding: i % 2 === 0 ? BINDING.prefix : BINDING.nodeId,
      bindingIndex: 0,
      stamp: new Uint8Array(8),
      version: 'sim',
      issuedHour: rules.nowHour,
    });
    try {
      decodeDescriptor(crypto, encoded, rules);
      if (!isTrue) passed++;
    } catch (error) {
      if (isTrue) throw error;
    }
  }
  return passed;
}

const experiment: Experiment = {
  name: 'liars',
  what: 'a tenth of the nodes lie about their own locations and those of their peers',
  defaults: { nodes: DEFAULT_NODES, runs: 5 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const cases = ['truth', 'lies'] as const;
    const sums = cases.map(() => ({ asked: 0, held: 0, messages: 0 }));
    const counted = { nodes, virtualMs: 0, messages: 0 };
    let [passed, lies] = [0, 0];
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      passed += forgedThatPass(seed);
      for (const [at, name] of cases.entries()) {
        const label = `liars ${seed}`;
        const order = createFastRandom(`${label} order`).shuffled(Array.from({ length: nodes }, (_, i) => i));
        const liars = new Set(order.slice(0, Math.round(nodes * LYING)));
        const net = new RouterNet({
          seed: label,
          nodes: drawNodes(nodes, createFastRandom(label)),
          peers: Math.min(options.peers ?? PEERS, nodes >> 2),
          claimsOf(node, truth) {
            if (name === 'truth' || !liars.has(node)) return truth;
            lies++;
            return EVERYWHERE;
          },
        });
        await net.each(BLOCKS, 200, async (block) => void (await net.publish(block, 1)));
        const before = net.messages;
        const sum = sums[at]!;
        const exits = createFastRandom(`${label} exits`);
        await net.each(options.short ? SHORT_FETCHES : FETCHES, EVERY_MS, async (i) => {
          sum.asked++;
          if (await net.fetchAt(exits.below(nodes), i % BLOCKS, 0)) sum.held++;
        });
        sum.messages += net.messages - before;
        counted.messages += net.messages;
        counted.virtualMs += net.clock.nowMs();
        for (const node of net.nodes) node.router.stop();
      }
      options.progress(`seed ${seed} done`);
    }
    const [truth, lied] = [sums[0]!, sums[1]!];
    const dropPoints = 100 * (truth.held / truth.asked - lied.held / lied.asked);
    const rows = cases.map((name, i) => ({
      told: name,
      fetches: sums[i]!.asked,
      found: sums[i]!.held,
      messagesPerFetch: round(sums[i]!.messages / sums[i]!.asked, 2),
    }));
    const figures: Figure[] = [
      {
        what: 'success lost to lies about peers, first try, one place',
        wanted: '<= 0.5 point',
        measured: `${round(dropPoints, 2)} points (${shareText(truth)} without, ${shareText(lied)} with)`,
        reached: dropPoints <= 0.5,
      },
      {
        what: 'descriptors with a forged location that pass the check',
        wanted: '0',
        measured: `${passed} of ${runs * (FORGED - 1)}`,
        reached: passed === 0,
      },
    ];
    return attackResult(rows, figures, counted, { lies }, [
      'real routers without circuits; blocks with one place and three owners; nothing is cached on the way',
    ]);
  },
};
export default experiment;
