/**
 * Fetching one document: top block, manifest tree, segments in order, and the hash of the whole at the end.
 *
 * Shape   segments are handed over one at a time; two are fetched ahead, so three are in memory when the reader keeps up.
 * Errors  LocalError: bad_uri, not_found and its kin (fetch-replicated.ts), incomplete, verify_failed, bad_manifest, too_large, stalled, cancelled.
 * Why     every block is checked when it arrives, so what was handed over is what the publisher sealed; the whole-file hash also catches a
 *         manifest that contradicts itself, and the last segment is kept back until it held.
 * Source  design §§ 6, 10.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import type { RoutingKey } from '../ids.ts';
import { BLOCK_PAYLOAD_MAX, REPLICAS } from '../limits.ts';
import type { CircuitSource, DocumentCircuits } from '../onion/onion-types.ts';
import type { Clock, Compute, Random } from '../ports.ts';
import { createAssembly } from './assembly.ts';
import { BLOCK_TYPE } from './client-chk.ts';
import type { FetchOptions } from './client-types.ts';
import { type DocumentShape, INNER_MANIFEST_REPLICAS } from './document-shape.ts';
import type { Handoff } from './handoff.ts';
import {
  decodeInner,
  decodeTop,
  type ManifestNode,
  type ManifestTop,
  manifestPlace,
  type SegmentKeys,
} from './manifest.ts';
import { fetchSegment, type SegmentContext } from './splitfile/fetch.ts';
import { fetchReplicated } from './splitfile/fetch-replicated.ts';
import type { FetchContext } from './splitfile/gather.ts';
import { scopeWithin, type Watchdog } from './timing.ts';
import type { Transfer } from './transfers.ts';
import { type ChkUri, CODEC, parseUri, URI_KEY_TYPE } from './uri.ts';
import { Window } from './window.ts';

export interface FetchDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly compute: Compute;
  readonly circuits: CircuitSource;
}

export interface FetchedMetadata {
  readonly sizeBytes: number;
  readonly contentType: string | undefined;
  readonly name: string | undefined;
}

/** Where the results go as they become known. */
export interface FetchSink {
  metadata(metadata: FetchedMetadata): void;
  readonly segments: Handoff<readonly Uint8Array[]>;
}

/** Segments being fetched at once; a third one is with the reader. */
const SEGMENTS_AHEAD = 2;
/** Asked of the circuits before the size is known: as many exits as a large document gets, because they are built only once. */
const BLOCKS_UNKNOWN = 512;

/** The key of a document this version can fetch. @throws LocalError bad_uri */
export function fetchableUri(text: string): ChkUri {
  const uri = parseUri(text);
  if (uri.type !== 'CHK')
    throw new LocalError('bad_uri', `${uri.type}@ keys cannot be fetched by this version, only CHK@`);
  if (uri.codec !== CODEC.none && uri.keyType === URI_KEY_TYPE.data)
    throw new LocalError('bad_uri', 'it names a single block as compressed, which no block is');
  if (uri.path.length > 1)
    throw new LocalError('bad_uri', 'it names a part of a folder, which this version cannot read');
  return uri;
}

export async function fetchDocument(
  deps: FetchDeps,
  uri: ChkUri,
  options: FetchOptions,
  transfer: Transfer,
  watchdog: Watchdog,
  sink: FetchSink,
): Promise<void> {
  transfer.update({ stage: 'connecting' });
  const scope = scopeWithin(transfer.signal);
  let circuits: DocumentCircuits | undefined;
  try {
    const opened = await deps.circuits.open(
      { trafficClass: options.trafficClass, padding: options.trafficClass === 'strong', blocks: BLOCKS_UNKNOWN },
      scope.signal,
    );
    circuits = opened;
    const context: FetchContext = {
      codec: uri.codec,
      clock: deps.clock,
      random: deps.random,
      crypto: deps.crypto,
      circuits: opened,
      window: new Window(
        () => opened.windowBlocks,
        (inFlight) => transfer.update({ blocksInFlight: inFlight }),
      ),
      signal: scope.signal,
      onBlock() {
        watchdog.touch();
        transfer.countBlock(0);
      },
      onMiss: () => transfer.countMiss(),
    };
    await new Retrieval(deps, context, uri, options, transfer, watchdog, sink).run();
  } finally {
    scope.abort(new LocalError('cancelled')); // segments that were fetched ahead end with the one that failed
    circuits?.close();
  }
}

class Retrieval {
  readonly #deps: FetchDeps;
  readonly #context: FetchContext;
  readonly #uri: ChkUri;
  readonly #options: FetchOptions;
  readonly #transfer: Transfer;
  readonly #watchdog: Watchdog;
  readonly #sink: FetchSink;

  constructor(
    deps: FetchDeps,
    context: FetchContext,
    uri: ChkUri,
    options: FetchOptions,
    transfer: Transfer,
    watchdog: Watchdog,
    sink: FetchSink,
  ) {
    this.#deps = deps;
    this.#context = context;
    this.#uri = uri;
    this.#options = options;
    this.#transfer = transfer;
    this.#watchdog = watchdog;
    this.#sink = sink;
  }

  async run(): Promise<void> {
    const { cryptoKey, routingKey, keyType, path } = this.#uri;
    const { exits, trafficClass } = this.#context.circuits; // what they really are, which may be less than was asked for
    this.#transfer.update({ stage: 'searching top block', exits, trafficClass });
    const isData = keyType === URI_KEY_TYPE.data;
    const place = isData ? { type: BLOCK_TYPE.data, segment: 0, index: 0 } : manifestPlace(0, 0, true);
    const block = await fetchReplicated(this.#context, cryptoKey, routingKey, place, REPLICAS);
    const payload = block.padded.subarray(0, block.payloadBytes);
    const [pathName] = path;
    if (isData) {
      this.#announce({ sizeBytes: payload.length, contentType: undefined, name: pathName }, 1);
      this.#transfer.update({ bytes: payload.length });
      await this.#handOver([payload]);
      return;
    }
    this.#transfer.update({ stage: 'reading metadata' });
    const { node, top, shape } = decodeTop(payload, this.#uri.codec);
    const manifestBlocks = shape.levels.reduce((sum, count) => sum + count, 0);
    const { sizeBytes, contentType, name } = top;
    this.#announce({ sizeBytes, contentType, name: name ?? pathName }, shape.dataBlocks + manifestBlocks);
    await this.#readSegments(node, top, shape);
  }

  #announce(metadata: FetchedMetadata, blocksNeeded: number): void {
    const { maxBytes } = this.#options;
    const { sizeBytes, contentType } = metadata;
    this.#transfer.update({ totalBytes: sizeBytes, contentType, blocksNeeded });
    if (maxBytes !== undefined && sizeBytes > maxBytes) {
      throw new LocalError('too_large', `the document has ${sizeBytes} bytes, the limit is ${maxBytes}`);
    }
    this.#sink.metadata(metadata);
  }

  async #readSegments(node: ManifestNode, top: ManifestTop, shape: DocumentShape): Promise<void> {
    this.#transfer.update({ stage: 'fetching' });
    // Of a compressed document each block stands for more bytes than it holds, as far as one can tell beforehand.
    const blockBytes = Math.floor(BLOCK_PAYLOAD_MAX * (top.sizeBytes / Math.max(1, top.storedBytes)));
    const context: SegmentContext = {
      ...this.#context,
      compute: this.#deps.compute,
      secret: this.#uri.cryptoKey,
      shape,
      onBlock: () => {
        this.#watchdog.touch();
        this.#transfer.countBlock(Math.min(blockBytes, top.sizeBytes - this.#transfer.progress.bytes));
      },
      onDecode: () => this.#transfer.update({ stage: 'decoding' }),
    };
    const assembly = createAssembly(this.#deps.compute, top, this.#deps.crypto);
    const ahead: Promise<Uint8Array[]>[] = [];
    let delivered = 0;
    const deliver = async (): Promise<void> => {
      const chunks = await ahead.shift()!;
      const last = ++delivered === shape.segments;
      this.#transfer.update({ stage: last ? 'checking' : 'fetching' });
      for await (const parts of assembly(chunks, last)) await this.#handOver(parts);
    };
    let segment = 0;
    for await (const keys of oneAhead(this.#leaves(node, shape, shape.levels.length - 1, 0))) {
      for (const segmentKeys of keys) {
        if (ahead.length === SEGMENTS_AHEAD) await deliver();
        const fetching = fetchSegment(context, segment++, segmentKeys);
        fetching.catch(() => {}); // looked at when its turn comes
        ahead.push(fetching);
      }
    }
    while (ahead.length > 0) await deliver();
    this.#transfer.update({ bytes: top.sizeBytes });
  }

  async #handOver(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#sink.segments.put(chunks);
    this.#watchdog.touch();
  }

  /** The segments of each leaf below `node`, from left to right. */
  async *#leaves(
    node: ManifestNode,
    shape: DocumentShape,
    level: number,
    position: number,
  ): AsyncGenerator<readonly SegmentKeys[]> {
    if (level === 0) {
      yield node.segments;
      return;
    }
    const firstChild = position * node.children.length;
    for (const [i, key] of node.children.entries()) {
      const child = await this.#fetchInner(key, shape, level - 1, firstChild + i);
      yield* this.#leaves(child, shape, level - 1, firstChild + i);
    }
  }

  async #fetchInner(key: RoutingKey, shape: DocumentShape, level: number, position: number): Promise<ManifestNode> {
    const place = manifestPlace(level, position, false);
    try {
      const block = await fetchReplicated(this.#context, this.#uri.cryptoKey, key, place, INNER_MANIFEST_REPLICAS);
      return decodeInner(block.padded.subarray(0, block.payloadBytes), shape, level, position);
    } catch (error) {
      // The document is there, a part of its manifest is not: to the reader that is an incomplete document.
      if (!(error instanceof LocalError) || (error.code !== 'not_found' && error.code !== 'recently_failed'))
        throw error;
      throw new LocalError('incomplete', `a part of the manifest was not found; ${error.detail}`, { cause: error });
    }
  }
}

/** The same values, with the next one already asked for while the current one is used. */
async function* oneAhead<T>(values: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = values.next();
  for (;;) {
    const { done, value } = await next;
    if (done === true) return;
    next = values.next();
    next.catch(() => {}); // looked at in the next turn, or never when the reader stops
    yield value;
  }
}
