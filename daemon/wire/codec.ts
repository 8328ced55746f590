/**
 * Messages to bytes and back, by the table in messages.ts.
 *
 * Shape   msgpack array [number, field, field, ...] in the table's order. Extra trailing fields are ignored, so that a later
 *         version may append; everything decoded is a copy, nothing aliases the receive buffer.
 * Errors  decodeMessage: ProtocolError ERR_MALFORMED (does not parse) or ERR_FIELD (unknown number, missing field, wrong type, out
 *         of bounds), nothing else. encodeMessage: RangeError, for then we broke our own bounds.
 * Why     the scanner runs first (scan.ts says why); integers stay within 32 bits because msgpackr writes larger ones as floats.
 * Source  style § 6; libraries.md § 4.
 * @module
 */
import { Packr } from 'msgpackr';
import { assert, ProtocolError } from '../errors.ts';
import { ANNOUNCE_REPLY_DESCRIPTORS_MAX, PEER_CLAIMS_MAX } from '../limits.ts';
import { MESSAGES, type Message, type MessageName } from './messages.ts';
import { scan } from './scan.ts';
import type { Field, MessageType } from './schema.ts';

/** The longest list, and room for fields that later versions append. */
const ELEMENTS_MAX = Math.max(PEER_CLAIMS_MAX, ANNOUNCE_REPLY_DESCRIPTORS_MAX) + 64;
const UINT_MAX = 0xffff_ffff;

/** Without records, maps of types, or bundled strings: what is left is plain msgpack. */
const packr = new Packr({
  useRecords: false,
  structuredClone: false,
  moreTypes: false,
  bundleStrings: false,
  int64AsType: 'bigint',
});

interface Row {
  readonly name: MessageName;
  readonly number: number;
  readonly fields: readonly (readonly [name: string, field: Field])[];
}

/** The compiler refuses a table whose keys and message names differ. */
const TABLE: { readonly [Name in MessageName]: MessageType<Name> } = MESSAGES;
const BY_NAME = new Map<string, Row>();
const BY_NUMBER = new Map<number, Row>();
for (const name of Object.keys(TABLE) as MessageName[]) {
  const row: Row = { name, number: TABLE[name].number, fields: Object.entries(TABLE[name].fields) };
  assert(!BY_NUMBER.has(row.number), 'a message number is used once');
  for (const [, field] of row.fields) {
    const inner = field.type === 'list' ? field.item : field;
    assert(inner.type !== 'uint' || inner.max <= UINT_MAX, 'an integer field has at most 32 bits');
  }
  BY_NAME.set(name, row);
  BY_NUMBER.set(row.number, row);
}

/** The bytes of a message frame; a fresh array. */
export function encodeMessage(message: Message): Uint8Array {
  const row = BY_NAME.get(message.type);
  if (row === undefined) throw new RangeError('not a message of the table');
  const body = message as unknown as Readonly<Record<string, unknown>>;
  const values: unknown[] = [row.number];
  for (const [name, field] of row.fields) {
    const value = body[name];
    if (!fits(field, value)) throw new RangeError(`${row.name}.${name} breaks its bounds`);
    values.push(value);
  }
  return new Uint8Array(packr.pack(values)); // pack() hands out a view of a pool it keeps
}

export function decodeMessage(bytes: Uint8Array): Message {
  const values = unpackArray(bytes, ELEMENTS_MAX);
  const row = BY_NUMBER.get(values[0] as number);
  if (row === undefined) throw new ProtocolError('ERR_FIELD', 'an unknown message number');
  const message: Record<string, unknown> = { type: row.name };
  for (let i = 0; i < row.fields.length; i++) {
    const [name, field] = row.fields[i]!;
    const value = values[i + 1];
    if (!fits(field, value))
      throw new ProtocolError('ERR_FIELD', `${row.name}.${name} is missing or breaks its bounds`);
    message[name] = copied(field, value);
  }
  return message as unknown as Message;
}

/** Packs plain arrays of integers, bytes and such arrays (descriptor.ts uses it too); a fresh array. */
export function packArray(values: readonly unknown[]): Uint8Array {
  return new Uint8Array(packr.pack(values));
}

/** Scans, then unpacks. Byte strings in the result are views of `bytes`: copy what is kept. */
export function unpackArray(bytes: Uint8Array, elementsMax: number): readonly unknown[] {
  scan(bytes, elementsMax);
  let values: unknown;
  try {
    values = packr.unpack(bytes.subarray(0)); // a view of its own: msgpackr hangs a property on what it reads
  } catch (cause) {
    throw new ProtocolError('ERR_MALFORMED', 'msgpack does not parse', { cause });
  }
  if (!Array.isArray(values)) throw new ProtocolError('ERR_MALFORMED', 'not an array');
  return values;
}

function fits(field: Field, value: unknown): boolean {
  switch (field.type) {
    case 'uint':
      return typeof value === 'number' && Number.isInteger(value) && value >= field.min && value <= field.max;
    case 'bytes':
      return value instanceof Uint8Array && value.length >= field.min && value.length <= field.max;
    case 'list':
      return Array.isArray(value) && value.length <= field.countMax && value.every((item) => fits(field.item, item));
  }
  field satisfies never;
}

function copied(field: Field, value: unknown): unknown {
  if (field.type === 'uint') return value;
  if (field.type === 'bytes') return new Uint8Array(value as Uint8Array); // never a Buffer's slice: that is a view
  return field.item.type === 'uint' ? value : (value as Uint8Array[]).map((item) => new Uint8Array(item));
}
