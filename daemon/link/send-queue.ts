/**
 * What waits for the wire on one link, and which of it goes into the next record.
 *
 * Shape   two queues, each first in first out: messages, and cells of both sizes. take() gives the frames of one record.
 * Unit    bytes count frame headers too.
 * Why     one nonce counter runs through both cell sizes of a circuit, so no cell may pass another: which circuit comes first is
 *         decided above, where circuits are known (decisions/0005). Messages and cells take turns, and whichever was too long
 *         for what a record had left opens the next one, so neither starves the other.
 * Source  formats.md "frame in a record"; PROTOCOL.md § 5.
 * @module
 */
import { CELL_SMALL_BYTES, FRAME_HEADER_BYTES, RECORD_PLAINTEXT_MAX } from '../limits.ts';
import { FRAME, type FrameType, writeFrame } from '../wire/framing.ts';

export class SendQueue {
  readonly #messages = new Fifo();
  readonly #cells = new Fifo();
  #cellsFirst = false;

  get bytes(): number {
    return this.#messages.bytes + this.#cells.bytes;
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  pushMessage(encoded: Uint8Array): void {
    this.#messages.push(encoded);
  }

  /** @param cell of one of the two cell sizes */
  pushCell(cell: Uint8Array): void {
    this.#cells.push(cell);
  }

  clear(): void {
    this.#messages.clear();
    this.#cells.clear();
  }

  /**
   * Chooses the frames of the next record, at most RECORD_PLAINTEXT_MAX - `reserved` bytes of them.
   * @returns frames in order and their size with headers
   */
  take(reserved: number): { readonly frames: readonly QueuedFrame[]; readonly bytes: number } {
    const frames: QueuedFrame[] = [];
    let left = RECORD_PLAINTEXT_MAX - reserved;
    const move = (queue: Fifo): boolean => {
      const body = queue.first;
      if (body === undefined || body.length + FRAME_HEADER_BYTES > left) return false;
      queue.shift();
      left -= body.length + FRAME_HEADER_BYTES;
      frames.push({ type: queue === this.#messages ? FRAME.message : cellFrame(body), body });
      return true;
    };
    const [first, second] = this.#cellsFirst ? [this.#cells, this.#messages] : [this.#messages, this.#cells];
    for (let moved = true; moved; ) {
      const one = move(first);
      const other = move(second);
      moved = one || other;
    }
    this.#cellsFirst = !this.#cellsFirst;
    return { frames, bytes: RECORD_PLAINTEXT_MAX - reserved - left };
  }
}

function cellFrame(cell: Uint8Array): FrameType {
  return cell.length === CELL_SMALL_BYTES ? FRAME.smallCell : FRAME.largeCell;
}

/** Cells as frames, in that order, and their size with headers. */
export function framesOf(cells: readonly Uint8Array[]): {
  readonly frames: readonly QueuedFrame[];
  readonly bytes: number;
} {
  const frames = cells.map((body) => ({ type: cellFrame(body), body }));
  return { frames, bytes: cells.reduce((sum, cell) => sum + cell.length + FRAME_HEADER_BYTES, 0) };
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
