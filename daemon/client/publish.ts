/**
 * Publishing one document: cut, coded, sealed and inserted while it is still being read.
 *
 * Shape   resolves to the URI after every block was acknowledged. A document of one block without content type and name is that
 *         block; any other is a manifest and its segments.
 * Errors  LocalError: publish_failed, usage (metadata), too_large (convergent), offline, connecting, stalled, cancelled.
 * Why     one segment is inserted while the next is read and coded, so the circuits stay busy across the border and at most two segments are in
 *         memory. The top block leaves last: nobody can find a document that is not wholly there. The secret is random unless
 *         asked otherwise, so nobody can know a block before the URI is out.
 * Source  design §§ 6, 10; formats.md "convergent document secret".
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { createSha256Stream, type Sha256Stream } from '../../crypto/sha256-stream.ts';
import { LocalError } from '../errors.ts';
import type { RoutingKey } from '../ids.ts';
import { BLOCK_PAYLOAD_MAX, CONVERGENT_BYTES_MAX, REPLICAS } from '../limits.ts';
import type { CircuitSource } from '../onion/onion-types.ts';
import type { Clock, Compute, Random } from '../ports.ts';
import { ByteSource } from './byte-source.ts';
import { BLOCK_TYPE, type BlockPlace, DOCUMENT_SECRET_BYTES, sealBlock } from './client-chk.ts';
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
import { placeOf } from './splitfile/fetch.ts';
import { type BlockToInsert, type InsertContext, insertBlocks } from './splitfile/insert.ts';
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

/** For a source whose end is not in sight: more than one segment, which is all that the number of exits depends on. */
const BLOCKS_UNKNOWN = 512;

export async function publishDocument(
  deps: PublishDeps,
  source: AsyncIterable<Uint8Array>,
  options: PublishOptions,
  transfer: Transfer,
  watchdog: Watchdog,
): Promise<string> {
  const metadata: DocumentMetadata = { contentType: options.contentType || undefined, name: options.name || undefined };
  const fault = metadataFault(metadata);
  if (fault !== undefined) throw new LocalError('usage', fault);
  transfer.update({ stage: 'connecting', contentType: metadata.contentType });

  const scope = scopeWithin(transfer.signal);
  try {
    const { secret, bytes } = await chooseSecret(deps.crypto, source, options, metadata, scope.signal);
    const hash = createSha256Stream();
    const plain = new ByteSource(bytes, hash, scope.signal);
    try {
      const encoded = await encodeSource(deps.compute, plain, options.compress === true && !options.convergent);
      const reader = new SegmentReader(encoded.bytes, scope.signal);
      const { codec } = encoded;
      return await insertDocument(deps, options, transfer, watchdog, scope, {
        secret,
        codec,
        plain,
        reader,
        metadata,
        hash,
      });
    } finally {
      void plain.return();
    }
  } finally {
    scope.abort(new LocalError('cancelled'));
  }
}

/** A random secret, or the one that the content gives; the source comes back in a form that can still be read. */
async function chooseSecret(
  crypto: Crypto,
  source: AsyncIterable<Uint8Array>,
  options: PublishOptions,
  metadata: DocumentMetadata,
  signal: AbortSignal,
): Promise<{ secret: Uint8Array; bytes: AsyncIterable<Uint8Array> }> {
  if (!options.convergent) return { secret: crypto.randomBytes(DOCUMENT_SECRET_BYTES), bytes: source };
  const hash = createSha256Stream();
  const chunks = await readWhole(source, CONVERGENT_BYTES_MAX, hash, signal);
  return { secret: convergentSecret(crypto, hash.digest(), metadata), bytes: replay(chunks) };
}

/** Nothing that only a manifest could hold. */
function isBare({ contentType, name }: DocumentMetadata): boolean {
  return contentType === undefined && name === undefined;
}

interface Preparation {
  readonly secret: Uint8Array;
  readonly codec: Codec;
  /** Counts the document's own bytes while `reader` gives what is stored of them. */
  readonly plain: ByteSource;
  readonly reader: SegmentReader;
  readonly metadata: DocumentMetadata;
  readonly hash: Sha256Stream;
}

async function insertDocument(
  deps: PublishDeps,
  options: PublishOptions,
  transfer: Transfer,
  watchdog: Watchdog,
  scope: Scope,
  preparation: Preparation,
): Promise<string> {
  const { reader, metadata, codec } = preparation;
  // Read before the first circuit: whether the document is small decides where its first block goes.
  const first = await reader.next();
  const single = first.last && first.payloads.length === 1 && isBare(metadata) && codec === CODEC.none;
  const blocks = single ? 1 : first.last ? blocksOf(shapeOf(first.sizeBytes)) : BLOCKS_UNKNOWN;
  const { trafficClass } = options;
  const circuits = await deps.circuits.open({ trafficClass, padding: trafficClass === 'strong', blocks }, scope.signal);
  try {
    // What the circuits really are, which may be less than was asked for.
    transfer.update({ stage: 'inserting', exits: circuits.exits, trafficClass: circuits.trafficClass });
    const context: InsertContext = {
      clock: deps.clock,
      random: deps.random,
      circuits,
      window: new Window(
        () => circuits.windowBlocks,
        (inFlight) => transfer.update({ blocksInFlight: inFlight }),
      ),
      signal: scope.signal,
      onInserted(block, copies) {
        watchdog.touch();
        transfer.countBlock(block.documentBytes);
        transfer.update({ copiesMin: Math.min(transfer.progress.copiesMin ?? copies, copies) });
      },
      onMiss: () => transfer.countMiss(),
    };
    const publication = new Publication(deps, context, transfer, scope, preparation);
    if (single) return await publication.runSingle(first);
    return await publication.run(first);
  } finally {
    circuits.close();
  }
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
  readonly #context: InsertContext;
  readonly #transfer: Transfer;
  readonly #scope: Scope;
  readonly #source: Preparation;
  readonly #secret: Uint8Array;
  readonly #manifest: ManifestBuilder;

  constructor(deps: PublishDeps, context: InsertContext, transfer: Transfer, scope: Scope, source: Preparation) {
    this.#deps = deps;
    this.#context = context;
    this.#transfer = transfer;
    this.#scope = scope;
    this.#source = source;
    this.#secret = source.secret;
    this.#manifest = new ManifestBuilder(({ place, payload }) =>
      this.#insertOne(place, payload, INNER_MANIFEST_REPLICAS, 0),
    );
  }

  async run(first: SourceSegment): Promise<string> {
    const { reader, plain, metadata, hash, codec } = this.#source;
    // A document that ends within its first segment may be small; a longer one never is.
    const replicas = first.last ? replicasOf(shapeOf(first.sizeBytes)) : 1;
    let underWay: Promise<SegmentKeys> | undefined;
    for (let segment = 0, current = first; ; segment++) {
      if (current.last) this.#knowSize(plain.sizeBytes, blocksOf(shapeOf(reader.sizeBytes)));
      const checks = await this.#deps.compute.erasureEncode(current.payloads, checkBlocksFor(current.payloads.length));
      this.#context.signal.throwIfAborted();
      const next = this.#insertSegment(segment, current, checks, replicas);
      // A failure must also end the reading of the source, which may be what we wait for.
      next.catch((error: unknown) => this.#scope.abort(error));
      if (underWay !== undefined) await this.#manifest.add(await underWay);
      underWay = next;
      if (current.last) break;
      current = await reader.next();
    }
    await this.#manifest.add(await underWay);
    const sizes = { sizeBytes: plain.sizeBytes, storedBytes: reader.sizeBytes };
    const top: ManifestTop = { ...metadata, ...sizes, codec, sha256: hash.digest() };
    const { place, payload } = await this.#manifest.finish(top);
    const key = await this.#insertOne(place, payload, REPLICAS, 0);
    this.#transfer.update({ bytes: plain.sizeBytes }); // so far counted as stored
    return this.#uri(key, URI_KEY_TYPE.manifest);
  }

  /** The whole document is one block, and the URI names it. */
  async runSingle(segment: SourceSegment): Promise<string> {
    this.#knowSize(segment.sizeBytes, 1);
    const place = { type: BLOCK_TYPE.data, segment: 0, index: 0 };
    const payload = segment.payloads[0]!.subarray(0, segment.sizeBytes);
    return this.#uri(await this.#insertOne(place, payload, REPLICAS, segment.sizeBytes), URI_KEY_TYPE.data);
  }

  #knowSize(sizeBytes: number, blocks: number): void {
    this.#transfer.update({ totalBytes: sizeBytes, blocksNeeded: blocks });
  }

  async #insertSegment(
    segment: number,
    { payloads, sizeBytes }: SourceSegment,
    checks: readonly Uint8Array[],
    replicas: number,
  ): Promise<SegmentKeys> {
    const { crypto, owners, ownersReplicated } = this.#deps;
    const shape = shapeOf(sizeBytes); // of this segment alone: where its last block ends
    const blocks = [...payloads, ...checks].map((payload, index): BlockToInsert => {
      const place = placeOf(segment, index, payloads.length);
      const isData = place.type === BLOCK_TYPE.data;
      const payloadBytes = isData ? payloadBytesOf(shape, 0, index) : BLOCK_PAYLOAD_MAX;
      return {
        seal: () => sealBlock(crypto, this.#secret, place, payload, payloadBytes, this.#source.codec),
        replicas,
        owners: replicas > 1 ? ownersReplicated : owners,
        documentBytes: isData ? payloadBytes : 0,
      };
    });
    return { dataCount: payloads.length, keys: await insertBlocks(this.#context, blocks) };
  }

  async #insertOne(
    place: BlockPlace,
    payload: Uint8Array,
    replicas: number,
    documentBytes: number,
  ): Promise<RoutingKey> {
    const [key] = await insertBlocks(
      this.#context,
      [
        {
          seal: () => sealBlock(this.#deps.crypto, this.#secret, place, payload, payload.length, this.#source.codec),
          replicas,
          owners: this.#deps.ownersReplicated,
          documentBytes,
        },
      ],
      'first',
    );
    return key!;
  }

  #uri(key: RoutingKey, keyType: 0 | 1): string {
    const { secret, codec } = this.#source;
    return printUri({ type: 'CHK', routingKey: key, cryptoKey: secret, keyType, codec, path: [] });
  }
}
