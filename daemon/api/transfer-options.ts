/**
 * What a caller may wish for a publish or a fetch, read and checked.
 *
 * Errors  LocalError usage, naming the field and what it may be.
 * @module
 */
import type { FetchOptions, PublishOptions } from '../client/client-types.ts';
import type { KeyRing } from '../client/key-ring.ts';
import { normaliseWords } from '../client/keyword.ts';
import { LocalError } from '../errors.ts';
import type { TrafficClass } from '../ids.ts';
import { CONTENT_TYPE_BYTES_MAX, DOCUMENT_NAME_BYTES_MAX } from '../limits.ts';
import type { NodeSettings } from '../settings.ts';

export function readPublishOptions(query: URLSearchParams, settings: NodeSettings, keys: KeyRing): PublishOptions {
  const contentType = checkContentType(query.get('type'));
  const name = checkName(query.get('name'));
  const convergent = checkFlag(query, 'convergent');
  const compress = checkFlag(query, 'compress');
  if (convergent && compress)
    throw new LocalError('usage', 'convergent documents are never compressed: their key must not depend on it');
  const as = query.get('as');
  const keywords = query.get('keywords');
  return {
    trafficClass: checkClass(query.get('class')) ?? settings.publishClass,
    convergent,
    ...(as === null ? {} : { as: keys.insertUri(as) }),
    ...(keywords === null ? {} : { keywords: normaliseWords(keywords.split(',')) }),
    ...(compress ? { compress } : {}),
    ...(checkFlag(query, 'verify') ? { verify: true } : {}),
    ...(contentType === undefined ? {} : { contentType }),
    ...(name === undefined ? {} : { name }),
  };
}

export function checkMaxBytes(value: unknown): Pick<FetchOptions, 'maxBytes'> {
  if (value === undefined) return {};
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return { maxBytes: value };
  throw new LocalError('usage', 'maxBytes is a whole number of bytes');
}

/** [from, to), as a pair of numbers. */
export function checkRange(value: unknown): Pick<FetchOptions, 'range'> {
  if (value === undefined) return {};
  const [from, to] = Array.isArray(value) && value.length === 2 ? value : [];
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from) {
    throw new LocalError('usage', 'range is [from, to], two byte positions in order');
  }
  return { range: { from, to } };
}

export function checkClass(value: unknown): TrafficClass | undefined {
  if (value === null || value === undefined) return undefined;
  if (value === 'fast' || value === 'strong') return value;
  throw new LocalError('usage', 'class is fast or strong');
}

export function checkFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null || value === 'false') return false;
  if (value === 'true' || value === '') return true;
  throw new LocalError('usage', `${name} is true or false`);
}

/** type/subtype, with parameters; printable ASCII only, because it ends up in other people's headers. */
function checkContentType(value: string | null): string | undefined {
  if (value === null) return undefined;
  if (value.length > CONTENT_TYPE_BYTES_MAX || !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[\x20-\x7e]*)?$/.test(value)) {
    throw new LocalError('usage', 'type is a media type such as text/plain');
  }
  return value;
}

function checkName(value: string | null): string | undefined {
  if (value === null) return undefined;
  if (value === '' || Buffer.byteLength(value) > DOCUMENT_NAME_BYTES_MAX || /[\p{Cc}/\\]/u.test(value)) {
    throw new LocalError('usage', 'name is one file name, without slashes and control characters');
  }
  return value;
}
