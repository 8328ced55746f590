/**
 * Questions under way: what was sent over which link, and the one answer each will get.
 *
 * Shape   ask() sends a message with a fresh random id and resolves once: with the reply, with timeout, or with closed.
 * Unit    milliseconds.
 * Errors  none. A reply that answers nothing we asked over that link, comes too late, or is of a kind that cannot answer it is
 *         ignored and counted: it may be honest and late, so it closes no link.
 * Why     ids are drawn per link and question, so nothing in a reply says which request of somebody else caused it.
 * Source  design § 8.
 * @module
 */
import type { Link } from '../link/link-types.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import type { Message } from '../wire/messages.ts';

export type Question = Extract<Message, { type: 'Fetch' | 'Insert' | 'StoreCopy' }>;
export type Reply = Extract<
  Message,
  {
    type:
      | 'Data'
      | 'Inserted'
      | 'Collision'
      | 'DataNotFound'
      | 'RouteNotFound'
      | 'RejectedLoop'
      | 'RejectedOverload'
      | 'RecentlyFailed';
  }
>;

export type AskResult =
  | { readonly type: 'reply'; readonly reply: Reply }
  | { readonly type: 'timeout'; readonly accepted: boolean }
  | { readonly type: 'closed' };

const ANSWERS: Readonly<Record<Question['type'], readonly Reply['type'][]>> = {
  Fetch: ['Data', 'DataNotFound', 'RouteNotFound', 'RejectedLoop', 'RejectedOverload', 'RecentlyFailed'],
  Insert: ['Inserted', 'Collision', 'RouteNotFound', 'RejectedLoop', 'RejectedOverload'],
  StoreCopy: ['Inserted', 'Collision', 'RejectedOverload'],
};

export interface AskTimes {
  /** How long it may take to be accepted; the rest counts from the question, not from there. */
  readonly acceptMs: number;
  readonly answerMs: number;
}

interface OpenAsk {
  readonly question: Question['type'];
  readonly times: AskTimes;
  readonly sentMs: number;
  readonly settle: (result: AskResult) => void;
  timer: Timer;
  accepted: boolean;
}

export class Asks {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #open = new Map<Link, Map<number, OpenAsk>>();
  #stray = 0;
  #stopped = false;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Replies that answered nothing. */
  get stray(): number {
    return this.#stray;
  }

  get size(): number {
    let size = 0;
    for (const asks of this.#open.values()) size += asks.size;
    return size;
  }

  /** Questions that wait for that link's answer. */
  waitingOn(link: Link): number {
    return this.#open.get(link)?.size ?? 0;
  }

  ask(link: Link, times: AskTimes, build: (id: number) => Question): Promise<AskResult> {
    if (this.#stopped || !link.isOpen) return Promise.resolve({ type: 'closed' });
    return new Promise((resolve) => {
      let asks = this.#open.get(link);
      if (asks === undefined) {
        asks = new Map();
        this.#open.set(link, asks);
      }
      const id = this.#freshId(asks);
      const question = build(id);
      const ask: OpenAsk = {
        question: question.type,
        times,
        sentMs: this.#clock.nowMs(),
        settle: resolve,
        timer: this.#clock.setTimer(Math.min(times.acceptMs, times.answerMs), () => this.#timeout(link, id)),
        accepted: false,
      };
      asks.set(id, ask);
      link.sendMessage(question);
    });
  }

  accepted(link: Link, id: number): void {
    const ask = this.#open.get(link)?.get(id);
    if (ask === undefined || ask.accepted) {
      this.#stray++;
      return;
    }
    ask.accepted = true;
    ask.timer.cancel();
    const leftMs = Math.max(0, ask.sentMs + ask.times.answerMs - this.#clock.nowMs());
    ask.timer = this.#clock.setTimer(leftMs, () => this.#timeout(link, id));
  }

  handleReply(link: Link, reply: Reply): void {
    const ask = this.#open.get(link)?.get(reply.id);
    if (ask === undefined || !ANSWERS[ask.question].includes(reply.type)) {
      this.#stray++;
      return;
    }
    this.#take(link, reply.id)?.settle({ type: 'reply', reply });
  }

  linkClosed(link: Link): void {
    const asks = this.#open.get(link);
    if (asks === undefined) return;
    this.#open.delete(link);
    for (const ask of asks.values()) {
      ask.timer.cancel();
      ask.settle({ type: 'closed' });
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const link of [...this.#open.keys()]) this.linkClosed(link);
  }

  #timeout(link: Link, id: number): void {
    const ask = this.#take(link, id);
    ask?.settle({ type: 'timeout', accepted: ask.accepted });
  }

  #take(link: Link, id: number): OpenAsk | undefined {
    const asks = this.#open.get(link);
    const ask = asks?.get(id);
    if (asks === undefined || ask === undefined) return undefined;
    asks.delete(id);
    if (asks.size === 0) this.#open.delete(link);
    ask.timer.cancel();
    return ask;
  }

  #freshId(asks: ReadonlyMap<number, unknown>): number {
    for (;;) {
      const bytes = this.#random.bytes(4);
      const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (!asks.has(id)) return id;
    }
  }
}
