/**
 * What one connection is sent: whole messages in order, data streamed, and a bound on what waits for a slow reader.
 *
 * Shape   send queues a message; progress queues it unless the reader is behind; stream sends a message with its data and lets nothing between.
 * Unit    progress is left out while more than FCP_OUTPUT_BYTES_MAX wait; `drained` resolves when less do.
 * Errors  none: a connection that ended swallows what is sent to it. A source that fails within data ends the connection, because a short
 *         answer could not be told from a whole one.
 * @module
 */
import type { Socket } from 'node:net';
import { FCP_OUTPUT_BYTES_MAX } from '../../limits.ts';
import { encodeMessage, type FieldValue } from './message.ts';

export type OutFields = Readonly<Record<string, FieldValue>>;

export class FcpOutput {
  readonly #socket: Socket;
  /** Messages that came while data was under way. */
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #streams = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  get isBehind(): boolean {
    return this.#socket.writableLength + this.#heldBytes > FCP_OUTPUT_BYTES_MAX;
  }

  send(name: string, fields: OutFields): void {
    if (!this.isOpen) return;
    const bytes = encodeMessage(name, fields);
    if (this.#streams === 0) {
      this.#socket.write(bytes);
    } else {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
    }
  }

  progress(name: string, fields: OutFields): void {
    if (!this.isBehind) this.send(name, fields);
  }

  /** @param length bytes that `source` gives, no more and no fewer */
  stream(name: string, fields: OutFields, length: number, source: () => AsyncIterable<Uint8Array>): Promise<void> {
    this.#streams++;
    const run = this.#last.then(async () => {
      try {
        await this.#pour(encodeMessage(name, fields, length), length, source);
      } catch {
        this.#socket.destroy();
      } finally {
        this.#streams--;
        if (this.#streams === 0) this.#release();
      }
    });
    this.#last = run;
    return run;
  }

  async #pour(head: Buffer, length: number, source: () => AsyncIterable<Uint8Array>): Promise<void> {
    if (!this.isOpen) return;
    this.#socket.write(head);
    let left = length;
    for await (const bytes of source()) {
      left -= bytes.length;
      if (left < 0) break;
      if (!this.isOpen) return;
      if (!this.#socket.write(bytes)) await this.#writable();
    }
    if (left !== 0) throw new Error('a source gave more or fewer bytes than it said');
  }

  #release(): void {
    for (const bytes of this.#held.splice(0)) if (this.isOpen) this.#socket.write(bytes);
    this.#heldBytes = 0;
  }

  /** Resolves when the reader has caught up, or is gone. */
  async drained(): Promise<void> {
    while (this.isBehind && this.isOpen) {
      if (this.#streams > 0) await this.#last;
      else await this.#writable();
    }
  }

  #writable(): Promise<void> {
    if (!this.isOpen || !this.#socket.writableNeedDrain) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
  }
}
