/**
 * Whom to gossip with: the small view of Brahms, renewed from pushes, pulls and our own sample.
 *
 * Shape   at most GOSSIP_VIEW_MAX keys. turn() draws a new view: 9 parts of 20 from those that pushed themselves to us since the last turn, as
 *         many from what our pulls brought, the rest from the sample (the min-wise ranks of known-nodes.ts). Nothing is renewed by a turn
 *         without a push or a pull, nor by one in which more than GOSSIP_PUSHES_MAX nodes pushed.
 * Errors  none; what exceeds a cap is not remembered.
 * Why     peers are partly nodes that asked us, so whoever asks most would also tell us most: partners are drawn from a view of its own.
 *         A node that lives sends one push a round to somebody at random, so more pushes than a few times that are a flood, and a flood may
 *         stop the view but not fill it. The part from the sample, which no repetition moves, heals a view that was taken all the same.
 * Source  design § 7; Bortnikov et al., "Brahms" (2009), § 3.
 * @module
 */
import { GOSSIP_PULLED_MAX, GOSSIP_PUSHES_MAX, GOSSIP_VIEW_MAX } from '../limits.ts';
import type { Random } from '../ports.ts';

const SHARE_PUSHED = 0.45;
const SHARE_PULLED = 0.45;

export interface GossipView {
  readonly keys: readonly string[];
  /** That node pushed itself to us. */
  pushed(key: string): void;
  /** A sample that we had asked for. */
  pulled(keys: readonly string[]): void;
  /** @param sample who may be in the view at all, drawn as the samplers say; @returns whether the view was renewed */
  turn(sample: readonly string[]): boolean;
  /** Somebody of the view that `isUsable`, or of the sample when nobody is. */
  partner(sample: readonly string[], isUsable: (key: string) => boolean): string | undefined;
}

export function createGossipView(random: Random): GossipView {
  const pushes = new Set<string>();
  let pulls: string[] = [];
  let keys: readonly string[] = [];

  return {
    get keys() {
      return keys;
    },
    pushed(key) {
      if (pushes.size <= GOSSIP_PUSHES_MAX) pushes.add(key);
    },
    pulled(more) {
      for (const key of more) if (pulls.length < GOSSIP_PULLED_MAX) pulls.push(key);
    },
    turn(sample) {
      const usable = new Set(sample);
      const pushed = [...pushes].filter((key) => usable.has(key));
      const pulled = pulls.filter((key) => usable.has(key));
      const isFlood = pushes.size > GOSSIP_PUSHES_MAX;
      pushes.clear();
      pulls = [];
      if (isFlood || pushed.length === 0 || pulled.length === 0) return false;
      const fromPushed = sampleOf(pushed, Math.round(GOSSIP_VIEW_MAX * SHARE_PUSHED), random);
      const fromPulled = sampleOf(pulled, Math.round(GOSSIP_VIEW_MAX * SHARE_PULLED), random);
      const rest = GOSSIP_VIEW_MAX - fromPushed.length - fromPulled.length;
      keys = [...new Set([...fromPushed, ...fromPulled, ...sampleOf(sample, rest, random)])];
      return true;
    },
    partner(sample, isUsable) {
      const [ours] = sampleOf(keys.filter(isUsable), 1, random);
      return ours ?? sampleOf(sample.filter(isUsable), 1, random)[0];
    },
  };
}

/** `count` of the items, or all, in random order: as many draws of Fisher-Yates as are needed. */
export function sampleOf<T>(items: readonly T[], count: number, random: Random): T[] {
  const copy = [...items];
  const taken = Math.min(count, copy.length);
  for (let i = 0; i < taken; i++) {
    const j = i + Math.floor(random.unit() * (copy.length - i));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy.slice(0, taken);
}
