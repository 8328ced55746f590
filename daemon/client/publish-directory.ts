/**
 * Publishing a directory: its files packed into documents, then the listing that names them.
 *
 * Shape   files of at most one segment's bytes share documents of up to four segments, in the order given; a larger one is a document of
 *         its own. Resolves to the URI of the listing.
 * Errors  LocalError usage for paths, counts or a default document that cannot be; what publish.ts says otherwise.
 * Why     two thousand small files as documents of their own would be sixteen thousand inserts; packed they are a handful of segments. Four
 *         segments bound what a change of one small file makes somebody insert again.
 * Source  design § 6 (Manifest); listing.ts.
 * @module
 */
import { createSha256Stream } from '../../crypto/sha256-stream.ts';
import { LocalError } from '../errors.ts';
import { DIRECTORY_ENTRIES_MAX, DIRECTORY_LISTING_BYTES_MAX } from '../limits.ts';
import type { DirectoryFile, DirectoryOptions } from './client-types.ts';
import { SEGMENT_BYTES_MAX } from './document-shape.ts';
import {
  comparePaths,
  encodeListing,
  findPathConflict,
  type ListedDocument,
  type ListedFile,
  pathFault,
} from './listing.ts';
import { checkedMetadata, type PublishDeps, type PublishNotes, type PublishSession, withSession } from './publish.ts';
import { joinListing, type KeptFile, type SiteReuse } from './site.ts';
import type { Watchdog } from './timing.ts';
import type { Transfer } from './transfers.ts';
import { parseUri, printUri, URI_KEY_TYPE } from './uri.ts';

const PACKED_FILE_BYTES_MAX = SEGMENT_BYTES_MAX;
const PACK_BYTES_MAX = 4 * SEGMENT_BYTES_MAX;
const NO_METADATA = { contentType: undefined, name: undefined } as const;

export async function publishDirectory(
  deps: PublishDeps,
  files: AsyncIterable<DirectoryFile>,
  options: DirectoryOptions,
  transfer: Transfer,
  watchdog: Watchdog,
  notes?: PublishNotes,
  reuse?: SiteReuse,
): Promise<string> {
  const metadata = checkedMetadata(options);
  const iterator = files[Symbol.asyncIterator]();
  try {
    return await withSession(deps, options, transfer, watchdog, notes, async (session) => {
      const packing = new Packing(session, iterator, reuse);
      await packing.run();
      const { documents, files: listed } = joinListing(packing, packing.kept);
      const { defaultPath } = options;
      if (listed.length === 0) throw new LocalError('usage', 'the folder holds no file to publish');
      if (defaultPath !== undefined && !listed.some(({ path }) => path === defaultPath)) {
        throw new LocalError('usage', 'the default document is none of the files in the folder');
      }
      const conflict = findPathConflict(listed.map(({ path }) => path));
      if (conflict !== undefined) throw new LocalError('usage', 'one of its files is also a folder');
      const bytes = encodeListing({ documents, files: listed, defaultPath });
      if (bytes.length > DIRECTORY_LISTING_BYTES_MAX) {
        throw new LocalError(
          'too_large',
          `the names of its files need ${bytes.length} bytes, ${DIRECTORY_LISTING_BYTES_MAX} are allowed`,
        );
      }
      const top = await session.insert(once(bytes), { metadata, isListing: true, isLast: true });
      await session.verify();
      const sizeBytes = listed.reduce((sum, file) => sum + file.sizeBytes, 0);
      transfer.update({ bytes: sizeBytes, totalBytes: sizeBytes });
      if (reuse !== undefined) {
        const keptBytes = packing.kept.reduce((sum, file) => sum + file.sizeBytes, 0);
        const inserted = listed.length - packing.kept.length;
        transfer.update({ files: { inserted, kept: packing.kept.length, insertedBytes: sizeBytes - keptBytes } });
        const sorted = listed.sort((a, b) => comparePaths(a.path, b.path));
        const hashes = sorted.map(({ path }) => packing.hashes.get(path) ?? new Uint8Array(32));
        reuse.keep({ documents, files: sorted, defaultPath }, hashes);
      }
      return printUri({ ...top, keyType: URI_KEY_TYPE.manifest, type: 'CHK', path: [] });
    });
  } finally {
    iterator.return?.()?.catch(() => {}); // it may hang: not waited for
  }
}

class Packing {
  readonly documents: ListedDocument[] = [];
  readonly files: ListedFile[] = [];
  /** Files that stand already as they are. */
  readonly kept: KeptFile[] = [];
  /** By path, as far as they were given. */
  readonly hashes = new Map<string, Uint8Array>();
  readonly #session: PublishSession;
  readonly #source: AsyncIterator<DirectoryFile>;
  readonly #reuse: SiteReuse | undefined;
  readonly #paths = new Set<string>();
  /** Read, and not yet part of a document. */
  #next: DirectoryFile | undefined;

  constructor(session: PublishSession, source: AsyncIterator<DirectoryFile>, reuse: SiteReuse | undefined) {
    this.#reuse = reuse;
    this.#session = session;
    this.#source = source;
  }

  async run(): Promise<void> {
    await this.#advance();
    while (this.#next !== undefined) {
      if (this.#next.uri !== undefined) {
        await this.#refer(this.#next, this.#next.uri);
        continue;
      }
      const isAlone = this.#next.sizeBytes > PACKED_FILE_BYTES_MAX;
      const source = isAlone ? this.#alone(this.#next) : this.#packed();
      const document = await this.#session.insert(source, { metadata: NO_METADATA, isListing: false, isLast: false });
      this.documents.push(document);
    }
  }

  /** A document that stands already is listed as it is. */
  async #refer(file: DirectoryFile, text: string): Promise<void> {
    const uri = parseUri(text);
    if (uri.type !== 'CHK' || uri.path.length > 1) {
      throw new LocalError('usage', 'a file of a folder can only be the CHK@ key of one document');
    }
    const { routingKey, cryptoKey, keyType, codec } = uri;
    this.#list(file, 0);
    this.documents.push({ routingKey, cryptoKey, keyType, codec, sizeBytes: file.sizeBytes });
    await this.#advance();
  }

  async *#alone(file: DirectoryFile): AsyncGenerator<Uint8Array> {
    yield* exactly(file);
    this.#list(file, 0);
    await this.#advance();
  }

  /** Files until the document is full or a large one comes. */
  async *#packed(): AsyncGenerator<Uint8Array> {
    let offset = 0;
    for (let file = this.#next; file !== undefined; file = this.#next) {
      if (file.uri !== undefined || file.sizeBytes > PACKED_FILE_BYTES_MAX || offset + file.sizeBytes > PACK_BYTES_MAX)
        return;
      yield* exactly(file);
      this.#list(file, offset);
      offset += file.sizeBytes;
      await this.#advance();
    }
  }

  #list({ path, sizeBytes }: DirectoryFile, offset: number): void {
    this.files.push({ path, document: this.documents.length, offset, sizeBytes });
  }

  /** To the next file that holds bytes; empty ones are listed on the way. */
  async #advance(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#source.next();
      this.#next = undefined;
      if (done === true) return;
      this.#requirePath(value.path);
      if (value.sha256 !== undefined) this.hashes.set(value.path, value.sha256);
      const standing = this.#reuse?.find(value);
      if (standing !== undefined) {
        for await (const _ of exactly(value)); // its bytes are in the way of the next file's
        this.kept.push({ path: value.path, sizeBytes: value.sizeBytes, ...standing });
        continue;
      }
      if (value.sizeBytes > 0) {
        this.#next = value;
        return;
      }
      this.files.push({ path: value.path, document: 0, offset: 0, sizeBytes: 0 });
    }
  }

  #requirePath(path: string): void {
    const fault = this.#paths.has(path) ? 'it stands in the folder twice' : pathFault(path);
    if (fault !== undefined) throw new LocalError('usage', `a path cannot be published: ${fault}`);
    this.#paths.add(path);
    if (this.#paths.size > DIRECTORY_ENTRIES_MAX) {
      throw new LocalError('too_large', `a folder may have ${DIRECTORY_ENTRIES_MAX} files`);
    }
  }
}

/** The file's bytes, of which there must be as many as was said, with the hash that was said. */
async function* exactly({ content, sizeBytes, sha256 }: DirectoryFile): AsyncGenerator<Uint8Array> {
  const hash = sha256 === undefined ? undefined : createSha256Stream();
  let missing = sizeBytes;
  for await (const chunk of content) {
    hash?.update(chunk);
    missing -= chunk.length;
    if (missing < 0) break;
    yield chunk;
  }
  const isSame = hash === undefined || Buffer.compare(hash.digest(), sha256!) === 0;
  if (missing !== 0 || !isSame) throw new LocalError('cancelled', 'a file changed while it was read');
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
