/**
 * The requests of one document under way at once, never more than its circuits carry.
 *
 * Shape   sources of work are asked in order for their next request whenever a slot is free; earlier sources go first.
 * Errors  none: a piece of work reports its own failure to its source and resolves.
 * Why     pulled, not queued: a retry of an early segment goes before the first request of a later one, a block is sealed only when it
 *         leaves, and nothing has to be taken out of a queue when a segment is complete.
 * @module
 */

export interface WorkSource {
  /** The next request as something to run, or undefined when there is none at the moment. Must not reject. */
  take(): (() => Promise<void>) | undefined;
}

export class Window {
  readonly #slots: () => number;
  readonly #onChange: (inFlight: number) => void;
  readonly #sources: WorkSource[] = [];
  #inFlight = 0;

  /** @param slots asked each time: circuits come, go, and learn how much they carry */
  constructor(slots: () => number, onChange: (inFlight: number) => void = () => {}) {
    this.#slots = slots;
    this.#onChange = onChange;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  add(source: WorkSource, order: 'first' | 'last' = 'last'): void {
    if (order === 'first') this.#sources.unshift(source);
    else this.#sources.push(source);
    this.pump();
  }

  remove(source: WorkSource): void {
    const index = this.#sources.indexOf(source);
    if (index >= 0) this.#sources.splice(index, 1);
  }

  /** To be called when a source has work again. */
  pump(): void {
    const slots = Math.max(1, this.#slots());
    for (let i = 0; i < this.#sources.length && this.#inFlight < slots; ) {
      const work = this.#sources[i]!.take();
      if (work === undefined) i++;
      else this.#start(work);
    }
  }

  #start(work: () => Promise<void>): void {
    this.#inFlight++;
    this.#onChange(this.#inFlight);
    void work().finally(() => {
      this.#inFlight--;
      this.#onChange(this.#inFlight);
      this.pump();
    });
  }
}
