/**
 * The listing of a directory: which path is which part of which document. It is itself a document, marked in its manifest.
 *
 * Shape   version 1, zero 3; documents: count u32, each routing key 32, secret 32, key type, codec, zero 2, size u64; entries: count u32, each
 *         document u32, offset u64, size u64, path (u16 length, UTF-8), in ascending order of the path's bytes; default document: u32, its entry counted from 1,
 *         or 0. An empty file has document and offset 0.
 * Errors  LocalError bad_manifest for whatever breaks a bound: the publisher wrote it. pathFault says in words what is wrong with a path.
 * Why     paths, not nested directories: nothing nests, so nothing can be deep or cyclic. Small files share a document, because each
 *         document costs at least one block at eight places; a file is then a range of it. There is no time, owner or mode in it.
 * Source  design § 6 (Manifest); PROTOCOL.md § 9.6.
 * @module
 */
import { LocalError } from '../errors.ts';
import { ROUTING_KEY_BYTES, type RoutingKey, routingKey } from '../ids.ts';
import {
  DIRECTORY_ENTRIES_MAX,
  DIRECTORY_LISTING_BYTES_MAX,
  DIRECTORY_NAME_BYTES_MAX,
  DIRECTORY_PATH_BYTES_MAX,
  DIRECTORY_PATH_NAMES_MAX,
} from '../limits.ts';
import { DOCUMENT_SECRET_BYTES } from './client-chk.ts';
import { SIZE_MAX } from './document-shape.ts';
import { CODEC, type Codec } from './uri.ts';

export interface ListedDocument {
  readonly routingKey: RoutingKey;
  readonly cryptoKey: Uint8Array;
  readonly keyType: 0 | 1;
  readonly codec: Codec;
  readonly sizeBytes: number;
}

export interface ListedFile {
  /** Names with slashes between them. */
  readonly path: string;
  /** Index into the documents, and where in that document the file stands. */
  readonly document: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface Listing {
  readonly documents: readonly ListedDocument[];
  /** In ascending order of the path's UTF-8 bytes, each path once. */
  readonly files: readonly ListedFile[];
  /** Path of the file that stands for the whole. */
  readonly defaultPath: string | undefined;
}

const VERSION = 1;
const DOCUMENT_BYTES = ROUTING_KEY_BYTES + DOCUMENT_SECRET_BYTES + 12;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const FILE_BYTES_MIN = 4 + 8 + 8 + 2 + 1;

/** What is wrong with a path in a directory, or undefined. The same rules hold when publishing and when reading. */
export function pathFault(path: string): string | undefined {
  if (!path.isWellFormed() || /[\u0000-\u001f\u007f-\u009f\\]/.test(path))
    return 'it holds a control character or a backslash';
  if (isLonger(path, DIRECTORY_PATH_BYTES_MAX)) return `it is longer than ${DIRECTORY_PATH_BYTES_MAX} bytes`;
  const names = path.split('/');
  if (names.length > DIRECTORY_PATH_NAMES_MAX) return `it is more than ${DIRECTORY_PATH_NAMES_MAX} folders deep`;
  for (const name of names) {
    if (name === '' || name === '.' || name === '..') return 'a name in it is empty, "." or ".."';
    if (isLonger(name, DIRECTORY_NAME_BYTES_MAX))
      return `a name in it is longer than ${DIRECTORY_NAME_BYTES_MAX} bytes`;
  }
  return undefined;
}

/** Than so many bytes of UTF-8, of which a character of a string is at most three. */
function isLonger(text: string, bytesMax: number): boolean {
  return text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax;
}

/** The first path that is both a file and a folder of another, in files of which each path occurs once. */
export function findPathConflict(paths: readonly string[]): string | undefined {
  const folders = new Set<string>();
  for (const path of paths)
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) folders.add(path.slice(0, at));
  return paths.find((path) => folders.has(path));
}

/** Order of the UTF-8 bytes, which is not the order of JavaScript's strings above U+FFFF. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

/** @param listing within all bounds; files in any order */
export function encodeListing({ documents, files, defaultPath }: Listing): Uint8Array {
  const sorted = files
    .map((file) => ({ ...file, name: new TextEncoder().encode(file.path) }))
    .sort((a, b) => Buffer.compare(a.name, b.name));
  const bytes = sorted.reduce(
    (sum, { name }) => sum + FILE_BYTES_MIN - 1 + name.length,
    16 + documents.length * DOCUMENT_BYTES,
  );
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  out[0] = VERSION;
  view.setUint32(4, documents.length);
  let at = 8;
  for (const { routingKey: key, cryptoKey, keyType, codec, sizeBytes } of documents) {
    out.set(key, at);
    out.set(cryptoKey, at + 32);
    out.set([keyType, codec], at + 64);
    view.setBigUint64(at + 68, BigInt(sizeBytes));
    at += DOCUMENT_BYTES;
  }
  view.setUint32(at, sorted.length);
  at += 4;
  for (const { document, offset, sizeBytes, name } of sorted) {
    view.setUint32(at, document);
    view.setBigUint64(at + 4, BigInt(offset));
    view.setBigUint64(at + 12, BigInt(sizeBytes));
    view.setUint16(at + 20, name.length);
    out.set(name, at + 22);
    at += 22 + name.length;
  }
  view.setUint32(at, sorted.findIndex(({ path }) => path === defaultPath) + 1);
  return out;
}

/** @param bytes of a document whose hash held */
export function decodeListing(bytes: Uint8Array): Listing {
  if (bytes.length > DIRECTORY_LISTING_BYTES_MAX) refuse('its listing is larger than allowed');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const skip = (length: number): number => {
    if (length > bytes.length - at) refuse('its listing is cut off');
    at += length;
    return at - length;
  };
  if (view.byteLength < 4 || view.getUint32(skip(4)) !== VERSION << 24)
    refuse('the version of its listing is not known here');

  const documentCount = view.getUint32(skip(4));
  if (documentCount > DIRECTORY_ENTRIES_MAX || documentCount * DOCUMENT_BYTES > bytes.length - at)
    refuse('its listing names too many documents');
  const documents = Array.from({ length: documentCount }, () => readDocument(bytes, view, skip(DOCUMENT_BYTES)));

  const fileCount = view.getUint32(skip(4));
  if (fileCount > DIRECTORY_ENTRIES_MAX || fileCount * FILE_BYTES_MIN > bytes.length - at)
    refuse('its listing names too many files');
  const files: ListedFile[] = [];
  let before = new Uint8Array(0);
  for (let i = 0; i < fileCount; i++) {
    const start = skip(22);
    const nameAt = skip(view.getUint16(start + 20));
    const name = bytes.subarray(nameAt, at);
    if (i > 0 && Buffer.compare(before, name) >= 0) refuse('its files are out of order, or one stands in it twice');
    before = name as Uint8Array<ArrayBuffer>;
    const file = {
      document: view.getUint32(start),
      offset: readSize(view, start + 4),
      sizeBytes: readSize(view, start + 12),
      path: decodePath(name),
    };
    requireRange(file, documents);
    files.push(file);
  }
  const isFolder = findPathConflict(files.map(({ path }) => path));
  if (isFolder !== undefined) refuse('one of its files is also a folder');
  const chosen = view.getUint32(skip(4));
  if (chosen > files.length) refuse('its default document is none of its files');
  if (at !== bytes.length) refuse('bytes follow the end of its listing');
  return { documents, files, defaultPath: files[chosen - 1]?.path };
}

function readDocument(bytes: Uint8Array, view: DataView, at: number): ListedDocument {
  const keyType = bytes[at + 64]!;
  const codec = bytes[at + 65]!;
  if (keyType > 1 || codec > (keyType === 1 ? CODEC.zstd : CODEC.none) || view.getUint16(at + 66) !== 0) {
    refuse('one of its documents is of a kind not known here');
  }
  return {
    routingKey: routingKey(bytes.slice(at, at + 32)),
    cryptoKey: bytes.slice(at + 32, at + 64),
    keyType: keyType as 0 | 1,
    codec: codec as Codec,
    sizeBytes: readSize(view, at + 68),
  };
}

function readSize(view: DataView, at: number): number {
  const size = view.getBigUint64(at);
  if (size > BigInt(SIZE_MAX)) refuse('a size in its listing is larger than any document');
  return Number(size);
}

function requireRange({ document, offset, sizeBytes }: ListedFile, documents: readonly ListedDocument[]): void {
  if (sizeBytes === 0) {
    if (document !== 0 || offset !== 0) refuse('an empty file stands somewhere');
  } else if (offset + sizeBytes > (documents[document]?.sizeBytes ?? 0)) {
    refuse('a file lies outside of its document');
  }
}

function decodePath(bytes: Uint8Array): string {
  let path: string;
  try {
    path = UTF8.decode(bytes);
  } catch {
    return refuse('a path in its listing is no text');
  }
  const fault = pathFault(path);
  return fault === undefined ? path : refuse(`a path in its listing is not acceptable: ${fault}`);
}

function refuse(detail: string): never {
  throw new LocalError('bad_manifest', detail);
}
