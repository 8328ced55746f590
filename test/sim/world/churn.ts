/**
 * Coming and going as it was measured on Freenet, or as a class of user does it.
 *
 * Shape   sessions are lognormal (mu 4.577, sigma 1.824 in log minutes: median 97, mean 513). What lies between two sessions comes from
 *         the two humps measured (9 and 16.5 hours), scaled so that a node of a class is up for its share of time. Classes: 37 % of
 *         nodes are up 96 % of the time, 33 % 56 %, 30 % 16 %.
 * Unit    virtual milliseconds.
 * Source  anonymity.md § 1 (Roos et al., PETS 2014), reliability.md § 4 row 4 (probes of 2010).
 * @module
 */
import type { SimRandom } from './fast-random.ts';
import type { SimWorld } from './sim-world.ts';

const MINUTE_MS = 60_000;
const SESSION_MU = 4.577;
const SESSION_SIGMA = 1.824;
const SESSION_MEAN_MIN = Math.exp(SESSION_MU + SESSION_SIGMA ** 2 / 2);
/** A session of a minute is a failed start; one of 100 hours is "always on" for any run here. */
const SESSION_MIN_MINUTES = 1;
const SESSION_MAX_MINUTES = 6_000;
const HUMPS = [
  { share: 0.6, meanMin: 540, sigmaMin: 60 },
  { share: 0.4, meanMin: 990, sigmaMin: 30 },
] as const;
const HUMPS_MEAN_MIN = HUMPS.reduce((sum, { share, meanMin }) => sum + share * meanMin, 0);
const CLASSES = [
  { share: 0.37, availability: 0.96 },
  { share: 0.33, availability: 0.56 },
  { share: 0.3, availability: 0.16 },
] as const;
/** A shutdown in good order; the rest are crashes, with and without the power. */
const CLEAN_SHARE = 0.7;

export function sessionMs(random: SimRandom): number {
  const minutes = random.logNormal(SESSION_MU, SESSION_SIGMA);
  return Math.min(SESSION_MAX_MINUTES, Math.max(SESSION_MIN_MINUTES, minutes)) * MINUTE_MS;
}

/** What is left of the session that somebody who looks at a random moment meets: longer sessions are met more often. */
export function sessionLeftMs(random: SimRandom): number {
  const minutes = random.logNormal(SESSION_MU + SESSION_SIGMA ** 2, SESSION_SIGMA);
  return Math.min(SESSION_MAX_MINUTES, minutes) * random.unit() * MINUTE_MS;
}

export function gapMs(random: SimRandom, availability: number): number {
  const wantedMeanMin = (SESSION_MEAN_MIN * (1 - availability)) / availability;
  const hump = random.chance(HUMPS[0].share) ? HUMPS[0] : HUMPS[1];
  const minutes = Math.max(1, hump.meanMin + hump.sigmaMin * random.normal());
  return ((minutes * wantedMeanMin) / HUMPS_MEAN_MIN) * MINUTE_MS;
}

export function availabilityOf(random: SimRandom): number {
  let at = random.unit();
  for (const { share, availability } of CLASSES) {
    if (at < share) return availability;
    at -= share;
  }
  return CLASSES[0].availability;
}

export interface Churn {
  /** No session ends and none begins any more. */
  stop(): void;
  readonly starts: number;
  readonly ends: number;
}

/** Lets every node but the spared ones come and go from now on; at the start each is up with its class's share. */
export function startChurn(world: SimWorld, spared: ReadonlySet<number> = new Set()): Churn {
  const random = world.random.fork('churn');
  let isOver = false;
  let starts = 0;
  let ends = 0;

  const failed = (error: unknown): void => {
    world.broken.push(`a node did not come back: ${String(error)}`);
  };
  const endSession = (index: number, availability: number): void => {
    if (isOver) return;
    ends++;
    if (random.chance(CLEAN_SHARE)) world.leave(index).catch(failed);
    else world.crash(index, random.chance(0.5));
    world.clock.setTimer(10_000 + gapMs(random, availability), () => beginSession(index, availability));
  };
  const beginSession = (index: number, availability: number): void => {
    if (isOver || world.nodes[index]!.isUp) return;
    starts++;
    world.begin(index).catch(failed);
    world.clock.setTimer(10_000 + sessionMs(random), () => endSession(index, availability));
  };

  for (const { index } of world.nodes) {
    if (spared.has(index)) continue;
    const availability = availabilityOf(random);
    // Seen at any moment, a node is in the middle of a session or of a gap.
    if (random.chance(availability)) {
      world.clock.setTimer(sessionLeftMs(random), () => endSession(index, availability));
    } else {
      world.clock.setTimer(random.unit() * 5 * MINUTE_MS, () => {
        if (isOver) return;
        ends++;
        world.leave(index).catch(failed);
        world.clock.setTimer(10_000 + gapMs(random, availability) * random.unit(), () =>
          beginSession(index, availability),
        );
      });
    }
  }
  return {
    stop: () => {
      isOver = true;
    },
    get starts() {
      return starts;
    },
    get ends() {
      return ends;
    },
  };
}
