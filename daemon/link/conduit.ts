/**
 * A byte stream whose owner changes: handshake first, then link, or nobody at all while it is read on silently.
 *
 * Why     a ByteStream takes its handlers once; what happens to its bytes is decided again at each stage. Totals are counted
 *         here, so that failed handshakes are in them.
 * @module
 */
import type { ByteStream, NetAddress, StreamHandlers } from '../ports.ts';

export interface Totals {
  bytesIn: number;
  bytesOut: number;
}

export class Conduit {
  readonly #stream: ByteStream;
  readonly #totals: Totals;
  #handlers: Partial<StreamHandlers> = {};
  #closed = false;
  bytesIn = 0;
  bytesOut = 0;

  constructor(stream: ByteStream, totals: Totals, handlers: Partial<StreamHandlers>) {
    this.#stream = stream;
    this.#totals = totals;
    this.#handlers = handlers;
    stream.attach({
      open: () => this.#handlers.open?.(),
      data: (bytes) => {
        this.bytesIn += bytes.length;
        this.#totals.bytesIn += bytes.length;
        this.#handlers.data?.(bytes);
      },
      drain: () => this.#handlers.drain?.(),
      close: () => {
        this.#closed = true;
        this.#handlers.close?.();
      },
    });
  }

  get remote(): NetAddress {
    return this.#stream.remote;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** From now on these are told; what is missing is ignored. */
  use(handlers: Partial<StreamHandlers>): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed) return false;
    this.bytesOut += bytes.length;
    this.#totals.bytesOut += bytes.length;
    return this.#stream.write(bytes);
  }

  /** At once, and nobody hears of it any more. */
  close(): void {
    this.#handlers = {};
    if (!this.#closed) this.#stream.close();
  }
}
