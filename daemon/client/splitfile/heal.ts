/**
 * Healing: what a reader had to do without, it puts back for the next one.
 *
 * Shape   a block is put back at each location that answered "not found", once its bytes are known: found elsewhere, or computed from others. It
 *         goes through the same circuits, a few at a time beside the fetch and after its end, up to two minutes.
 * Errors  none: a block that nobody takes is let go. What is computed and does not have the key of the manifest is not inserted.
 * Why     only where a node said that it is not there: a slow or broken circuit says nothing about the block, and inserting those again would
 *         double the traffic of every bad hour. Waiting blocks have a cap; the fetch waits below it, so that a large document with much lost
 *         is healed as a whole and memory stays bounded.
 * Source  design § 6 (Splitfile).
 * @module
 */
import { KIND, type RoutingKey } from '../../ids.ts';
import { HEAL_BLOCKS_MAX } from '../../limits.ts';
import type { DocumentCircuits } from '../../onion/onion-types.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Window, WorkSource } from '../window.ts';

export interface HealItem {
  readonly key: RoutingKey;
  readonly replica: number;
  readonly owners: number;
  /** Sealed; called when it leaves. Undefined: it is not the block that was missing. */
  bytes(): Uint8Array | undefined;
}

/** Inserts under way: a fetch keeps the rest of its window. */
const IN_FLIGHT_MAX = 8;
const TRIES_MAX = 3;
/** How long a finished fetch keeps its circuits for this. */
const LINGER_MS = 120_000;

export interface HealContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly circuits: DocumentCircuits;
  readonly window: Window;
  readonly signal: AbortSignal;
}

export class Healer implements WorkSource {
  readonly #context: HealContext;
  readonly #items: { readonly item: HealItem; tries: number }[] = [];
  #inFlight = 0;
  #healed = 0;
  #wake: (() => void)[] = [];

  constructor(context: HealContext) {
    this.#context = context;
    context.signal.addEventListener('abort', () => this.#tell(), { once: true });
    context.window.add(this);
  }

  /** Blocks put back so far, each location counted. */
  get healed(): number {
    return this.#healed;
  }

  get isIdle(): boolean {
    return this.#items.length + this.#inFlight === 0;
  }

  add(items: readonly HealItem[]): void {
    for (const item of items) {
      // In random order: the order of a document's blocks is nobody's business.
      const place = Math.floor(this.#context.random.unit() * (this.#items.length + 1));
      const displaced = this.#items[place];
      this.#items[place] = { item, tries: 0 };
      if (displaced !== undefined) this.#items.push(displaced);
    }
    if (items.length > 0) this.#context.window.pump();
  }

  /** Resolves while there is room for more. */
  async room(): Promise<void> {
    while (this.#items.length >= HEAL_BLOCKS_MAX && !this.#context.signal.aborted) await this.#change();
  }

  /** Resolves when everything was put back or given up, when the time is over, or when the signal aborts. */
  async finish(): Promise<void> {
    const { clock, signal, window } = this.#context;
    let over = false;
    const end = (): void => {
      over = true;
      this.#tell();
    };
    const timer = clock.setTimer(LINGER_MS, end);
    while (!this.isIdle && !over && !signal.aborted) await this.#change();
    timer.cancel();
    this.#items.length = 0;
    window.remove(this);
  }

  take(): (() => Promise<void>) | undefined {
    if (this.#inFlight >= IN_FLIGHT_MAX || this.#context.signal.aborted) return undefined;
    const next = this.#items.pop();
    if (next === undefined) return undefined;
    this.#inFlight++;
    this.#tell();
    return () => this.#insert(next);
  }

  async #insert(next: { readonly item: HealItem; tries: number }): Promise<void> {
    const { item } = next;
    let again = false;
    try {
      const bytes = item.bytes();
      if (bytes !== undefined) {
        const ref = { kind: KIND.chk, key: item.key };
        const { circuits, signal } = this.#context;
        const answer = await circuits.insert(ref, item.replica, item.owners, bytes, signal);
        if (answer.type === 'inserted' && answer.copies > 0) this.#healed++;
        else again = answer.type === 'circuitFailed' || answer.type === 'timeout';
      }
    } catch {
      // Without circuits nothing can be put back; and no fault in this may cost the reader the document.
    } finally {
      this.#inFlight--;
      if (again && ++next.tries < TRIES_MAX) this.#items.unshift(next);
      this.#tell();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }

  #tell(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const resolve of waiting) resolve();
  }
}
