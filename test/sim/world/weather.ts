/**
 * Faults drawn from a seed and let loose on a world: which classes, how strong, when.
 *
 * Shape   drawFaults picks each class by a coin of its own, so that seeds differ in combination as much as in order. Weather.start
 *         plans every event of a span of time at once on the world's clock; afterwards `calm` ends whatever still blocks.
 * Unit    events per node and virtual hour; durations in virtual milliseconds.
 * Why     a fuzzer finds what its generator can produce: combinations that nobody would think of must come up.
 * Source  reliability.md § 1 (swizzle-clog, swarm testing) and § 4 rows 5 to 10.
 * @module
 */
import type { SimRandom } from './fast-random.ts';
import type { FaultClass } from './fault-counters.ts';
import { CALM, type NetworkFaults } from './sim-network.ts';
import type { SimWorld } from './sim-world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Events that a plan may hold, with their rate per node and hour where they are drawn. */
const RATES = {
  linkCut: 6,
  stall: 4,
  oneWayCut: 2,
  crash: 0.6,
  cleanStop: 0.3,
  bitRot: 0.5,
  diskFull: 0.3,
  clockJump: 0.5,
  suspend: 0.6,
} as const;
type Event = keyof typeof RATES;

export interface FaultPlan {
  readonly network: NetworkFaults;
  readonly rates: Readonly<Record<Event, number>>;
  readonly partition: boolean;
  readonly swizzle: boolean;
  /** Classes whose counters must not stay at zero. */
  readonly meant: readonly FaultClass[];
}

/** @param share chance of each class to be in the plan; 1: all of them */
export function drawFaults(random: SimRandom, share = 0.6): FaultPlan {
  const has = (): boolean => random.chance(share);
  const rate = (most: number): number => (has() ? most * (0.2 + 0.8 * random.unit()) : 0);
  const network: NetworkFaults = {
    lossRate: rate(0.1),
    duplicateRate: rate(0.05),
    reorderRate: rate(0.1),
    corruptRate: rate(0.002),
    corruptThrough: 0.002,
    splitRate: rate(0.2),
  };
  const rates = Object.fromEntries(
    Object.entries(RATES).map(([name, perHour]) => [name, has() ? perHour * (0.5 + random.unit()) : 0]),
  ) as Record<Event, number>;
  const partition = has();
  const swizzle = has();
  const meant: FaultClass[] = (Object.keys(RATES) as Event[]).filter((name) => rates[name] > 0);
  if (network.lossRate > 0) meant.push('lossRetransmitted');
  if (network.duplicateRate > 0) meant.push('duplicatedBelow');
  if (network.reorderRate > 0) meant.push('reorderedBelow');
  if (network.corruptRate > 0) meant.push('corruptedBelow');
  if (network.splitRate > 0) meant.push('splitDelivery');
  if (partition) meant.push('partition');
  if (swizzle) meant.push('swizzleClog');
  return { network, rates, partition, swizzle, meant };
}

export class Weather {
  readonly #world: SimWorld;
  readonly #random: SimRandom;
  readonly #plan: FaultPlan;
  readonly #spared: ReadonlySet<number>;
  readonly #blocks = new Set<() => void>();
  /** Restarts under way, so that nobody ends a world in the middle of one. */
  readonly pending = new Set<Promise<void>>();
  #isOver = false;

  /** @param spared nodes that are never stopped, crashed, frozen, damaged or cut off alone: those whose users an experiment watches */
  constructor(world: SimWorld, plan: FaultPlan, spared: ReadonlySet<number> = new Set()) {
    this.#world = world;
    this.#plan = plan;
    this.#spared = spared;
    this.#random = world.random.fork('weather');
  }

  start(forMs: number): void {
    const { clock, network, nodes } = this.#world;
    network.faults = this.#plan.network;
    for (const name of Object.keys(RATES) as Event[]) {
      const expected = (this.#plan.rates[name] * nodes.length * forMs) / HOUR_MS;
      // At least one of each class drawn: a class that never fires is a class not tested.
      const count = expected === 0 ? 0 : Math.max(1, Math.round(expected));
      for (let i = 0; i < count; i++) clock.setTimer(this.#random.unit() * forMs, () => this.#strike(name));
    }
    if (this.#plan.partition) clock.setTimer(this.#random.unit() * forMs * 0.5, () => this.#partition());
    if (this.#plan.swizzle) clock.setTimer(this.#random.unit() * forMs * 0.5, () => this.#swizzle());
  }

  /** Ends all blocks and network faults; crashed nodes are back once `pending` is empty. */
  async calm(): Promise<void> {
    this.#isOver = true;
    this.#world.network.faults = CALM;
    for (const end of [...this.#blocks]) end();
    for (const place of this.#world.nodes) place.disk.faults.isFull = false;
    const wakeMs = Math.max(...this.#world.nodes.map(({ clock }) => clock.frozenUntilMs));
    await this.#world.advance(Math.max(0, wakeMs - this.#world.clock.nowMs()));
    while (this.pending.size > 0) await this.#world.inTime(Promise.all(this.pending), 30 * MINUTE_MS);
  }

  #strike(name: Event): void {
    if (this.#isOver) return;
    const world = this.#world;
    const random = this.#random;
    const anyone = world.up();
    const touchable = anyone.filter(({ index }) => !this.#spared.has(index));
    if (anyone.length < 4 || touchable.length === 0) return;
    const place = touchable[random.below(touchable.length)]!;
    const other = anyone[random.below(anyone.length)]!;
    const apart = (from: number, to: number): boolean => from === place.index && to === other.index;
    switch (name) {
      case 'linkCut':
        if (place.endpoint === undefined) return;
        for (const stream of [...place.endpoint.streams].slice(0, 3)) {
          const far = stream.peer?.endpoint;
          if (far !== undefined && world.network.cut(place.endpoint, far) > 0) {
            world.counters.linkCut++;
            return;
          }
        }
        return;
      case 'stall': {
        world.counters.stall++;
        const both = (from: number, to: number): boolean => apart(from, to) || apart(to, from);
        this.#block(both, 1_000 + random.exponential(20_000));
        return;
      }
      case 'oneWayCut':
        world.counters.oneWayCut++;
        this.#block(apart, 10_000 + random.exponential(60_000));
        return;
      case 'crash':
        world.crash(place.index, random.chance(0.7));
        this.#startLater(place.index);
        return;
      case 'cleanStop':
        this.#track(world.leave(place.index).then(() => this.#startLater(place.index)));
        return;
      case 'bitRot':
        place.disk.rot('store-data', 1 + random.below(4));
        return;
      case 'diskFull':
        place.disk.faults.isFull = true;
        world.clock.setTimer(30_000 + random.exponential(60_000), () => {
          place.disk.faults.isFull = false;
        });
        return;
      case 'clockJump':
        world.jumpClock(place.index, random.normal() * 5 * HOUR_MS);
        return;
      case 'suspend':
        world.suspend(place.index, 5_000 + random.exponential(2 * MINUTE_MS));
        return;
    }
    name satisfies never;
  }

  #block(directions: (from: number, to: number) => boolean, forMs: number): void {
    const unblock = this.#world.network.block(directions);
    const end = (): void => {
      if (this.#blocks.delete(end)) unblock();
    };
    this.#blocks.add(end);
    this.#world.clock.setTimer(forMs, end);
  }

  #partition(): void {
    if (this.#isOver) return;
    const side = new Set(this.#world.nodes.filter(() => this.#random.chance(0.4)).map(({ index }) => index));
    const heal = this.#world.partition((index) => (side.has(index) ? 1 : 0));
    const end = (): void => {
      if (this.#blocks.delete(end)) heal();
    };
    this.#blocks.add(end);
    this.#world.clock.setTimer(20_000 + this.#random.exponential(60_000), end);
  }

  /** Nodes lose the network one after the other, and get it back in another order. */
  #swizzle(): void {
    if (this.#isOver) return;
    const world = this.#world;
    const touchable = world.nodes.filter(({ index }) => !this.#spared.has(index));
    const chosen = this.#random.shuffled(touchable).slice(0, Math.ceil(touchable.length / 4));
    const stepMs = 2_000;
    const release = this.#random.shuffled(chosen.map((_, at) => at));
    chosen.forEach(({ index }, at) => {
      world.clock.setTimer(at * stepMs, () => {
        if (this.#isOver) return;
        world.counters.swizzleClog++;
        const lastsMs = (chosen.length - at + release[at]!) * stepMs;
        this.#block((from, to) => from === index || to === index, lastsMs);
      });
    });
  }

  #startLater(index: number): void {
    const world = this.#world;
    this.#track(
      new Promise<void>((resolve, reject) => {
        const downMs = 2_000 + this.#random.exponential(MINUTE_MS);
        world.clock.setTimer(downMs, () => {
          world.nodes[index]!.disk.faults.isFull = false;
          world.begin(index).then(resolve, reject);
        });
      }),
    );
  }

  #track(work: Promise<void>): void {
    const tracked = work.then(
      () => {
        this.pending.delete(tracked);
      },
      (error: unknown) => {
        this.pending.delete(tracked);
        this.#world.broken.push(`a node did not come back: ${String(error)}`);
      },
    );
    this.pending.add(tracked);
  }
}
