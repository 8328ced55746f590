/**
 * Room for work: who may have how much waiting here, shared out when it becomes short.
 *
 * Shape   a slot per request received and not yet answered, counted in all, by holder, and apart for those that hold a block. A holder
 *         is a peer, or what came over the circuits of one link to our exit. creditOf() is what a holder is told it may have waiting.
 * Rule    while less than PRESSURE of the room is taken, whoever asks gets it, up to the cap of its own. Above, a holder gets no more
 *         than its share: the room by weights of those who hold something, with one share left for a newcomer. A peer that serves
 *         us has up to twice the weight of one that only asks (reciprocity).
 * Errors  none: `admit` says whether there is room, hint() what to tell those for whom there is none.
 * Why     slots are counted by peer, not by link: closing a link and dialling again frees none. Who sends requests through a circuit
 *         is nobody we could count, and a closed circuit's work goes on: so what leaves circuits here has a share of its own, dealt out by
 *         the links that they come over. Whoever floods fills its own share; everybody else still finds his.
 * Source  design § 8 (load).
 * @module
 */
import {
  CREDIT_FIRST,
  CREDIT_MIN,
  PEERS_MAX,
  PENDING_EXIT_INSERTS_MAX,
  PENDING_EXITS_MAX,
  PENDING_EXITS_PER_ORIGIN_MAX,
  PENDING_INSERTS_MAX,
  PENDING_PER_PEER_MAX,
  PENDING_REQUESTS_MAX,
  WORK_BITS_MAX,
} from '../limits.ts';

/** Of the room, from where it is shared out. */
const PRESSURE = 0.75;
/** From this share of the room for blocks on, inserts must bring work. */
const WORK_FROM = 0.875;
const RETRY_MS = 500;
/** Services are counted as long as this many; then both sums are halved, so that the latest count most. */
const SERVICES_KEPT = 1_024;

interface Holder {
  total: number;
  blocks: number;
}

/** What a peer did for us and we for it. */
interface Services {
  given: number;
  taken: number;
}

/** Places and, of them, places for blocks. */
interface Size {
  readonly total: number;
  readonly blocks: number;
}

/** Who holds what of a room whose size may change, because another kind of work takes from the same memory. */
class Room {
  readonly #holders = new Map<string, Holder>();
  readonly #perHolderMax: number;
  readonly #weightOf: (holder: string) => number;
  readonly #size: () => Size;
  total = 0;
  blocks = 0;

  constructor(perHolderMax: number, size: () => Size, weightOf: (holder: string) => number) {
    this.#perHolderMax = perHolderMax;
    this.#size = size;
    this.#weightOf = weightOf;
  }

  hasRoomFor(name: string, holdsBlock: boolean): boolean {
    const size = this.#size();
    if (this.total >= size.total || (holdsBlock && this.blocks >= size.blocks)) return false;
    const holder = this.#holders.get(name);
    if (holder === undefined) return true;
    if (holder.total >= this.#perHolderMax) return false;
    const share = this.#share(name);
    if (this.total >= size.total * PRESSURE && holder.total >= size.total * share) return false;
    return !holdsBlock || this.blocks < size.blocks * PRESSURE || holder.blocks < size.blocks * share;
  }

  /** How many requests that holder may have waiting, as things are. */
  allowance(name: string): number {
    const { total } = this.#size();
    if (this.total < total * PRESSURE) return this.#perHolderMax;
    return Math.min(this.#perHolderMax, Math.floor(total * this.#share(name)));
  }

  take(name: string, holdsBlock: boolean): void {
    const holder = this.#holders.get(name) ?? { total: 0, blocks: 0 };
    this.#holders.set(name, holder);
    holder.total++;
    this.total++;
    if (!holdsBlock) return;
    holder.blocks++;
    this.blocks++;
  }

  giveBack(name: string, holdsBlock: boolean): void {
    const holder = this.#holders.get(name)!;
    holder.total--;
    this.total--;
    if (holder.total === 0) this.#holders.delete(name);
    if (!holdsBlock) return;
    holder.blocks--;
    this.blocks--;
  }

  #share(name: string): number {
    let all = 1; // the share of whoever comes next
    for (const other of this.#holders.keys()) if (other !== name) all += this.#weightOf(other);
    const own = this.#weightOf(name);
    return own / (all + own);
  }
}

export class Slots {
  readonly #services = new Map<string, Services>();
  readonly #peers: Room;
  readonly #exits: Room;

  constructor() {
    this.#peers = new Room(
      PENDING_PER_PEER_MAX,
      () => ({
        total: PENDING_REQUESTS_MAX - this.#exits.total,
        blocks: PENDING_INSERTS_MAX - this.#exits.blocks,
      }),
      (peerKey) => this.weightOf(peerKey),
    );
    this.#exits = new Room(
      PENDING_EXITS_PER_ORIGIN_MAX,
      () => ({
        total: Math.min(PENDING_EXITS_MAX, PENDING_REQUESTS_MAX - this.#peers.total),
        blocks: Math.min(PENDING_EXIT_INSERTS_MAX, PENDING_INSERTS_MAX - this.#peers.blocks),
      }),
      () => 1,
    );
  }

  get total(): number {
    return this.#peers.total + this.#exits.total;
  }

  /** Of all the room, what is taken: 0..1; the fuller of the two kinds. */
  get pressure(): number {
    return Math.max(this.total / PENDING_REQUESTS_MAX, this.#blocks / PENDING_INSERTS_MAX);
  }

  get #blocks(): number {
    return this.#peers.blocks + this.#exits.blocks;
  }

  admit(peerKey: string, holdsBlock: boolean): boolean {
    return this.#admit(this.#peers, peerKey, holdsBlock);
  }

  release(peerKey: string, holdsBlock: boolean): void {
    this.#peers.giveBack(peerKey, holdsBlock);
  }

  /** @param origin the link that the circuit came over */
  admitExit(origin: string, holdsBlock: boolean): boolean {
    return this.#admit(this.#exits, origin, holdsBlock);
  }

  releaseExit(origin: string, holdsBlock: boolean): void {
    this.#exits.giveBack(origin, holdsBlock);
  }

  /** Requests that peer may have waiting here, as things are: what a Credit says. */
  creditOf(peerKey: string): number {
    return Math.min(Math.max(this.#peers.allowance(peerKey), CREDIT_MIN), CREDIT_FIRST);
  }

  /** Leading zero bits that an insert must bring now: none until blocks take most of their room, then up to WORK_BITS_MAX. */
  get workBits(): number {
    const over = (this.#blocks / PENDING_INSERTS_MAX - WORK_FROM) / (1 - WORK_FROM);
    return over <= 0 ? 0 : Math.min(WORK_BITS_MAX, Math.ceil(over * WORK_BITS_MAX));
  }

  /** When to ask again: the later, the fuller we are. */
  get retryMs(): number {
    return Math.round(RETRY_MS * (1 + 5 * this.pressure));
  }

  /** It answered us with what we asked for. */
  served(peerKey: string): void {
    this.#service(peerKey).given++;
  }

  /** We answered it so. */
  servedBy(peerKey: string): void {
    this.#service(peerKey).taken++;
  }

  /** 1 for who only takes, 2 for who gives as much as it takes. */
  weightOf(peerKey: string): number {
    const services = this.#services.get(peerKey);
    if (services === undefined) return 1;
    return 1 + Math.min(1, services.given / Math.max(1, services.taken));
  }

  #admit(room: Room, name: string, holdsBlock: boolean): boolean {
    if (!room.hasRoomFor(name, holdsBlock)) return false;
    room.take(name, holdsBlock);
    return true;
  }

  #service(peerKey: string): Services {
    const services = this.#services.get(peerKey) ?? { given: 0, taken: 0 };
    this.#services.delete(peerKey);
    this.#services.set(peerKey, services);
    if (this.#services.size > 4 * PEERS_MAX) this.#services.delete(this.#services.keys().next().value!);
    if (services.given + services.taken >= SERVICES_KEPT) {
      services.given /= 2;
      services.taken /= 2;
    }
    return services;
  }
}
