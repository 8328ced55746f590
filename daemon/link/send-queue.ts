/**
 * What waits for the wire on one link, and which of it goes into the next record.
 *
 * Shape   three queues, each first in first out: messages, small cells, large cells. fill() writes frames into one record.
 * Unit    bytes count frame headers too.
 * Why     small cells and messages go first, because somebody waits for each of them; but after a record without a large cell
 *         the next one that has any waiting keeps room for it, so bulk always moves. Messages and small cells take turns, and a
 *         message too long for what is left opens the next record, so neither starves the other.
 * Source  formats.md "frame in a record"; PROTOCOL.md § 5.
 * @module
 */
import { CELL_LARGE_BYTES, CELL_SMALL_BYTES, FRAME_HEADER_BYTES, RECORD_PLAINTEXT_MAX } from '../limits.ts';
import { FRAME, type FrameType, writeFrame } from '../wire/framing.ts';

const LARGE_FRAME_BYTES = CELL_LARGE_BYTES + FRAME_HEADER_BYTES;

export class SendQueue {
  readonly #messages = new Fifo();
  readonly #small = new Fifo();
  readonly #large = new Fifo();
  #owesLarge = false;
  #messageWaited = false;

  get bytes(): number {
    return this.#messages.bytes + this.#small.bytes + this.#large.bytes;
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  pushMessage(encoded: Uint8Array): void {
    this.#messages.push(encoded);
  }

  /** @param cell of one of the two cell sizes */
  pushCell(cell: Uint8Array): void {
    (cell.length === CELL_SMALL_BYTES ? this.#small : this.#large).push(cell);
  }

  clear(): void {
    for (const queue of [this.#messages, this.#small, this.#large]) queue.clear();
  }

  /**
   * Chooses the frames of the next record, at most RECORD_PLAINTEXT_MAX - `reserved` bytes of them.
   * @returns frames in order and their size with headers
   */
  take(reserved: number): { readonly frames: readonly QueuedFrame[]; readonly bytes: number } {
    const frames: QueuedFrame[] = [];
    let left = RECORD_PLAINTEXT_MAX - reserved;
    const move = (queue: Fifo, type: FrameType, keep: number): boolean => {
      const body = queue.first;
      if (body === undefined || body.length + FRAME_HEADER_BYTES > left - keep) return false;
      queue.shift();
      left -= body.length + FRAME_HEADER_BYTES;
      frames.push({ type, body });
      return true;
    };
    const keep = this.#owesLarge && this.#large.first !== undefined ? LARGE_FRAME_BYTES : 0;
    if (this.#messageWaited) this.#messageWaited = !move(this.#messages, FRAME.message, keep);
    for (let moved = true; moved; ) {
      const small = move(this.#small, FRAME.smallCell, keep);
      const message = move(this.#messages, FRAME.message, keep);
      moved = small || message;
    }
    this.#messageWaited = this.#messages.first !== undefined;
    let large = false;
    while (move(this.#large, FRAME.largeCell, 0)) large = true;
    this.#owesLarge = !large && this.#large.first !== undefined;
    return { frames, bytes: RECORD_PLAINTEXT_MAX - reserved - left };
  }
}

export interface QueuedFrame {
  readonly type: FrameType;
  readonly body: Uint8Array;
}

/** Writes frames one after another; returns the offset behind the last. */
export function writeFrames(target: Uint8Array, offset: number, frames: readonly QueuedFrame[]): number {
  let at = offset;
  for (const { type, body } of frames) at = writeFrame(target, at, type, body);
  return at;
}

/** Array.shift moves everything behind it; this moves an index. */
class Fifo {
  #items: Uint8Array[] = [];
  #start = 0;
  bytes = 0;

  get first(): Uint8Array | undefined {
    return this.#items[this.#start];
  }

  push(item: Uint8Array): void {
    this.#items.push(item);
    this.bytes += item.length + FRAME_HEADER_BYTES;
  }

  shift(): void {
    const item = this.#items[this.#start]!;
    this.bytes -= item.length + FRAME_HEADER_BYTES;
    this.#items[this.#start] = undefined as unknown as Uint8Array; // the queue must not keep it alive
    this.#start++;
    if (this.#start === this.#items.length) {
      this.#items = [];
      this.#start = 0;
    } else if (this.#start >= 1_024) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
  }

  clear(): void {
    this.#items = [];
    this.#start = 0;
    this.bytes = 0;
  }
}
