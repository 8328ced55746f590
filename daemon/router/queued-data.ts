/**
 * Memory that slow readers cost: what is queued for them on all links together, and who has to go when it is too much.
 *
 * Shape   wrote() after every message that carries a block. Past the cap the link whose queue has not been empty for longest is closed.
 * Unit    bytes as Link.queuedBytes counts them; milliseconds.
 * Why     the cap of a single link times the number of links is more memory than a machine has. Oldest first, because whoever stopped
 *         reading longest ago is the least likely to read on, and an attacker who stops reading on many links loses them one by one
 *         while an honest slow reader moves up every time its queue runs empty.
 * Source  design § 8 (oldest-queued-data-first when memory is short).
 * @module
 */
import { LINK_QUEUE_SOFT_BYTES, ROUTED_QUEUE_BYTES_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';

export class QueuedData {
  /** Since when a link's queue has been over the soft mark without a break; in that order. */
  readonly #since = new Map<Link, number>();
  readonly #bytesMax: number;

  constructor(bytesMax: number = ROUTED_QUEUE_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** @returns the link to be closed now, if there is one */
  wrote(link: Link, nowMs: number): Link | undefined {
    if (link.queuedBytes > LINK_QUEUE_SOFT_BYTES && !this.#since.has(link)) this.#since.set(link, nowMs);
    let bytes = 0;
    for (const slow of this.#since.keys()) {
      if (slow.isOpen && slow.queuedBytes > LINK_QUEUE_SOFT_BYTES) bytes += slow.queuedBytes;
      else this.#since.delete(slow);
    }
    if (bytes <= this.#bytesMax) return undefined;
    const [oldest] = this.#since.keys();
    if (oldest !== undefined) this.#since.delete(oldest);
    return oldest;
  }

  closed(link: Link): void {
    this.#since.delete(link);
  }

  get size(): number {
    return this.#since.size;
  }
}
