/**
 * Fetching what a URI names: a document, a range of it, a file in a directory, or a directory as its files one after the other.
 *
 * Shape   groups of bytes are handed over one at a time, as document-reader.ts gives them.
 * Errors  LocalError: bad_uri, usage (a range of a directory), not_found and its kin (also for a path that a directory lacks), incomplete,
 *         verify_failed, bad_manifest, too_large, stalled, cancelled.
 * Why     one set of circuits for all documents of a directory: they are one thing to the reader, and dealing them over more exits than
 *         a document gets would only show more exits a part of it.
 * Source  design §§ 6, 10.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import { DIRECTORY_LISTING_BYTES_MAX } from '../limits.ts';
import type { CircuitSource, DocumentCircuits } from '../onion/onion-types.ts';
import type { Clock, Compute, Random } from '../ports.ts';
import type { FetchedMetadata, FetchOptions } from './client-types.ts';
import { type OpenDocument, openDocument, type Reading, type ReadResume } from './document-reader.ts';
import type { Handoff } from './handoff.ts';
import { decodeListing, type ListedFile, type Listing } from './listing.ts';
import { type ResolvedUri, resolveUri } from './named-documents.ts';
import type { FetchResume } from './resume-types.ts';
import type { SeenEditions } from './seen-editions.ts';
import { Healer } from './splitfile/heal.ts';
import { scopeWithin, type Watchdog } from './timing.ts';
import type { Transfer } from './transfers.ts';
import { type ChkUri, printUri, type Uri } from './uri.ts';
import { Window } from './window.ts';

export interface FetchDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly compute: Compute;
  readonly circuits: CircuitSource;
  /** Owners wanted for a block at one location, and for each location of a replicated one: what is missing is put back. */
  readonly owners: number;
  readonly ownersReplicated: number;
  readonly seen: SeenEditions;
}

/** Where the results go as they become known. */
export interface FetchSink {
  metadata(metadata: FetchedMetadata): void;
  readonly segments: Handoff<readonly Uint8Array[]>;
}

/** Asked of the circuits before the size is known: as many exits as a large document gets, because they are built only once. */
const BLOCKS_UNKNOWN = 512;

const NOT_A_FOLDER = 'it names a part of a folder, and the key is of a single file';

export async function fetchDocument(
  deps: FetchDeps,
  uri: Uri,
  options: FetchOptions,
  transfer: Transfer,
  watchdog: Watchdog,
  sink: FetchSink,
  resume?: FetchResume,
): Promise<void> {
  transfer.update({ stage: 'connecting' });
  const scope = scopeWithin(transfer.signal);
  let circuits: DocumentCircuits | undefined;
  let healer: Healer | undefined;
  let complete = false;
  try {
    const opened = await deps.circuits.open(
      { trafficClass: options.trafficClass, padding: options.trafficClass === 'strong', blocks: BLOCKS_UNKNOWN },
      scope.signal,
    );
    circuits = opened;
    const window = new Window(
      () => opened.windowBlocks,
      (inFlight) => transfer.update({ blocksInFlight: inFlight }),
    );
    const { clock, random, crypto, owners, ownersReplicated } = deps;
    healer = new Healer({ clock, random, circuits: opened, window, signal: scope.signal });
    const reading: Reading = {
      compute: deps.compute,
      context: {
        clock,
        random,
        crypto,
        circuits: opened,
        window,
        signal: scope.signal,
        healer,
        owners,
        ownersReplicated,
        onBlock() {
          watchdog.touch();
          transfer.countBlock(0);
        },
        onMiss: () => transfer.countMiss(),
        map: transfer.map,
        onAsk: () => transfer.update({ blocksAsked: (transfer.progress.blocksAsked ?? 0) + 1 }),
        ...(resume === undefined ? {} : { kept: resume.kept }),
      },
      onStage: (stage) => transfer.update({ stage }),
      onData(bytes) {
        watchdog.touch();
        transfer.countBlock(
          Math.max(0, Math.min(bytes, (transfer.progress.totalBytes ?? 0) - transfer.progress.bytes)),
        );
      },
    };
    // What they really are, which may be less than was asked for.
    transfer.update({ stage: 'searching top block', exits: opened.exits, trafficClass: opened.trafficClass });
    const resolved = await resolveUri({ ...reading.context, onBlock: () => watchdog.touch() }, uri, deps.seen);
    await new Retrieval(reading, resolved, options, transfer, watchdog, sink, resume).run();
    complete = true;
  } finally {
    const close = (): void => {
      scope.abort(new LocalError('cancelled'));
      circuits?.close();
    };
    // The reader has everything: what is still to be put back does not keep it waiting.
    if (complete && healer?.isIdle === false) transfer.linger(healer.finish().finally(close), scope);
    else close();
  }
}

class Retrieval {
  readonly #reading: Reading;
  readonly #resolved: ResolvedUri;
  readonly #uri: ChkUri;
  readonly #options: FetchOptions;
  readonly #transfer: Transfer;
  readonly #watchdog: Watchdog;
  readonly #sink: FetchSink;
  readonly #resume: FetchResume | undefined;

  constructor(
    reading: Reading,
    resolved: ResolvedUri,
    options: FetchOptions,
    transfer: Transfer,
    watchdog: Watchdog,
    sink: FetchSink,
    resume: FetchResume | undefined,
  ) {
    this.#reading = reading;
    this.#resolved = resolved;
    this.#uri = resolved.chk;
    this.#options = options;
    this.#transfer = transfer;
    this.#watchdog = watchdog;
    this.#sink = sink;
    this.#resume = resume;
  }

  async run(): Promise<void> {
    const document = await openDocument(this.#reading, this.#uri);
    if (document.top?.isListing === true) {
      await this.#runDirectory(document);
      return;
    }
    const { path } = this.#uri;
    if (path.length > 1) throw new LocalError('bad_uri', NOT_A_FOLDER);
    const { sizeBytes, top } = document;
    const { from, to } = this.#rangeOf(sizeBytes);
    this.#expect(document.blocksFor(from, to) + 1);
    this.#announce({ sizeBytes, contentBytes: to - from, contentType: top?.contentType, name: top?.name ?? path[0] });
    const before = this.#resume?.start.contentBytes ?? 0;
    if (before > 0) {
      const blocksHave = this.#transfer.progress.blocksHave + document.blocksFor(from, from + before);
      this.#transfer.update({ bytes: before, blocksHave });
    }
    if (this.#options.listOnly !== true) await this.#handOver(document, from, to, this.#resume);
    this.#transfer.update({ bytes: to - from });
  }

  async #runDirectory(document: OpenDocument): Promise<void> {
    const listing = await this.#readListing(document);
    const { top } = document;
    const path = this.#uri.path.join('/');
    const file = this.#fileAt(listing, path);
    if (file !== undefined) {
      const { from, to } = this.#rangeOf(file.sizeBytes);
      const name = file.path.slice(file.path.lastIndexOf('/') + 1);
      this.#announce({ sizeBytes: file.sizeBytes, contentBytes: to - from, contentType: undefined, name });
      await this.#handOverFiles(listing, [{ ...file, offset: file.offset + from, sizeBytes: to - from }]);
      return;
    }
    const below = path === '' ? '' : `${path}/`;
    const files = listing.files.filter((candidate) => candidate.path.startsWith(below)).sort(byPlace);
    if (files.length === 0) throw new LocalError('not_found', 'the folder was found, but it has no file of that name');
    if (this.#options.range !== undefined)
      throw new LocalError('usage', 'a folder has no byte range; name one file in it');
    const sizeBytes = files.reduce((sum, { sizeBytes: bytes }) => sum + bytes, 0);
    const { defaultPath } = listing;
    this.#announce({
      sizeBytes,
      contentBytes: this.#options.listOnly === true ? 0 : sizeBytes,
      contentType: top?.contentType,
      name: this.#uri.path.at(-1) ?? top?.name,
      directory: {
        files: files.map((each) => ({ path: each.path.slice(below.length), sizeBytes: each.sizeBytes })),
        defaultPath: defaultPath?.startsWith(below) === true ? defaultPath.slice(below.length) : undefined,
      },
    });
    await this.#handOverFiles(listing, files);
  }

  /** @throws LocalError is_folder when a file is wanted and none stands for the folder */
  #fileAt({ files, defaultPath }: Listing, path: string): ListedFile | undefined {
    const file = files.find((candidate) => candidate.path === path);
    if (file !== undefined || this.#options.asFile !== true) return file;
    const below = path === '' ? '' : `${path}/`;
    if (!files.some((candidate) => candidate.path.startsWith(below))) return undefined;
    const chosen = files.find((candidate) => candidate.path === defaultPath && candidate.path.startsWith(below));
    if (chosen === undefined) throw new LocalError('is_folder');
    return chosen;
  }

  /** [from, to) of a file of this size; empty when only metadata is wanted. */
  #rangeOf(sizeBytes: number): { from: number; to: number } {
    const { range, listOnly } = this.#options;
    if (listOnly === true) return { from: 0, to: 0 };
    if (range === undefined) return { from: 0, to: sizeBytes };
    const to = Math.min(range.to, sizeBytes);
    return { from: Math.min(range.from, to), to };
  }

  async #readListing(document: OpenDocument): Promise<Listing> {
    if (document.sizeBytes > DIRECTORY_LISTING_BYTES_MAX) {
      throw new LocalError('bad_manifest', 'its listing is larger than allowed');
    }
    const bytes = new Uint8Array(document.sizeBytes);
    let at = 0;
    for await (const chunks of document.read(0, document.sizeBytes)) {
      for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
    }
    return decodeListing(bytes);
  }

  /** Files in the order given; those that follow one another in one document are read in one go. */
  async #handOverFiles(listing: Listing, files: readonly ListedFile[]): Promise<void> {
    if (this.#options.listOnly === true) return;
    const ranges: { index: number; from: number; to: number }[] = [];
    for (const { document, offset, sizeBytes } of files) {
      const last = ranges.at(-1);
      if (last?.index === document && last.to === offset) last.to += sizeBytes;
      else if (sizeBytes > 0) ranges.push({ index: document, from: offset, to: offset + sizeBytes });
    }
    let open: { index: number; document: OpenDocument } | undefined;
    let done = 0;
    for (const { index, from, to } of ranges) {
      if (this.#resume !== undefined && done + to - from <= this.#resume.start.contentBytes) {
        done += to - from;
        continue;
      }
      const listed = listing.documents[index]!;
      open = open?.index === index ? open : { index, document: await openDocument(this.#reading, listed) };
      if (open.document.sizeBytes !== listed.sizeBytes) {
        throw new LocalError('bad_manifest', 'a document is not as long as the listing says');
      }
      await this.#handOver(open.document, from, to, resumeAfter(this.#resume, done));
      done += to - from;
    }
    this.#transfer.update({ bytes: this.#transfer.progress.totalBytes ?? 0 });
  }

  #expect(blocksNeeded: number): void {
    this.#transfer.update({ blocksNeeded });
  }

  #announce(metadata: FetchedMetadata): void {
    const { maxBytes, listOnly } = this.#options;
    const { contentBytes, sizeBytes, contentType } = metadata;
    this.#transfer.update({ totalBytes: contentBytes, contentType });
    if (maxBytes !== undefined && contentBytes > maxBytes && listOnly !== true) {
      throw new LocalError('too_large', `the document has ${sizeBytes} bytes, the limit is ${maxBytes}`);
    }
    const { chk, edition, isForked } = this.#resolved;
    this.#sink.metadata({
      ...metadata,
      uri: printUri(chk),
      ...(edition === undefined ? {} : { edition }),
      ...(isForked === true ? { isForked } : {}),
    });
  }

  async #handOver(document: OpenDocument, from: number, to: number, resume?: ReadResume): Promise<void> {
    for await (const chunks of document.read(from, to, resume)) {
      await this.#sink.segments.put(chunks);
      this.#watchdog.touch();
    }
  }
}

/** The same for the part of the content that comes after its first `done` bytes. */
function resumeAfter(resume: FetchResume | undefined, done: number): ReadResume | undefined {
  if (resume === undefined) return undefined;
  const { start } = resume;
  const contentBytes = Math.max(0, start.contentBytes - done);
  return {
    start: { contentBytes, storedBytes: contentBytes === 0 ? 0 : start.storedBytes },
    async *before() {
      let skip = done;
      for await (const bytes of resume.before()) {
        const skipped = Math.min(skip, bytes.length);
        skip -= skipped;
        if (skipped < bytes.length) yield bytes.subarray(skipped);
      }
    },
    reached: (mark, passed) =>
      resume.reached({ contentBytes: done + mark.contentBytes, storedBytes: mark.storedBytes }, passed),
  };
}

function byPlace(a: ListedFile, b: ListedFile): number {
  return a.document - b.document || a.offset - b.offset;
}
