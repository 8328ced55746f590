/**
 * Does a block or record belong to the key it is routed by? Any node can tell, none can read.
 *
 * Shape   CHK: 32,768 bytes whose labelled SHA-256 is the key. SSK and pointer: signed records (node-ssk.ts).
 *         Keyword: a bundle of signed records (node-keyword.ts).
 * Errors  none: false is an expected outcome of talking to strangers.
 * Source  design § 6, formats.md.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { type BlockRef, KIND } from '../ids.ts';
import { chkRoutingKey } from './node-chk.ts';
import { verifyKeywordBundle } from './node-keyword.ts';
import { verifyPointerRecord, verifySskRecord } from './node-ssk.ts';

export function verifyBlock(crypto: Crypto, ref: BlockRef, bytes: Uint8Array): boolean {
  switch (ref.kind) {
    case KIND.chk: {
      const key = chkRoutingKey(crypto, bytes);
      return key !== undefined && crypto.equal(key, ref.key);
    }
    case KIND.ssk:
      return verifySskRecord(crypto, ref.key, bytes);
    case KIND.keyword:
      return verifyKeywordBundle(crypto, ref.key, bytes);
    case KIND.pointer:
      return verifyPointerRecord(crypto, ref.key, bytes);
    default:
      return ref.kind satisfies never;
  }
}
