/**
 * What FCP knows of a request beyond the queue: who asked, under which Identifier, and what its Persistent message repeats.
 *
 * Shape   written as JSON into the entry's tag, so that it outlives the daemon with it; `owner` only while its connection is open.
 * Errors  a tag that does not read as one of ours gives undefined: some other surface made that entry.
 * @module
 */
import type { QueueEntry } from '../../client/queue-types.ts';
import type { FieldValue } from './message.ts';

export type RequestType = 'get' | 'put' | 'putDir';

export interface RequestMeta {
  readonly type: RequestType;
  /** Name of the client; undefined on the global queue. */
  readonly client: string | undefined;
  readonly global: boolean;
  readonly identifier: string;
  readonly verbosity: number;
  readonly clientToken: string | undefined;
  /** Fields of PersistentGet, PersistentPut or PersistentPutDir that never change. */
  readonly shown: Readonly<Record<string, FieldValue>>;
  /** Put to CHK@: the name that is hung on the key. */
  readonly fileName: string | undefined;
  /** Get: MIME types that may be handed out; undefined for all. */
  readonly allowedTypes: readonly string[] | undefined;
  /** Unix milliseconds. */
  readonly askedAtMs: number;
}

const MARK = 'fcp1';

export function encodeTag(meta: RequestMeta): Uint8Array {
  return Buffer.from(JSON.stringify([MARK, meta]), 'utf8');
}

export function decodeTag(tag: Uint8Array | undefined): RequestMeta | undefined {
  if (tag === undefined) return undefined;
  try {
    const [mark, meta] = JSON.parse(Buffer.from(tag).toString('utf8')) as [unknown, RequestMeta];
    return mark === MARK ? meta : undefined;
  } catch {
    return undefined;
  }
}

/** Two requests with one name cannot be told apart by their client. */
export function nameOf(meta: Pick<RequestMeta, 'client' | 'global' | 'identifier'>): string {
  return meta.global ? `g\n${meta.identifier}` : `c${meta.client ?? ''}\n${meta.identifier}`;
}

export function isEnded(entry: QueueEntry): boolean {
  return entry.state === 'done' || entry.state === 'failed' || entry.state === 'cancelled';
}
