/**
 * Relay messages: what client and last hop say to each other inside all layers.
 *
 * Shape   type 1, flags 1 (zero, ignored), length 2, request id 4, data, zero pad; numbers big-endian. One cell, one message.
 *         FETCH    kind 1, replica 1, zero 2, key 32
 *         INSERT   kind 1, replica 1, owners 1, zero 1, key 32, work 8, block or record
 *         EXTEND   descriptor length 2, signed descriptor, CREATE data 1,328
 *         EXTENDED CREATED data 1,152
 *         DATA     block or record            COLLISION  the record that stands there
 *         INSERTED copies 1, zero 3           FAILED     code 1, work bits 1, zero 2, retry milliseconds 4
 *         PADDING  nothing; dropped by whoever gets it
 * Unit    request ids count up from 1 per circuit; EXTEND, EXTENDED and PADDING carry 0.
 * Errors  decoders answer undefined: the other end of the circuit broke the protocol and the circuit is destroyed.
 * Why     a message goes into a small cell if it fits there, so the size tells a block from everything else, and nothing more.
 * Source  formats.md, rows relay message, large cell, EXTEND, Insert of a block; design § 8 for the outcomes.
 * @module
 */
import type { CellSize } from '../../crypto/cell-cipher.ts';
import { CIRCUIT_ANSWER_BYTES, CIRCUIT_REQUEST_BYTES } from '../../crypto/ntor.ts';
import { type BlockRef, KIND, type Kind, type Replica, ROUTING_KEY_BYTES, routingKey } from '../ids.ts';
import {
  BLOCK_BYTES,
  CELL_LARGE_BYTES,
  CELL_SMALL_BYTES,
  DESCRIPTOR_BYTES_MAX,
  POINTER_RECORD_BYTES,
  REPLICAS,
} from '../limits.ts';
import { bodyOf, CELL_HEADER_BYTES } from './cell.ts';
import { plaintextBytes } from './hop.ts';
import type { RemoteFetch, RemoteInsert } from './onion-types.ts';

export const RELAY = {
  padding: 0,
  extend: 1,
  extended: 2,
  fetch: 3,
  insert: 4,
  data: 5,
  inserted: 6,
  collision: 7,
  failed: 8,
} as const;

export const RELAY_HEADER_BYTES = 8;
const FETCH_BYTES = 4 + ROUTING_KEY_BYTES;
const WORK_BYTES = 8;
const INSERT_HEAD_BYTES = FETCH_BYTES + WORK_BYTES;
const OWNERS_MAX = 8;
const WORK_BITS_MAX = 16;
/** As in the routed message RecentlyFailed. */
const RETRY_MS_MAX = 600_000;

export interface RelayMessage {
  readonly type: number;
  readonly requestId: number;
  /** A view of the plaintext it was read from. */
  readonly data: Uint8Array;
}

/** The smallest cell that takes `dataBytes` for the hop at `position`, or undefined. */
export function cellSizeFor(dataBytes: number, position: number): CellSize | undefined {
  const fits = (cellBytes: number): boolean =>
    dataBytes <= plaintextBytes(cellBytes - CELL_HEADER_BYTES, position) - RELAY_HEADER_BYTES;
  if (fits(CELL_SMALL_BYTES)) return 'small';
  return fits(CELL_LARGE_BYTES) ? 'large' : undefined;
}

/** Writes a message at the start of a fresh cell's body; the parts of the data are joined. */
export function writeRelayMessage(
  cell: Uint8Array,
  type: number,
  requestId: number,
  parts: readonly Uint8Array[],
): void {
  const body = bodyOf(cell);
  let at = RELAY_HEADER_BYTES;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  const dataBytes = at - RELAY_HEADER_BYTES;
  body[0] = type;
  body[2] = dataBytes >>> 8;
  body[3] = dataBytes;
  body[4] = requestId >>> 24;
  body[5] = requestId >>> 16;
  body[6] = requestId >>> 8;
  body[7] = requestId;
}

export function readRelayMessage(plaintext: Uint8Array): RelayMessage | undefined {
  if (plaintext.length < RELAY_HEADER_BYTES) return undefined;
  const dataBytes = (plaintext[2]! << 8) | plaintext[3]!;
  if (dataBytes > plaintext.length - RELAY_HEADER_BYTES) return undefined;
  return {
    type: plaintext[0]!,
    requestId: readUint32(plaintext, 4),
    data: plaintext.subarray(RELAY_HEADER_BYTES, RELAY_HEADER_BYTES + dataBytes),
  };
}

export function encodeFetch(ref: BlockRef, replica: Replica): Uint8Array {
  const data = new Uint8Array(FETCH_BYTES);
  data[0] = ref.kind;
  data[1] = replica;
  data.set(ref.key, 4);
  return data;
}

export interface FetchRequest {
  readonly ref: BlockRef;
  readonly replica: Replica;
}

export function decodeFetch(data: Uint8Array): FetchRequest | undefined {
  if (data.length !== FETCH_BYTES || data[2] !== 0 || data[3] !== 0) return undefined;
  return decodeRef(data);
}

/** What stands before the payload of an INSERT. */
export function encodeInsertHead(ref: BlockRef, replica: Replica, owners: number, work: Uint8Array): Uint8Array {
  const data = new Uint8Array(INSERT_HEAD_BYTES);
  data[0] = ref.kind;
  data[1] = replica;
  data[2] = owners;
  data.set(ref.key, 4);
  data.set(work, FETCH_BYTES);
  return data;
}

export interface InsertRequest extends FetchRequest {
  readonly owners: number;
  readonly work: Uint8Array;
  readonly payload: Uint8Array;
}

export function decodeInsert(data: Uint8Array): InsertRequest | undefined {
  const payload = data.subarray(INSERT_HEAD_BYTES);
  if (!isPayload(payload)) return undefined;
  const owners = data[2]!;
  const request = decodeRef(data);
  if (request === undefined || owners < 1 || owners > OWNERS_MAX || data[3] !== 0) return undefined;
  return { ...request, owners, work: data.subarray(FETCH_BYTES, INSERT_HEAD_BYTES), payload };
}

function decodeRef(data: Uint8Array): FetchRequest | undefined {
  const kind = data[0]!;
  const replica = data[1]!;
  if (!isKind(kind) || replica >= REPLICAS) return undefined;
  return { ref: { kind, key: routingKey(data.slice(4, 4 + ROUTING_KEY_BYTES)) }, replica };
}

function isKind(value: number): value is Kind {
  return Object.values(KIND).includes(value as Kind);
}

export function encodeExtend(descriptor: Uint8Array, createData: Uint8Array): Uint8Array {
  const data = new Uint8Array(2 + descriptor.length + createData.length);
  data[0] = descriptor.length >>> 8;
  data[1] = descriptor.length;
  data.set(descriptor, 2);
  data.set(createData, 2 + descriptor.length);
  return data;
}

export function decodeExtend(data: Uint8Array): { descriptor: Uint8Array; createData: Uint8Array } | undefined {
  if (data.length < 2) return undefined;
  const descriptorBytes = (data[0]! << 8) | data[1]!;
  if (descriptorBytes === 0 || descriptorBytes > DESCRIPTOR_BYTES_MAX) return undefined;
  if (data.length !== 2 + descriptorBytes + CIRCUIT_REQUEST_BYTES) return undefined;
  return { descriptor: data.subarray(2, 2 + descriptorBytes), createData: data.subarray(2 + descriptorBytes) };
}

export function isExtended(message: RelayMessage): boolean {
  return message.type === RELAY.extended && message.requestId === 0 && message.data.length === CIRCUIT_ANSWER_BYTES;
}

export function encodeInserted(copies: number): Uint8Array {
  return Uint8Array.of(Math.min(copies, OWNERS_MAX), 0, 0, 0);
}

export function decodeInserted(data: Uint8Array): number | undefined {
  const copies = data[0];
  return data.length === 4 && copies !== undefined && copies <= OWNERS_MAX ? copies : undefined;
}

/** Why a request found no answer, numbered for the wire; numbers are never reused. */
const FAILURES = {
  dataNotFound: 1,
  routeNotFound: 2,
  rejectedLoop: 3,
  rejectedOverload: 4,
  recentlyFailed: 5,
  badBlock: 6,
  timeout: 7,
} as const;
type FailureName = keyof typeof FAILURES;

type PlainFailureName = Exclude<FailureName, 'rejectedOverload' | 'recentlyFailed'>;
export type Failure =
  | { [Name in PlainFailureName]: { readonly type: Name } }[PlainFailureName]
  | { readonly type: 'rejectedOverload'; readonly retryMs: number; readonly workBits: number }
  | { readonly type: 'recentlyFailed'; readonly retryMs: number };

export function encodeFailure(failure: Failure): Uint8Array {
  const data = new Uint8Array(8);
  data[0] = FAILURES[failure.type];
  if (failure.type === 'rejectedOverload') data[1] = Math.min(failure.workBits, WORK_BITS_MAX);
  const retryMs = 'retryMs' in failure ? Math.min(failure.retryMs, RETRY_MS_MAX) : 0;
  new DataView(data.buffer).setUint32(4, retryMs);
  return data;
}

export function decodeFailure(data: Uint8Array): Failure | undefined {
  if (data.length !== 8) return undefined;
  const retryMs = readUint32(data, 4);
  const workBits = data[1]!;
  if (retryMs > RETRY_MS_MAX || workBits > WORK_BITS_MAX) return undefined;
  const names = Object.keys(FAILURES) as FailureName[];
  const type = names.find((name) => FAILURES[name] === data[0]);
  if (type === undefined) return undefined;
  if (type === 'rejectedOverload') return { type, retryMs, workBits };
  if (type === 'recentlyFailed') return { type, retryMs };
  return { type };
}

/** What an exit may answer to FETCH. */
export function decodeFetchAnswer({ type, data }: RelayMessage): RemoteFetch | undefined {
  if (type === RELAY.data) return isPayload(data) ? { type: 'data', payload: data } : undefined;
  const failure = type === RELAY.failed ? decodeFailure(data) : undefined;
  return failure?.type === 'badBlock' ? undefined : failure;
}

/** What an exit may answer to INSERT. */
export function decodeInsertAnswer({ type, data }: RelayMessage): RemoteInsert | undefined {
  if (type === RELAY.collision) return isPayload(data) ? { type: 'collision', payload: data } : undefined;
  if (type === RELAY.inserted) {
    const copies = decodeInserted(data);
    return copies === undefined ? undefined : { type: 'inserted', copies };
  }
  const failure = type === RELAY.failed ? decodeFailure(data) : undefined;
  return failure?.type === 'dataNotFound' || failure?.type === 'recentlyFailed' ? undefined : failure;
}

function isPayload(data: Uint8Array): boolean {
  return data.length >= POINTER_RECORD_BYTES && data.length <= BLOCK_BYTES;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 0x100_0000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
}
