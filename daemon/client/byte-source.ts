/**
 * A byte stream read in pieces of a wanted size, hashed and counted on the way.
 *
 * Errors  LocalError cancelled when the source fails; the signal's reason as soon as it aborts, even while the source hangs.
 * Why     several stages read one source one after the other (what is it, is it worth compressing, cut it), and whoever stops early has to
 *         let the source release what it holds.
 * @module
 */
import type { Sha256Stream } from '../../crypto/sha256-stream.ts';
import { LocalError } from '../errors.ts';
import { abortable } from './timing.ts';

export class ByteSource implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #hash: Sha256Stream | undefined;
  readonly #signal: AbortSignal;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;
  #sizeBytes = 0;

  constructor(source: AsyncIterable<Uint8Array>, hash: Sha256Stream | undefined, signal: AbortSignal) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#hash = hash;
    this.#signal = signal;
  }

  /** Bytes read from the source so far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#rest.length === 0) await this.#read();
    const value = this.#rest;
    this.#rest = value.subarray(value.length);
    return value.length === 0 ? { done: true, value: undefined } : { done: false, value };
  }

  /** Lets the source release what it holds; a source that hangs is not waited for. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#ended) {
      this.#ended = true;
      try {
        this.#chunks.return?.()?.catch(() => {});
      } catch {
        // A source that fails while being closed has nothing more to tell us.
      }
    }
    return { done: true, value: undefined };
  }

  /** The next `length` bytes in memory of their own; fewer at the end. */
  async take(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      const { done, value } = await this.next();
      if (done === true) break;
      const part = value.subarray(0, missing);
      this.#rest = value.subarray(part.length);
      parts.push(part.slice()); // the source may use its buffer again
      missing -= part.length;
    }
    const taken = new Uint8Array(length - missing);
    let at = 0;
    for (const part of parts) {
      taken.set(part, at);
      at += part.length;
    }
    return taken;
  }

  /** The next `length` bytes as they come, fewer at the end. Ending it early does not close this source. */
  async *limited(length: number): AsyncGenerator<Uint8Array> {
    for (let missing = length; missing > 0; ) {
      const { done, value } = await this.next();
      if (done === true) return;
      const part = value.subarray(0, missing);
      this.#rest = value.subarray(part.length);
      missing -= part.length;
      yield part;
    }
  }

  /** Gives back what was taken last; it is not counted twice. */
  putBack(bytes: Uint8Array): void {
    const joined = new Uint8Array(bytes.length + this.#rest.length);
    joined.set(bytes);
    joined.set(this.#rest, bytes.length);
    this.#rest = joined;
  }

  /** What `make` gives until it gives nothing, after `first`; closing it closes this source. */
  mapped(make: () => Promise<Uint8Array | undefined>, first: Uint8Array): AsyncIterable<Uint8Array> {
    let waiting: Uint8Array | undefined = first;
    const iterator: AsyncIterator<Uint8Array> = {
      next: async () => {
        const value = waiting ?? (await make());
        waiting = undefined;
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
      return: () => this.return(),
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  /** Until there is something in `rest`, or the source has ended. */
  async #read(): Promise<void> {
    while (this.#rest.length === 0 && !this.#ended) {
      const { done, value } = await abortable(this.#nextChunk(), this.#signal);
      if (done === true) {
        this.#ended = true;
        return;
      }
      this.#hash?.update(value);
      this.#sizeBytes += value.length;
      this.#rest = value;
    }
  }

  async #nextChunk(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next();
    } catch (error) {
      if (error instanceof LocalError) throw error;
      throw new LocalError('cancelled', 'the input could not be read to its end', { cause: error });
    }
  }
}
