/**
 * The manifest: which blocks make up a document. A tree of blocks, the top one named by the URI.
 *
 * Shape   payload, big-endian: version 1, level (0 leaf .. 3), flags (bit 0: top, bit 1: the document lists a directory), zero;
 *         only in the top: size u64, SHA-256 of the file 32, codec 1, with codec 1 the stored size u64, content type (u8 length, ASCII), name
 *         (u16 length, UTF-8);
 *         count u16; leaf: per segment data u16, check u16, then their routing keys; inner: the children's routing keys.
 *         Place of a manifest block: the top is (0, 0), any other (position in its level, 1 + level).
 * Errors  LocalError bad_manifest for whatever breaks a bound or contradicts the size: the publisher wrote it, no node could change it.
 * Why     fixed layout instead of msgpack: nothing nests, so nothing can be made to. Depth is fixed by the level, a cycle would need a hash
 *         of itself, and every count must be the one that `shapeOf` computes from the stored size.
 * Source  design § 6.
 * @module
 */
import { assert, LocalError } from '../errors.ts';
import { ROUTING_KEY_BYTES, type RoutingKey, routingKey } from '../ids.ts';
import {
  BLOCK_PAYLOAD_MAX,
  CONTENT_TYPE_BYTES_MAX,
  DOCUMENT_NAME_BYTES_MAX,
  MANIFEST_DEPTH_MAX,
  MANIFEST_INNER_CHILDREN_MAX,
  MANIFEST_LEAF_SEGMENTS_MAX,
  SEGMENT_DATA_BLOCKS_MAX,
} from '../limits.ts';
import { BLOCK_TYPE, type BlockPlace } from './client-chk.ts';
import { storedBytesRange } from './compression.ts';
import { checkBlocksFor, type DocumentShape, dataBlocksOf, entriesOf, SIZE_MAX, shapeOf } from './document-shape.ts';
import { CODEC, type Codec } from './uri.ts';

export interface DocumentMetadata {
  readonly contentType: string | undefined;
  readonly name: string | undefined;
}

export interface ManifestTop extends DocumentMetadata {
  readonly sizeBytes: number;
  readonly codec: Codec;
  /** What the blocks hold: the size, or less where it is compressed. */
  readonly storedBytes: number;
  readonly sha256: Uint8Array;
  /** The document is the listing of a directory (listing.ts). */
  readonly isListing: boolean;
}

/** Keys of one segment: data blocks, then check blocks. */
export interface SegmentKeys {
  readonly dataCount: number;
  readonly keys: readonly RoutingKey[];
}

export interface ManifestNode {
  readonly level: number;
  readonly top: ManifestTop | undefined;
  /** Of a leaf; empty otherwise. */
  readonly segments: readonly SegmentKeys[];
  /** Of an inner block; empty otherwise. */
  readonly children: readonly RoutingKey[];
}

const VERSION = 1;
const FLAG_TOP = 1;
const FLAG_LISTING = 2;
const HASH_BYTES = 32;

export function manifestPlace(level: number, position: number, top: boolean): BlockPlace {
  return top
    ? { type: BLOCK_TYPE.manifest, segment: 0, index: 0 }
    : { type: BLOCK_TYPE.manifest, segment: position, index: 1 + level };
}

/** Content type and name as they stand in the manifest: also what a convergent secret binds. */
export function encodeMetadata(metadata: DocumentMetadata): Uint8Array {
  const type = new TextEncoder().encode(metadata.contentType ?? '');
  const name = new TextEncoder().encode(metadata.name ?? '');
  const out = new Uint8Array(3 + type.length + name.length);
  out[0] = type.length;
  out.set(type, 1);
  new DataView(out.buffer).setUint16(1 + type.length, name.length);
  out.set(name, 3 + type.length);
  return out;
}

/** Says what is wrong with metadata a user gave, or undefined. The same rules hold when reading. */
export function metadataFault(metadata: DocumentMetadata): string | undefined {
  const { contentType = '', name = '' } = metadata;
  if (!/^[\x20-\x7e]*$/.test(contentType) || contentType.length > CONTENT_TYPE_BYTES_MAX) {
    return `the content type is not printable ASCII of at most ${CONTENT_TYPE_BYTES_MAX} characters`;
  }
  if (!name.isWellFormed() || /[\u0000-\u001f\u007f]/.test(name)) return 'the name holds a control character';
  if (new TextEncoder().encode(name).length > DOCUMENT_NAME_BYTES_MAX) {
    return `the name is longer than ${DOCUMENT_NAME_BYTES_MAX} bytes`;
  }
  return undefined;
}

export function encodeManifest(node: ManifestNode): Uint8Array {
  const out = new Uint8Array(BLOCK_PAYLOAD_MAX);
  const view = new DataView(out.buffer);
  let at = 4;
  const put = (bytes: Uint8Array): void => {
    assert(at + bytes.length <= out.length, 'a manifest block fits its block');
    out.set(bytes, at);
    at += bytes.length;
  };
  const put16 = (value: number): void => {
    view.setUint16(at, value);
    at += 2;
  };
  const flags = node.top === undefined ? 0 : FLAG_TOP | (node.top.isListing ? FLAG_LISTING : 0);
  out.set([VERSION, node.level, flags, 0]);
  if (node.top !== undefined) {
    view.setBigUint64(at, BigInt(node.top.sizeBytes));
    at += 8;
    put(node.top.sha256);
    put(Uint8Array.of(node.top.codec));
    if (node.top.codec === CODEC.zstd) {
      view.setBigUint64(at, BigInt(node.top.storedBytes));
      at += 8;
    }
    put(encodeMetadata(node.top));
  }
  if (node.level === 0) {
    put16(node.segments.length);
    for (const segment of node.segments) {
      put16(segment.dataCount);
      put16(segment.keys.length - segment.dataCount);
      for (const key of segment.keys) put(key);
    }
  } else {
    put16(node.children.length);
    for (const key of node.children) put(key);
  }
  return out.slice(0, at);
}

/** @param payload of a block whose seal held; at most 32,736 bytes */
export function decodeManifest(payload: Uint8Array): ManifestNode {
  const reader = new Reader(payload);
  if (reader.u8() !== VERSION) refuse('its version is not known here');
  const level = reader.u8();
  if (level >= MANIFEST_DEPTH_MAX) refuse('it is deeper than allowed');
  const flags = reader.u8();
  if (flags > (FLAG_TOP | FLAG_LISTING) || flags === FLAG_LISTING || reader.u8() !== 0) refuse('reserved bits are set');
  const top = flags === 0 ? undefined : readTop(reader, flags !== FLAG_TOP);
  const count = reader.u16();
  if (count < 1 || count > (level === 0 ? MANIFEST_LEAF_SEGMENTS_MAX : MANIFEST_INNER_CHILDREN_MAX)) {
    refuse('it lists more or fewer entries than allowed');
  }
  const segments: SegmentKeys[] = [];
  let children: RoutingKey[] = [];
  if (level === 0) for (let i = 0; i < count; i++) segments.push(readSegment(reader));
  else children = reader.keys(count);
  if (!reader.atEnd) refuse('bytes follow its end');
  return { level, top, segments, children };
}

/**
 * The top block, with every count that its stated size implies checked.
 * @param codec as the URI and the block's header say
 */
export function decodeTop(
  payload: Uint8Array,
  codec: Codec,
): { node: ManifestNode; top: ManifestTop; shape: DocumentShape } {
  const node = decodeManifest(payload);
  if (node.top === undefined) refuse('its first block is not a top block');
  if (node.top!.codec !== codec) refuse('its compression is not the one of its key');
  const shape = shapeOf(node.top!.storedBytes);
  requireShape(node, shape, shape.levels.length - 1, 0);
  return { node, top: node.top!, shape };
}

/** A block below the top, at a known place of a known shape. */
export function decodeInner(payload: Uint8Array, shape: DocumentShape, level: number, position: number): ManifestNode {
  const node = decodeManifest(payload);
  if (node.top !== undefined) refuse('a block below the top says it is the top');
  requireShape(node, shape, level, position);
  return node;
}

function requireShape(node: ManifestNode, shape: DocumentShape, level: number, position: number): void {
  if (node.level !== level) refuse('its depth contradicts its size');
  const entries = level === 0 ? node.segments.length : node.children.length;
  if (entries !== entriesOf(shape, level, position)) refuse('its entries contradict its size');
  node.segments.forEach((segment, i) => {
    if (segment.dataCount !== dataBlocksOf(shape, position * MANIFEST_LEAF_SEGMENTS_MAX + i)) {
      refuse('its data blocks contradict its size');
    }
  });
}

function readTop(reader: Reader, isListing: boolean): ManifestTop {
  const sizeBytes = readSize(reader);
  const sha256 = reader.bytes(HASH_BYTES).slice();
  const codec = reader.u8();
  if (codec !== CODEC.none && codec !== CODEC.zstd) refuse('its compression is not known here');
  const storedBytes = codec === CODEC.zstd ? readSize(reader) : sizeBytes;
  const { min, max } = storedBytesRange(sizeBytes);
  if (codec === CODEC.zstd && (sizeBytes === 0 || storedBytes < min || storedBytes > max)) {
    refuse('its two sizes contradict each other');
  }
  const type = reader.bytes(reader.u8());
  const name = reader.bytes(reader.u16());
  const metadata = { contentType: decodeText(type), name: decodeText(name) };
  if (metadataFault(metadata) !== undefined) refuse('its content type or name is not acceptable text');
  return { sizeBytes, sha256, isListing, codec: codec as Codec, storedBytes, ...metadata };
}

function readSize(reader: Reader): number {
  const size = reader.u64();
  if (size > BigInt(SIZE_MAX)) refuse('it claims more bytes than a manifest can hold');
  return Number(size);
}

function decodeText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse('its content type or name is not acceptable text');
  }
}

function readSegment(reader: Reader): SegmentKeys {
  const dataCount = reader.u16();
  const checkCount = reader.u16();
  if (dataCount < 1 || dataCount > SEGMENT_DATA_BLOCKS_MAX || checkCount !== checkBlocksFor(dataCount)) {
    refuse('a segment has more or fewer blocks than allowed');
  }
  return { dataCount, keys: reader.keys(dataCount + checkCount) };
}

function refuse(detail: string): never {
  throw new LocalError('bad_manifest', detail);
}

/** Reads forward over untrusted bytes; running out of them is bad_manifest. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  bytes(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) refuse('it is cut off');
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  u8(): number {
    return this.bytes(1)[0]!;
  }

  u16(): number {
    this.bytes(2);
    return this.#view.getUint16(this.#at - 2);
  }

  u64(): bigint {
    this.bytes(8);
    return this.#view.getBigUint64(this.#at - 8);
  }

  /** Copies one array for all keys: the block itself is not kept. */
  keys(count: number): RoutingKey[] {
    const all = this.bytes(count * ROUTING_KEY_BYTES).slice();
    return Array.from({ length: count }, (_, i) =>
      routingKey(all.subarray(i * ROUTING_KEY_BYTES, (i + 1) * ROUTING_KEY_BYTES)),
    );
  }
}
