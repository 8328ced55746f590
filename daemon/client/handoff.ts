/**
 * Passes values from one who makes them to one who takes them, without a queue between the two.
 *
 * Shape   `put` resolves when its value was taken; `take` waits for one, gives undefined after `end`, rejects after `fail`.
 * Why     the reader's pace is the brake: while it is busy with one segment, the maker cannot hand over a second.
 * @module
 */
export class Handoff<T> {
  #offer: { value: T; taken: () => void; refused: (reason: unknown) => void } | undefined;
  #wish: { give: (value: T | undefined) => void; fail: (reason: unknown) => void } | undefined;
  #end: { reason: unknown } | 'ended' | undefined;

  put(value: T): Promise<void> {
    if (this.#wish !== undefined) {
      this.#wish.give(value);
      this.#wish = undefined;
      return Promise.resolve();
    }
    if (this.#end !== undefined && this.#end !== 'ended') return Promise.reject(this.#end.reason);
    return new Promise((taken, refused) => {
      this.#offer = { value, taken, refused };
    });
  }

  take(): Promise<T | undefined> {
    if (this.#end === 'ended') return Promise.resolve(undefined);
    if (this.#end !== undefined) return Promise.reject(this.#end.reason);
    const offer = this.#offer;
    if (offer !== undefined) {
      this.#offer = undefined;
      offer.taken();
      return Promise.resolve(offer.value);
    }
    return new Promise((give, fail) => {
      this.#wish = { give, fail };
    });
  }

  end(): void {
    this.#end ??= 'ended';
    this.#wish?.give(undefined);
    this.#wish = undefined;
  }

  /** Whatever was offered and not yet taken is dropped. */
  fail(reason: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { reason };
    this.#wish?.fail(reason);
    this.#offer?.refused(reason);
    this.#wish = undefined;
    this.#offer = undefined;
  }
}
