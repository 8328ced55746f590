/**
 * The proof of a publish: some of its blocks, drawn at random, fetched back over circuits that carried none of them.
 *
 * Shape   at most 8 blocks of the whole, each with the same chance, and the top block; each asked at its locations in random order.
 * Errors  none: what is not found in time is counted. LocalError only where the circuits say `offline` or `connecting`.
 * Why     an acknowledged insert is a claim of the nodes that were asked. Fetched over new circuits and other exits, a block comes from where
 *         readers will find it. Few blocks, because a sample that grew with the document would tell an exit what it belongs to.
 * Source  design §§ 8, 10 (fetch-back).
 * @module
 */
import { KIND, type RoutingKey, type TrafficClass } from '../ids.ts';
import type { CircuitSource } from '../onion/onion-types.ts';
import type { Clock, Crypto, Random } from '../ports.ts';
import { type Candidate, gather } from './splitfile/gather.ts';
import { shuffle } from './timing.ts';
import { CODEC } from './uri.ts';
import { Window } from './window.ts';

export const SAMPLE_BLOCKS_MAX = 8;
/** Rounds over all locations of what was not found; the pauses between them grow from 1 s. */
const ROUNDS_MAX = 3;

export interface Sample {
  readonly key: RoutingKey;
  readonly replicas: number;
}

/** Draws with equal chances from blocks that come one by one (reservoir sampling, Vitter's algorithm R). */
export class Sampler {
  readonly #random: Random;
  readonly #samples: Sample[] = [];
  #seen = 0;
  #top: Sample | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  add(sample: Sample): void {
    this.#seen++;
    const place = this.#seen <= SAMPLE_BLOCKS_MAX ? this.#seen - 1 : Math.floor(this.#random.unit() * this.#seen);
    if (place < SAMPLE_BLOCKS_MAX) this.#samples[place] = sample;
  }

  setTop(sample: Sample): void {
    this.#top = sample;
  }

  get samples(): readonly Sample[] {
    return this.#top === undefined ? this.#samples : [...this.#samples, this.#top];
  }
}

export interface CheckDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly circuits: CircuitSource;
}

export interface PublishVerdict {
  readonly asked: number;
  readonly found: number;
}

/** @param onBlock called for each block that came back */
export async function fetchBack(
  deps: CheckDeps,
  samples: readonly Sample[],
  trafficClass: TrafficClass,
  signal: AbortSignal,
  onBlock: () => void,
): Promise<PublishVerdict> {
  const { random } = deps;
  const wishes = { trafficClass, padding: trafficClass === 'strong', blocks: samples.length };
  const circuits = await deps.circuits.open(wishes, signal);
  let found = 0;
  try {
    const context = {
      ...deps,
      codec: CODEC.none,
      circuits,
      window: new Window(() => circuits.windowBlocks),
      signal,
      onBlock() {
        found++;
        onBlock();
      },
      onMiss() {},
    };
    const first = samples.map(
      ({ key, replicas }, index): Candidate => ({
        ref: { kind: KIND.chk, key },
        replica: Math.floor(random.unit() * replicas),
        index,
      }),
    );
    await gather(context, {
      need: samples.length,
      first: shuffle(random, first),
      reserve: [],
      accept() {}, // that its bytes have this key is all there is to know
      nextRound(failed, round) {
        const turns = Math.max(...failed.map(({ candidate }) => samples[candidate.index]!.replicas));
        if (round >= ROUNDS_MAX * turns) return undefined;
        const ask = failed.map(({ candidate }) => ({
          ...candidate,
          replica: (candidate.replica + 1) % samples[candidate.index]!.replicas,
        }));
        return { ask: shuffle(random, ask), pause: round % turns === 0 };
      },
    });
    return { asked: samples.length, found };
  } finally {
    circuits.close();
  }
}
