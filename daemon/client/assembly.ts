/**
 * From stored segments to the document's bytes: unpacked where it is compressed, hashed, the end kept back until the hash held.
 *
 * Shape   called with the blocks of each segment in order; gives groups of bytes to hand on.
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
import { CODEC } from './uri.ts';

/** @param last whether no segment follows */
export type Assembly = (blocks: readonly Uint8Array[], last: boolean) => AsyncIterable<readonly Uint8Array[]>;

export function createAssembly(compute: Compute, top: ManifestTop, crypto: Pick<Crypto, 'equal'>): Assembly {
  const hash = createSha256Stream();
  const requireHash = (): void => {
    if (crypto.equal(hash.digest(), top.sha256)) return;
    throw new LocalError(
      'verify_failed',
      'the whole does not match the hash in its manifest: its end was not handed out',
    );
  };
  if (top.codec === CODEC.none) {
    return async function* plain(blocks, last) {
      for (const block of blocks) hash.update(block);
      if (last) requireHash();
      yield blocks;
    };
  }
  const frames = new FrameReader(compute, top.sizeBytes);
  return async function* compressed(blocks, last) {
    for (const block of blocks) {
      frames.push(block);
      for (let piece = await frames.next(); piece !== undefined; piece = await frames.next()) {
        hash.update(piece);
        if (frames.ended) requireHash();
        yield [piece];
      }
    }
    if (last && !frames.ended) throw new LocalError('bad_manifest', 'its compressed pieces end too early');
  };
}
