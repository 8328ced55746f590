/**
 * How one table row defines a message: name, number, version, fields in wire order with their bounds. The type follows from it.
 *
 * Shape   on the wire a message is the msgpack array [number, field, field, ...]. Fields are only ever appended; a decoder
 *         ignores extra trailing ones and refuses missing ones.
 * Errors  bounds are checked by the codec, on encoding (RangeError: our fault) and decoding (ProtocolError ERR_FIELD: theirs).
 * Source  style § 6.
 * @module
 */
export interface UintField {
  readonly type: 'uint';
  readonly min: number;
  readonly max: number;
}
export interface BytesField {
  readonly type: 'bytes';
  readonly min: number;
  readonly max: number;
}
export interface ListField<Item extends UintField | BytesField = UintField | BytesField> {
  readonly type: 'list';
  readonly item: Item;
  readonly countMax: number;
}
export type Field = UintField | BytesField | ListField;

/** Unsigned integer in min..max, at most 2^53 - 1. */
export function uint(min: number, max: number): UintField {
  return { type: 'uint', min, max };
}
/** Exactly `length` bytes. */
export function bytes(length: number): BytesField {
  return { type: 'bytes', min: length, max: length };
}
export function bytesUpTo(max: number, min = 0): BytesField {
  return { type: 'bytes', min, max };
}
export function list<Item extends UintField | BytesField>(item: Item, countMax: number): ListField<Item> {
  return { type: 'list', item, countMax };
}

export type ValueOf<F> = F extends UintField
  ? number
  : F extends BytesField
    ? Uint8Array
    : F extends ListField<infer Item>
      ? ValueOf<Item>[]
      : never;

export interface MessageType<
  Name extends string = string,
  Fields extends Record<string, Field> = Record<string, Field>,
> {
  readonly name: Name;
  readonly number: number;
  /** The protocol version that introduced it. */
  readonly since: number;
  readonly fields: Fields;
}

export function message<const Name extends string, const Fields extends Record<string, Field>>(
  name: Name,
  number: number,
  since: number,
  fields: Fields,
): MessageType<Name, Fields> {
  return { name, number, since, fields };
}

export type BodyOf<M> =
  M extends MessageType<infer _Name, infer Fields> ? { -readonly [K in keyof Fields]: ValueOf<Fields[K]> } : never;
