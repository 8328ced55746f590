/**
 * Reading the fields of a message: leniently where Freenet's clients are careless, with a numbered error where a guess would be wrong.
 *
 * Errors  FcpError missingField, number, invalidField, uri.
 * Why     a boolean that is neither true nor false has its default: there are clients that send `False`, and some that glue two lines together.
 * Source  the FCPv2 description: Persistence, PriorityClass, Verbosity, MaxRetries.
 * @module
 */

import type { Persistence, Priority } from '../../client/queue-types.ts';
import { parseUri, type Uri } from '../../client/uri.ts';
import { LocalError } from '../../errors.ts';
import { FCP_IDENTIFIER_BYTES_MAX } from '../../limits.ts';
import { FcpError } from './fcp-error.ts';
import type { FcpMessage } from './message.ts';

export type Fields = ReadonlyMap<string, string>;

export const VERBOSITY = {
  simpleProgress: 1,
  sendingToNetwork: 2,
  compatibilityMode: 4,
  expectedHashes: 8,
  expectedMime: 32,
  expectedDataLength: 64,
  finiteCooldown: 128,
  putFetchable: 256,
  compression: 512,
} as const;

export function required(fields: Fields, key: string): string {
  const value = fields.get(key);
  if (value === undefined || value === '') throw new FcpError('missingField', key, { of: fields });
  return value;
}

export function booleanOf(fields: Fields, key: string, otherwise: boolean): boolean {
  const value = fields.get(key)?.trim().toLowerCase();
  if (value === 'true' || value === 'yes') return true;
  if (value === 'false' || value === 'no') return false;
  return otherwise;
}

/** @throws FcpError number for what is no whole number, invalidField outside of the bounds */
export function integerOf(fields: Fields, key: string, otherwise: number, min: number, max: number): number {
  const text = fields.get(key)?.trim();
  if (text === undefined || text === '') return otherwise;
  if (!/^-?\d{1,19}$/.test(text)) throw new FcpError('number', key, { of: fields });
  const value = Number(text);
  if (value < min || value > max) throw new FcpError('invalidField', `${key} is ${min} to ${max}`, { of: fields });
  return value;
}

/** A size: anything above what a double counts exactly means no limit. */
export function sizeOf(fields: Fields, key: string): number | undefined {
  const text = fields.get(key)?.trim();
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,19}$/.test(text)) throw new FcpError('number', key, { of: fields });
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

export function identifierOf(fields: Fields): string {
  const identifier = required(fields, 'Identifier');
  if (Buffer.byteLength(identifier) > FCP_IDENTIFIER_BYTES_MAX) {
    throw new FcpError('invalidField', `an Identifier has at most ${FCP_IDENTIFIER_BYTES_MAX} bytes`, { of: fields });
  }
  return identifier;
}

export function keyOf(fields: Fields, key = 'URI'): Uri {
  try {
    return parseUri(required(fields, key));
  } catch (error) {
    if (error instanceof LocalError) throw new FcpError('uri', error.detail, { of: fields });
    throw error;
  }
}

export function priorityOf(fields: Fields, otherwise: Priority): Priority {
  return integerOf(fields, 'PriorityClass', otherwise, 0, 6) as Priority;
}

const PERSISTENCES: readonly Persistence[] = ['connection', 'reboot', 'forever'];

export function persistenceOf(fields: Fields): Persistence {
  const text = fields.get('Persistence')?.trim().toLowerCase();
  const global = booleanOf(fields, 'Global', false);
  if (text === undefined || text === '') return global ? 'reboot' : 'connection';
  const persistence = PERSISTENCES.find((one) => one === text);
  if (persistence === undefined) throw new FcpError('invalidField', 'Persistence', { of: fields });
  if (global && persistence === 'connection') {
    throw new FcpError('invalidField', 'a request on the global queue is persistent', { of: fields });
  }
  return persistence;
}

/** What every put and get has in common. */
export interface Common {
  readonly identifier: string;
  readonly global: boolean;
  readonly persistence: Persistence;
  readonly priority: Priority;
  readonly verbosity: number;
  /** -1: for ever. */
  readonly retries: number;
  readonly clientToken: string | undefined;
  readonly realTime: boolean;
}

export function commonOf({ fields }: FcpMessage, defaultPriority: Priority): Common {
  const identifier = identifierOf(fields);
  return {
    identifier,
    global: booleanOf(fields, 'Global', false),
    persistence: persistenceOf(fields),
    priority: priorityOf(fields, defaultPriority),
    verbosity: integerOf(fields, 'Verbosity', 0, -(2 ** 31), 2 ** 31) & 0x7fffffff,
    retries: integerOf(fields, 'MaxRetries', 0, -1, 2 ** 31),
    clientToken: fields.get('ClientToken'),
    realTime: booleanOf(fields, 'RealTimeFlag', false),
  };
}
