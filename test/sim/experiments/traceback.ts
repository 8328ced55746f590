/**
 * Who asked? An attacker sees every request that reaches one of his nodes and may ask every node anything, while it runs and afterwards.
 *
 * Shape   one request per requester. The attacker (10 % of the nodes, behaving well) asks all other nodes for the same key, with every HTL that
 *         tells something, and puts down who answers differently from a node that never heard of it: found at once, failed a moment
 *         ago, under way. Those are the suspects. He names one of them as requester, or one of all others when there are none; and he
 *         names as exit whom no suspect asked, by what his own nodes received.
 * Rule    the figure for the requester is the chance that his best guess is right: among suspects, or among all if the requester is never among
 *         them. Requester and exit are different nodes, each drawn from the honest ones; half of the keys exist.
 * Why     a client's requests leave through a circuit, and nothing of them touches its own router: so its router, which is real here and is
 *         asked like all others, must answer as if nothing had happened. Timing of circuits is not in this model (`guards`, and
 *         THREATS.md say what is known of it).
 * Source  anonymity.md A1 (B2), G3; Tian et al. 2013.
 * @module
 */
import type { Experiment, Figure } from '../experiment.ts';
import { attackResult } from '../routers/attack-tally.ts';
import { RouterNet, refOf } from '../routers/router-net.ts';
import { drawNodes } from '../routing/node-set.ts';
import { createFastRandom } from '../world/fast-random.ts';
import { percent, round, wilson } from '../world/statistics.ts';

const DEFAULT_NODES = 1_000;
const SHORT_NODES = 100;
const PEERS = 24;
const HOSTILE = 0.1;
const REQUESTS = 100;
const SHORT_REQUESTS = 12;
/** Ids of the two questions to each node. */
const OWN_STORE = 1;
const ITS_TABLES = 2;
const ANSWER_MS = 2_000;
const DEADLINE_MS = 2_000;

interface Sum {
  requests: number;
  suspects: number;
  requesterSuspected: number;
  exitSuspected: number;
  byGuess: number;
  byChance: number;
  probes: number;
}

const experiment: Experiment = {
  name: 'traceback',
  what: 'an attacker at 10 % of the nodes asks everybody for the key that somebody asked for: whom does he find',
  defaults: { nodes: DEFAULT_NODES, runs: 5 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const sum: Sum = {
      requests: 0,
      suspects: 0,
      requesterSuspected: 0,
      exitSuspected: 0,
      byGuess: 0,
      byChance: 0,
      probes: 0,
    };
    const counted = { nodes, virtualMs: 0, messages: 0 };
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      const label = `traceback ${seed}`;
      const peers = Math.min(options.peers ?? PEERS, nodes >> 2);
      const net = new RouterNet({ seed: label, nodes: drawNodes(nodes, createFastRandom(label)), peers });
      const random = createFastRandom(`${label} draws`);
      const order = random.shuffled(net.nodes.map(({ index }) => index));
      const honest = order.slice(Math.round(nodes * HOSTILE));
      const requests = options.short ? SHORT_REQUESTS : REQUESTS;
      await net.each(requests, 100, async (block) => {
        if (block % 2 === 0) await net.publish(block, 1);
      });
      for (let block = 0; block < requests; block++) {
        const requester = honest[random.below(honest.length)]!;
        let exit = honest[random.below(honest.length)]!;
        while (exit === requester) exit = honest[random.below(honest.length)]!;
        const underWay = net.fetchAt(exit, block, 0);
        await net.clock.advance(30 + random.unit() * 100);
        const suspects = new Set<number>();
        await probeAll(net, honest, block, sum, suspects);
        await net.each(1, 0, async () => void (await underWay));
        sum.requests++;
        sum.suspects += suspects.size;
        if (suspects.has(exit)) sum.exitSuspected++;
        if (suspects.has(requester)) sum.requesterSuspected++;
        const candidates = honest.length;
        sum.byChance += 1 / candidates;
        sum.byGuess += suspects.has(requester) ? 1 / suspects.size : 0;
        await net.clock.advance(200_000); // what is remembered for a while is forgotten before the next
      }
      counted.messages += net.messages;
      counted.virtualMs += net.clock.nowMs();
      for (const node of net.nodes) node.router.stop();
      options.progress(`seed ${seed} done`);
    }
    const chance = sum.byChance / sum.requests;
    const named = sum.byGuess / sum.requests;
    const figures: Figure[] = [
      {
        what: 'requester named',
        wanted: `<= 1 / candidates + 0.001 = ${round(chance + 0.001, 5)}`,
        measured: `${round(named, 5)} (suspected in ${sum.requesterSuspected} of ${sum.requests} requests, as any node on the way may be; by chance alone ${percent((sum.suspects - sum.exitSuspected) / sum.requests / nodes)})`,
        reached: named <= chance + 0.001,
      },
      {
        what: 'exit found by what its own router answers',
        wanted: 'allowed, and no more than that',
        measured: `in ${sum.exitSuspected} of ${sum.requests} requests (95 % interval up to ${percent(wilson(sum.exitSuspected, sum.requests).high)})`,
        reached: true,
      },
    ];
    const rows = [
      {
        requests: sum.requests,
        probes: sum.probes,
        suspectsMean: round(sum.suspects / sum.requests, 2),
        exitSuspected: sum.exitSuspected,
        requesterSuspected: sum.requesterSuspected,
        namedRequester: round(named, 5),
        byChance: round(chance, 5),
      },
    ];
    return attackResult(rows, figures, counted, { probes: sum.probes }, [
      'real routers; a circuit is the draw of an exit, and its timing is not in this model',
      'suspects are nodes that were on the routed way, and owners: they relayed or hold the key, and that is not hidden (design § 2)',
    ]);
  },
};
export default experiment;

/** Each of them is asked by a peer of the attacker's making, over a link of its own; whoever answers as if it knew something is suspected. */
async function probeAll(
  net: RouterNet,
  asked: readonly number[],
  block: number,
  sum: Sum,
  suspects: Set<number>,
): Promise<void> {
  const { kind, key } = refOf(block);
  const closers = asked.map((index) => {
    sum.probes++;
    const link = net.strangerLink(index, (message) => {
      const holdsIt = message.type === 'Data' && message.id === OWN_STORE;
      // Data on the other question is of its neighbours' stores: the node itself need never have heard of the key.
      if (holdsIt || message.type === 'RecentlyFailed' || message.type === 'RejectedLoop') suspects.add(index);
    });
    // One hop: its store alone. Two: its tables as well, and a search of its own that no other node takes for the one under way.
    link.send({ type: 'Fetch', id: OWN_STORE, kind, key, replica: 0, htl: 1, deadlineMs: DEADLINE_MS });
    link.send({ type: 'Fetch', id: ITS_TABLES, kind, key, replica: 0, htl: 2, deadlineMs: DEADLINE_MS });
    return link.close;
  });
  await net.clock.advance(ANSWER_MS);
  for (const close of closers) close();
}
