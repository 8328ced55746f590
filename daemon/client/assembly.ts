/**
 * From stored segments to the document's bytes: unpacked where it is compressed, hashed, the end kept back until the hash held.
 *
 * Shape   given the blocks of each segment in order; gives groups of bytes to hand on, each with the mark it leads up to. One that goes
 *         on where an earlier run ended hashes that run's content first.
 * Errors  LocalError verify_failed when the whole does not match the hash in its manifest, bad_manifest for compressed pieces that lie.
 * Why     a reader that was given everything would take it for the document, so it is never given the last part of a wrong one. A compressed
 *         document is handed on piece by piece, because one segment may unpack to any number of them.
 * @module
 */
import { createSha256Stream } from '../../crypto/sha256-stream.ts';
import { LocalError } from '../errors.ts';
import type { Compute, Crypto } from '../ports.ts';
import { FrameReader } from './compression.ts';
import type { ManifestTop } from './manifest.ts';
import type { FetchMark } from './resume-types.ts';
import { CODEC } from './uri.ts';

export interface AssembledGroup {
  readonly chunks: readonly Uint8Array[];
  /** Where a later run can begin once these bytes are handed on. */
  readonly mark: FetchMark;
}

export interface Assembly {
  /** Content that an earlier run handed on, in order, before the first `take`. */
  addBefore(bytes: Uint8Array): void;
  /** @param last whether no segment follows */
  take(blocks: readonly Uint8Array[], last: boolean): AsyncIterable<AssembledGroup>;
  /** @throws LocalError verify_failed unless all content was seen and is what the manifest says */
  requireHash(): void;
}

export const BEGINNING: FetchMark = { contentBytes: 0, storedBytes: 0 };

export function createAssembly(
  compute: Compute,
  top: ManifestTop,
  crypto: Pick<Crypto, 'equal'>,
  start: FetchMark = BEGINNING,
): Assembly {
  const hash = createSha256Stream();
  let { contentBytes } = start;
  const requireHash = (): void => {
    if (crypto.equal(hash.digest(), top.sha256)) return;
    throw new LocalError(
      'verify_failed',
      'the whole does not match the hash in its manifest: its end was not handed out',
    );
  };
  const addBefore = (bytes: Uint8Array): void => hash.update(bytes);
  if (top.codec === CODEC.none) {
    return {
      addBefore,
      requireHash,
      async *take(blocks, last) {
        for (const block of blocks) {
          hash.update(block);
          contentBytes += block.length;
        }
        if (last) requireHash();
        yield { chunks: blocks, mark: { contentBytes, storedBytes: contentBytes } };
      },
    };
  }
  const frames = new FrameReader(compute, top.sizeBytes, contentBytes);
  return {
    addBefore,
    requireHash,
    async *take(blocks, last) {
      for (const block of blocks) {
        frames.push(block);
        for (let piece = await frames.next(); piece !== undefined; piece = await frames.next()) {
          hash.update(piece);
          contentBytes += piece.length;
          if (frames.ended) requireHash();
          yield { chunks: [piece], mark: { contentBytes, storedBytes: start.storedBytes + frames.taken } };
        }
      }
      if (last && !frames.ended) throw new LocalError('bad_manifest', 'its compressed pieces end too early');
    },
  };
}
