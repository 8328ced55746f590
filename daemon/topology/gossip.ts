/**
 * Gossip of the relay view: push one's own descriptor, pull a sample of what the other end knows.
 *
 * Shape   on a clock of our own, never because of a circuit: ROUND_MS apart one exchange with a node of the gossip view (gossip-view.ts), over a
 *         short link when none stands; the view is renewed every TURN_ROUNDS of them. While a small network still brings news, some rounds
 *         FAST_ROUND_MS apart over links that stand. A pull names an id; the sample carries it back.
 * Unit    milliseconds; at most ANNOUNCE_REPLY_DESCRIPTORS_MAX descriptors in a sample.
 * Errors  a push of anything but the sender's own descriptor is ERR_UNEXPECTED. Samples that nothing asked for are ignored.
 * Why     only its owner may push a descriptor, and seldom: pushing is how an attacker would fill views (Brahms, limited pushes).
 *         Whom we pull from we choose; who pulls from us may at most be pulled back once a second, so that news also travels
 *         towards nodes whose own clock is slow. An ordinary round never goes to a peer because it is one: who becomes our peer is partly
 *         up to others, and they would choose what we hear.
 * Source  design § 7; anonymity § 7 rule 22.
 * @module
 */
import { ProtocolError } from '../errors.ts';
import { hexKey } from '../ids.ts';
import { ANNOUNCE_REPLY_DESCRIPTORS_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import type { Message, MessageNamed } from '../wire/messages.ts';
import { createGossipView, sampleOf } from './gossip-view.ts';

const FAST_ROUND_MS = 500;
const ROUND_MS = 120_000;
const FAST_ROUNDS = 8;
/** Each of us is pushed to about once a round: so many pushes are expected in a turn of the view. */
export const TURN_ROUNDS = 16;
/** In a larger network something is always new: its news travels at the ordinary pace. */
const SMALL_NETWORK_NODES = 128;
const PARTNERS_FAST = 2;
const PULL_BACK_MS = 1_000;
const PULL_TIMEOUT_MS = 5_000;

export interface Gossip {
  start(): void;
  stop(): void;
  linkOpened(link: Link): void;
  linkClosed(link: Link): void;
  handleMessage(link: Link, message: Message): void;
  /** Something about another node was new to us. */
  heardNews(): void;
  /** Asks that node for a sample now, whatever else is due: whoever lives answers. */
  ask(link: Link): void;
}

export interface GossipDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly ownDescriptor: () => Descriptor;
  /** Light nodes pull, and have nothing to push. */
  readonly pushesOwn: boolean;
  /** Links to gossip over: peers, or any node while there are none. */
  readonly partners: () => readonly Link[];
  readonly knownCount: () => number;
  readonly relays: () => readonly Descriptor[];
  /** The open link to that node, or undefined: then one is dialled, and linkOpened tells of it. */
  readonly reach: (to: Descriptor) => Link | undefined;
  readonly adopt: (link: Link, descriptors: readonly Uint8Array[]) => readonly { readonly key: string }[];
  /** The same for one descriptor that must be the sender's own. */
  readonly adoptOwn: (link: Link, descriptor: Uint8Array) => void;
}

interface Partner {
  readonly link: Link;
  /** Sequence of our descriptor that this link carried last. */
  pushed: number;
  pullId: number | undefined;
  pulledMs: number;
}

export function createGossip(deps: GossipDeps): Gossip {
  const { clock, random } = deps;
  const partners = new Map<number, Partner>();
  let fastRoundsLeft = FAST_ROUNDS;
  let timer: Timer | undefined;
  let dueMs = 0;
  let running = false;
  const view = createGossipView(random);
  let roundsLeft = TURN_ROUNDS;
  /** Dialled for an exchange. */
  let awaited: string | undefined;

  function schedule(delayMs: number): void {
    timer?.cancel();
    // Rounds of nodes that started together drift apart.
    const jittered = delayMs * (0.9 + 0.2 * random.unit());
    dueMs = clock.nowMs() + jittered;
    timer = clock.setTimer(jittered, round);
  }

  function round(): void {
    if (fastRoundsLeft > 0) {
      const links = sampleOf(deps.partners(), PARTNERS_FAST, random);
      for (const link of links) exchange(link);
      // While there is nobody to talk to, no round has happened.
      if (links.length > 0) fastRoundsLeft--;
    } else ordinaryRound();
    schedule(fastRoundsLeft > 0 ? FAST_ROUND_MS : ROUND_MS);
  }

  function ordinaryRound(): void {
    const byKey = new Map(deps.relays().map((relay) => [hexKey(relay.nodeId), relay]));
    const sample = [...byKey.keys()];
    if (--roundsLeft <= 0) {
      roundsLeft = TURN_ROUNDS;
      view.turn(sample);
    }
    const chosen = byKey.get(view.partner(sample, (key) => byKey.has(key)) ?? '');
    awaited = chosen === undefined ? undefined : hexKey(chosen.nodeId);
    const link = chosen === undefined ? sampleOf(deps.partners(), 1, random)[0] : deps.reach(chosen);
    if (link === undefined) return;
    awaited = undefined;
    exchange(link, true);
  }

  /** @param again whether to push what this link has carried before: a push of the round, for the other end's view */
  function exchange(link: Link, again = false): void {
    const partner = partners.get(link.handle);
    if (partner === undefined) return;
    const own = deps.ownDescriptor();
    if (deps.pushesOwn && (again || partner.pushed !== own.sequence)) {
      partner.pushed = own.sequence;
      link.sendMessage({ type: 'ViewPush', descriptor: own.encoded });
    }
    // A slow answer is waited for: asking again would make it one that nothing asked for.
    if (partner.pullId !== undefined && clock.nowMs() - partner.pulledMs < PULL_TIMEOUT_MS) return;
    const bytes = random.bytes(4);
    partner.pullId = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
    partner.pulledMs = clock.nowMs();
    link.sendMessage({ type: 'ViewPull', id: partner.pullId });
  }

  function onPull(link: Link, message: MessageNamed<'ViewPull'>): void {
    const others = deps.relays().filter((relay) => !sameBytes(relay.nodeId, link.peer?.nodeId));
    const sample = sampleOf(others, ANNOUNCE_REPLY_DESCRIPTORS_MAX, random);
    link.sendMessage({ type: 'ViewSample', id: message.id, descriptors: sample.map((relay) => relay.encoded) });
    const partner = partners.get(link.handle);
    if (partner === undefined || !running || deps.knownCount() >= SMALL_NETWORK_NODES) return;
    const mayPullBack = link.peer !== undefined && clock.nowMs() - partner.pulledMs >= PULL_BACK_MS;
    if (mayPullBack) exchange(link);
  }

  function onSample(link: Link, message: MessageNamed<'ViewSample'>): void {
    const partner = partners.get(link.handle);
    if (partner === undefined || partner.pullId !== message.id) return;
    partner.pullId = undefined;
    view.pulled(deps.adopt(link, message.descriptors).map((node) => node.key));
  }

  return {
    start() {
      running = true;
      schedule(FAST_ROUND_MS);
    },
    stop() {
      running = false;
      timer?.cancel();
      partners.clear();
    },
    linkOpened(link) {
      partners.set(link.handle, {
        link,
        pushed: -1,
        pullId: undefined,
        pulledMs: Number.NEGATIVE_INFINITY,
      });
      if (link.peer === undefined || link.peerKey !== awaited) return;
      awaited = undefined;
      exchange(link, true);
    },
    linkClosed: (link) => void partners.delete(link.handle),
    handleMessage(link, message) {
      if (message.type === 'ViewPull') onPull(link, message);
      else if (message.type === 'ViewSample') onSample(link, message);
      else if (message.type === 'ViewPush') {
        if (link.peer === undefined) throw new ProtocolError('ERR_UNEXPECTED', 'a push without a descriptor');
        deps.adoptOwn(link, message.descriptor);
        view.pushed(link.peerKey);
      }
    },
    ask: (link) => exchange(link),
    heardNews() {
      if (!running || deps.knownCount() >= SMALL_NETWORK_NODES) return;
      fastRoundsLeft = FAST_ROUNDS;
      if (dueMs - clock.nowMs() > FAST_ROUND_MS) schedule(FAST_ROUND_MS);
    },
  };
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
