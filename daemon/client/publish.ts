/**
 * Publishing one document: cut, coded, sealed and inserted while it is still being read.
 *
 * Shape   resolves to the URI after every block was acknowledged. A document of one block without content type and name is that
 *         block; any other is a manifest and its segments. A session inserts several documents over the same circuits (a directory).
 * Errors  LocalError: publish_failed, usage (metadata), too_large (convergent), offline, connecting, stalled, cancelled.
 * Why     one segment is inserted while the next is coded and a third is read (segment.ts), so the circuits stay busy across the border and no more
 *         are in memory. The top block leaves last: nobody can find a document that is not wholly there. The secret is random unless
 *         asked otherwise, so nobody can know a block before the URI is out.
 * Source  design §§ 6, 10; formats.md "convergent document secret".
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { createSha256Stream, type Sha256Stream } from '../../crypto/sha256-stream.ts';
import { LocalError } from '../errors.ts';
import { type RoutingKey, routingKey } from '../ids.ts';
import { BLOCK_PAYLOAD_MAX, CONVERGENT_BYTES_MAX, REPLICAS } from '../limits.ts';
import type { CircuitSource, DocumentCircuits } from '../onion/onion-types.ts';
import type { Clock, Compute, Random } from '../ports.ts';
import { ByteSource } from './byte-source.ts';
import { BLOCK_TYPE, type BlockPlace, DOCUMENT_SECRET_BYTES, type SealedBlock, sealBlock } from './client-chk.ts';
import type { PublishOptions } from './client-types.ts';
import { encodeSource } from './compression.ts';
import {
  blocksOf,
  checkBlocksFor,
  INNER_MANIFEST_REPLICAS,
  payloadBytesOf,
  replicasOf,
  shapeOf,
} from './document-shape.ts';
import {
  type DocumentMetadata,
  encodeMetadata,
  type ManifestTop,
  metadataFault,
  type SegmentKeys,
} from './manifest.ts';
import { ManifestBuilder } from './manifest-builder.ts';
import { decoyPlace, insertsOf, sealDecoy, sizeClassOf } from './padding.ts';
import { fetchBack, Sampler } from './publish-check.ts';
import { networkOutlet, type Outlet, planOutlet, resumedOutlet, type SegmentToNote } from './publish-outlet.ts';
import type { NotedSegment, PublishResume } from './resume-types.ts';
import { placeOf } from './splitfile/fetch.ts';
import type { BlockToInsert, InsertContext } from './splitfile/insert.ts';
import { readWhole, SegmentReader, type SourceSegment } from './splitfile/segment.ts';
import { type Scope, scopeWithin, type Watchdog } from './timing.ts';
import type { Transfer } from './transfers.ts';
import { CODEC, type Codec, printUri, URI_KEY_TYPE } from './uri.ts';
import { Window } from './window.ts';

export interface PublishDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly compute: Compute;
  readonly circuits: CircuitSource;
  /** Owners wanted for a block at one location, and for each location of a replicated one. */
  readonly owners: number;
  readonly ownersReplicated: number;
}

/** The notes of a publish that may be interrupted, and what this pass over its source is for. */
export interface PublishNotes {
  readonly resume: PublishResume;
  /** `digest`: find the secrets that follow from the content. `plan`: compute and note every key. Only `insert` sends. */
  readonly pass: 'digest' | 'plan' | 'insert';
}

/** For a source whose end is not in sight: more than one segment, which is all that the number of exits depends on. */
const BLOCKS_UNKNOWN = 512;

export async function publishDocument(
  deps: PublishDeps,
  source: AsyncIterable<Uint8Array>,
  options: PublishOptions,
  transfer: Transfer,
  watchdog: Watchdog,
  notes?: PublishNotes,
): Promise<string> {
  const metadata = checkedMetadata(options);
  return withSession(deps, options, transfer, watchdog, notes, async (session) => {
    const document = await session.insert(source, { metadata, isListing: false, isLast: true });
    await session.verify();
    return printUri({ ...document, type: 'CHK', path: [] });
  });
}

/** @throws LocalError usage */
export function checkedMetadata(options: PublishOptions): DocumentMetadata {
  const metadata = { contentType: options.contentType || undefined, name: options.name || undefined };
  const fault = metadataFault(metadata);
  if (fault !== undefined) throw new LocalError('usage', fault);
  return metadata;
}

/** Runs `work` with circuits of its own, and lets go of everything when it ended. */
export async function withSession<T>(
  deps: PublishDeps,
  options: PublishOptions,
  transfer: Transfer,
  watchdog: Watchdog,
  notes: PublishNotes | undefined,
  work: (session: PublishSession) => Promise<T>,
): Promise<T> {
  const stage = notes === undefined || notes.pass === 'insert' ? 'connecting' : 'preparing';
  transfer.update({ stage, contentType: options.contentType || undefined });
  const scope = scopeWithin(transfer.signal);
  const session = new PublishSession(deps, options, transfer, watchdog, scope, notes);
  try {
    return await work(session);
  } finally {
    scope.abort(new LocalError('cancelled'));
    session.close();
  }
}

/** What names an inserted document, and how long it is. */
export interface InsertedDocument {
  readonly routingKey: RoutingKey;
  readonly cryptoKey: Uint8Array;
  readonly keyType: 0 | 1;
  readonly codec: Codec;
  readonly sizeBytes: number;
}

export interface DocumentWishes {
  readonly metadata: DocumentMetadata;
  /** The document is the listing of a directory. */
  readonly isListing: boolean;
  /** No other document of this transfer follows: its totals are known. */
  readonly isLast: boolean;
}

/** One publish: documents inserted one after the other over the same circuits. */
export class PublishSession {
  readonly #deps: PublishDeps;
  readonly #options: PublishOptions;
  readonly #transfer: Transfer;
  readonly #watchdog: Watchdog;
  readonly #scope: Scope;
  readonly #notes: PublishNotes | undefined;
  #documents = 0;
  #circuits: DocumentCircuits | undefined;
  #context: InsertContext | undefined;
  /** Of the documents that are inserted, and of the one under way once its end was read. */
  #sizeBytes = 0;
  #blocks = 0;
  readonly #sampler: Sampler;

  constructor(
    deps: PublishDeps,
    options: PublishOptions,
    transfer: Transfer,
    watchdog: Watchdog,
    scope: Scope,
    notes: PublishNotes | undefined,
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#transfer = transfer;
    this.#watchdog = watchdog;
    this.#scope = scope;
    this.#notes = notes;
    this.#sampler = new Sampler(deps.random);
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  close(): void {
    this.#circuits?.close();
    this.#circuits = undefined;
  }

  async insert(source: AsyncIterable<Uint8Array>, wishes: DocumentWishes): Promise<InsertedDocument> {
    const { crypto, compute } = this.#deps;
    const { compress } = this.#options;
    const number = this.#documents++;
    this.#transfer.map.begin(0);
    const resume = this.#notes?.resume;
    const noted = resume?.secretOf(number);
    const derive = this.#derivation(wishes);
    if (this.#notes?.pass === 'digest') {
      const { digest, sizeBytes } = await digestOf(source, this.signal); // read in any case: files follow one another in it
      // The listing is made of keys that only the plan will know; it is short enough to be held then.
      if (derive !== undefined && noted === undefined && !wishes.isListing) {
        await resume!.noteSecret(number, derive(digest));
      }
      return { ...UNKNOWN_DOCUMENT, sizeBytes };
    }
    const { secret, bytes } =
      noted === undefined ? await chooseSecret(crypto, source, derive, this.signal) : { secret: noted, bytes: source };
    if (noted === undefined) await resume?.noteSecret(number, secret);
    const hash = createSha256Stream();
    const plain = new ByteSource(bytes, hash, this.signal);
    try {
      const { codec, bytes: stored } = await encodeSource(compute, plain, compress === true && derive === undefined);
      const reader = new SegmentReader(stored, this.signal);
      // Read before the first circuit: whether the document is small decides where its first block goes.
      const first = await reader.next();
      const isBare = wishes.metadata.contentType === undefined && wishes.metadata.name === undefined;
      const single = first.last && first.payloads.length === 1 && isBare && codec === CODEC.none && !wishes.isListing;
      const blocks = single ? 1 : first.last ? blocksOf(shapeOf(first.sizeBytes)) : BLOCKS_UNKNOWN;
      const isPlan = this.#notes?.pass === 'plan';
      const context = isPlan ? undefined : await this.#connect(wishes.isLast ? blocks : BLOCKS_UNKNOWN);
      const onSize = (documentBytes: number, documentBlocks: number): void => {
        this.#sizeBytes += documentBytes;
        this.#blocks += documentBlocks;
        if (wishes.isLast) this.#transfer.update({ totalBytes: this.#sizeBytes, blocksNeeded: this.#blocks });
      };
      const isPadded = this.#options.trafficClass === 'strong';
      const sampler = this.#sampler;
      const prepared: Preparation = { ...wishes, isPadded, secret, codec, plain, reader, hash, onSize, sampler };
      const outlet = this.#outlet(context, number);
      const publication = new Publication(this.#deps, outlet, this.#scope, prepared);
      const key = single ? await publication.runSingle(first) : await publication.run(first);
      this.#sampler.setTop({ key, replicas: REPLICAS });
      this.#transfer.update({ bytes: this.#sizeBytes }); // so far counted as stored
      const keyType = single ? URI_KEY_TYPE.data : URI_KEY_TYPE.manifest;
      return { routingKey: key, cryptoKey: secret, keyType, codec, sizeBytes: plain.sizeBytes };
    } finally {
      void plain.return();
    }
  }

  /** Fetches samples back, when that was asked for; whatever comes of it, the document is published. */
  async verify(): Promise<void> {
    if (this.#options.verify !== true || (this.#notes?.pass ?? 'insert') !== 'insert') return;
    this.#transfer.update({ stage: 'checking' });
    this.close(); // nothing of it may carry the samples
    const { samples } = this.#sampler;
    const { trafficClass } = this.#options;
    try {
      const verdict = await fetchBack(this.#deps, samples, trafficClass, this.signal, () => this.#watchdog.touch());
      this.#transfer.update({ verified: verdict });
    } catch (error) {
      if (this.signal.aborted || !(error instanceof LocalError)) throw error;
      this.#transfer.update({ verified: { asked: samples.length, found: 0 } });
    }
  }

  /** How the secret follows from the content; undefined: it is random. */
  #derivation({ metadata, isListing }: DocumentWishes): SecretDerivation | undefined {
    const { crypto } = this.#deps;
    const repeatKey = this.#notes?.resume.repeatKey;
    if (this.#options.convergent) return (digest) => convergentSecret(crypto, digest, metadata);
    if (repeatKey === undefined) return undefined;
    // Whatever else makes other blocks of the same content has to make another secret: compression is left out for that reason.
    const kind = Uint8Array.of(isListing ? 1 : 0);
    return (digest) => crypto.hmac(repeatKey, 'holloway repeatable', digest, kind, encodeMetadata(metadata));
  }

  #outlet(context: InsertContext | undefined, document: number): Outlet {
    const { crypto, clock } = this.#deps;
    const resume = this.#notes?.resume;
    if (context === undefined) return planOutlet(crypto, clock, resume!, document);
    if (resume === undefined) return networkOutlet(context);
    return resumedOutlet(crypto, context, resume, document, (bytes) => this.#transfer.countBlock(bytes));
  }

  async #connect(blocks: number): Promise<InsertContext> {
    if (this.#context !== undefined) return this.#context;
    const { trafficClass } = this.#options;
    const wishes = { trafficClass, padding: trafficClass === 'strong', blocks };
    const circuits = await this.#deps.circuits.open(wishes, this.signal);
    this.#circuits = circuits;
    // What the circuits really are, which may be less than was asked for.
    this.#transfer.update({ stage: 'inserting', exits: circuits.exits, trafficClass: circuits.trafficClass });
    this.#context = {
      clock: this.#deps.clock,
      random: this.#deps.random,
      circuits,
      window: new Window(
        () => circuits.windowBlocks,
        (inFlight) => this.#transfer.update({ blocksInFlight: inFlight }),
      ),
      signal: this.signal,
      onInserted: (block, copies) => {
        this.#watchdog.touch();
        this.#transfer.countBlock(block.documentBytes);
        const { copiesMin = copies, blocksAsked = 0 } = this.#transfer.progress;
        this.#transfer.update({ copiesMin: Math.min(copiesMin, copies), blocksAsked: blocksAsked + 1 });
      },
      onMiss: () => this.#transfer.countMiss(),
      map: this.#transfer.map,
    };
    return this.#context;
  }
}

/** A random secret, or the one that the content gives; the source comes back in a form that can still be read. */
async function chooseSecret(
  crypto: Crypto,
  source: AsyncIterable<Uint8Array>,
  derive: SecretDerivation | undefined,
  signal: AbortSignal,
): Promise<{ secret: Uint8Array; bytes: AsyncIterable<Uint8Array> }> {
  if (derive === undefined) return { secret: crypto.randomBytes(DOCUMENT_SECRET_BYTES), bytes: source };
  const hash = createSha256Stream();
  const chunks = await readWhole(source, CONVERGENT_BYTES_MAX, hash, signal);
  return { secret: derive(hash.digest()), bytes: replay(chunks) };
}

/** From the SHA-256 of the whole document. */
type SecretDerivation = (fileSha256: Uint8Array) => Uint8Array;

async function digestOf(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<{ readonly digest: Uint8Array; readonly sizeBytes: number }> {
  const hash = createSha256Stream();
  const bytes = new ByteSource(source, hash, signal);
  try {
    while ((await bytes.next()).done !== true); // the source hashes what goes through it
  } finally {
    void bytes.return();
  }
  return { digest: hash.digest(), sizeBytes: bytes.sizeBytes };
}

/** Stands for a document whose keys nobody has computed yet. */
const UNKNOWN_DOCUMENT: InsertedDocument = {
  routingKey: routingKey(new Uint8Array(32)),
  cryptoKey: new Uint8Array(DOCUMENT_SECRET_BYTES),
  keyType: URI_KEY_TYPE.manifest,
  codec: CODEC.none,
  sizeBytes: 0,
};

interface Preparation extends DocumentWishes {
  /** Class strong: its size is rounded up with decoys. */
  readonly isPadded: boolean;
  readonly secret: Uint8Array;
  readonly codec: Codec;
  /** Counts the document's own bytes while `reader` gives what is stored of them. */
  readonly plain: ByteSource;
  readonly reader: SegmentReader;
  readonly hash: Sha256Stream;
  /** Called when the document's end was read. */
  readonly onSize: (sizeBytes: number, blocks: number) => void;
  /** Hears of every block, for the check afterwards. */
  readonly sampler: Sampler;
}

/** SHA-256('holloway convergent' || whole-file SHA-256 || codec || metadata as it stands in the manifest). */
export function convergentSecret(crypto: Crypto, fileSha256: Uint8Array, metadata: DocumentMetadata): Uint8Array {
  return crypto.sha256('holloway convergent', fileSha256, Uint8Array.of(CODEC.none), encodeMetadata(metadata));
}

async function* replay(chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) yield chunk;
}

class Publication {
  readonly #deps: PublishDeps;
  readonly #outlet: Outlet;
  readonly #scope: Scope;
  readonly #source: Preparation;
  readonly #secret: Uint8Array;
  readonly #manifest: ManifestBuilder;

  constructor(deps: PublishDeps, outlet: Outlet, scope: Scope, source: Preparation) {
    this.#deps = deps;
    this.#outlet = outlet;
    this.#scope = scope;
    this.#source = source;
    this.#secret = source.secret;
    this.#manifest = new ManifestBuilder(({ place, payload }) =>
      this.#insertOne(place, payload, INNER_MANIFEST_REPLICAS, 0),
    );
  }

  /** The key of the top block. */
  async run(first: SourceSegment): Promise<RoutingKey> {
    const { reader, plain, metadata, hash, codec, isListing, onSize } = this.#source;
    // A document that ends within its first segment may be small; a longer one never is.
    const replicas = first.last ? replicasOf(shapeOf(first.sizeBytes)) : 1;
    let underWay: Promise<SegmentKeys> | undefined;
    for (let segment = 0, current = first; ; segment++) {
      if (current.last) onSize(plain.sizeBytes, blocksOf(shapeOf(reader.sizeBytes)));
      const noted = await this.#outlet.noted(segment, current);
      const isDone = noted !== undefined && this.#outlet.isDone(placesOf(segment, noted));
      const checks = isDone
        ? undefined
        : await this.#deps.compute.erasureEncode(current.payloads, checkBlocksFor(current.payloads.length));
      this.#scope.signal.throwIfAborted();
      const next =
        checks === undefined
          ? this.#skipSegment(noted!, current, replicas)
          : this.#insertSegment(segment, current, checks, replicas);
      // A failure must also end the reading of the source, which may be what we wait for.
      next.catch((error: unknown) => this.#scope.abort(error));
      if (underWay !== undefined) await this.#manifest.add(await underWay);
      underWay = next;
      if (current.last) break;
      current = await reader.next();
    }
    await this.#manifest.add(await underWay);
    if (this.#source.isPadded) await this.#insertDecoys(insertsOf(shapeOf(reader.sizeBytes), REPLICAS));
    const sizes = { sizeBytes: plain.sizeBytes, storedBytes: reader.sizeBytes };
    const top: ManifestTop = { ...metadata, ...sizes, codec, isListing, sha256: hash.digest() };
    const { place, payload } = await this.#manifest.finish(top);
    return this.#insertOne(place, payload, REPLICAS, 0);
  }

  /** Class strong: as many blocks of nothing as its size class wants, before the top block makes the document whole (padding.ts). */
  async #insertDecoys(inserts: number): Promise<void> {
    const { crypto, owners } = this.#deps;
    const decoys = Array.from({ length: sizeClassOf(inserts) - inserts }, (_, index): BlockToInsert => {
      const seal = (): SealedBlock => sealDecoy(crypto, this.#secret, index);
      return { place: decoyPlace(index), seal, replicas: 1, owners, documentBytes: 0 };
    });
    if (decoys.length > 0) await this.#outlet.insert(decoys, 'last');
  }

  /** The whole document is one block: at its locations it fills the first size class exactly. */
  async runSingle(content: SourceSegment): Promise<RoutingKey> {
    this.#source.onSize(content.sizeBytes, 1);
    await this.#outlet.noted(0, content);
    const place = { type: BLOCK_TYPE.data, segment: 0, index: 0 };
    const payload = content.payloads[0]!.subarray(0, content.sizeBytes);
    return this.#insertOne(place, payload, REPLICAS, content.sizeBytes, { segment: 0, content });
  }

  async #insertSegment(
    segment: number,
    content: SourceSegment,
    checks: readonly Uint8Array[],
    replicas: number,
  ): Promise<SegmentKeys> {
    const { crypto, owners, ownersReplicated } = this.#deps;
    const { payloads } = content;
    const shape = shapeOf(content.sizeBytes); // of this segment alone: where its last block ends
    const blocks = [...payloads, ...checks].map((payload, index): BlockToInsert => {
      const place = placeOf(segment, index, payloads.length);
      const isData = place.type === BLOCK_TYPE.data;
      const payloadBytes = isData ? payloadBytesOf(shape, 0, index) : BLOCK_PAYLOAD_MAX;
      return {
        place,
        seal: () => sealBlock(crypto, this.#secret, place, payload, payloadBytes, this.#source.codec),
        replicas,
        owners: replicas > 1 ? ownersReplicated : owners,
        documentBytes: isData ? payloadBytes : 0,
      };
    });
    const keys = await this.#outlet.insert(blocks, 'last', { segment, content });
    for (const key of keys) this.#source.sampler.add({ key, replicas });
    return { dataCount: payloads.length, keys };
  }

  /** An earlier run inserted all of it. */
  async #skipSegment(noted: NotedSegment, content: SourceSegment, replicas: number): Promise<SegmentKeys> {
    const { dataCount, keys } = noted;
    const shape = shapeOf(content.sizeBytes);
    keys.forEach((key, index) => {
      this.#source.sampler.add({ key, replicas });
      this.#outlet.countDone(index < dataCount ? payloadBytesOf(shape, 0, index) : 0);
    });
    return { dataCount, keys };
  }

  async #insertOne(
    place: BlockPlace,
    payload: Uint8Array,
    replicas: number,
    documentBytes: number,
    segment?: SegmentToNote,
  ): Promise<RoutingKey> {
    const block: BlockToInsert = {
      place,
      seal: () => sealBlock(this.#deps.crypto, this.#secret, place, payload, payload.length, this.#source.codec),
      replicas,
      owners: this.#deps.ownersReplicated,
      documentBytes,
    };
    const [key] = await this.#outlet.insert([block], 'first', segment);
    return key!;
  }
}

function placesOf(segment: number, { keys, dataCount }: NotedSegment): { readonly place: BlockPlace }[] {
  return keys.map((_, index) => ({ place: placeOf(segment, index, dataCount) }));
}
