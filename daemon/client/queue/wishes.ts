/**
 * What is asked of the queue, checked and compared.
 *
 * Errors  LocalError usage.
 * Why     the same wish twice is one entry, and the same fetch twice is one search: whether two are the same is decided in one place.
 * @module
 */
import { LocalError } from '../../errors.ts';
import { QUEUE_TAG_BYTES_MAX } from '../../limits.ts';
import { encodeKeyText } from '../base64.ts';
import type { Priority } from '../queue-types.ts';
import type { Entry, FetchEntry, PublishEntry } from './entry.ts';

/** The most urgent first; of two the older one. */
export function byUrgency(a: Entry, b: Entry): number {
  return a.priority - b.priority || a.order - b.order;
}

/** Fetches with one name bring the same bytes. */
export function shareName({ uri, options: { range, trafficClass, listOnly } }: FetchEntry): string {
  return JSON.stringify([uri, range ?? null, trafficClass, listOnly === true]);
}

export function sameWish(a: PublishEntry, b: PublishEntry): boolean {
  return JSON.stringify([a.options, a.from]) === JSON.stringify([b.options, b.from]);
}

/** An entry that a surface marked as its own belongs to one request of that surface, and to no other. */
export function isUnmarked(a: Entry, b: Entry): boolean {
  return a.tag === undefined && b.tag === undefined;
}

export function checkPriority(priority: Priority): Priority {
  if (Number.isInteger(priority) && priority >= 0 && priority <= 6) return priority;
  throw new LocalError('usage', 'priority is 0 (first) to 6');
}

export function checkTag(tag: Uint8Array): string {
  if (tag.length > QUEUE_TAG_BYTES_MAX) throw new LocalError('usage', `a tag may have ${QUEUE_TAG_BYTES_MAX} bytes`);
  return encodeKeyText(tag);
}
