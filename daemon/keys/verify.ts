/**
 * Does a block or record belong to the key it is routed by? Any node can tell, none can read.
 *
 * Shape   CHK: 32,768 bytes whose labelled SHA-256 is the key. SSK and pointer: signed records (node-ssk.ts).
 * Errors  none: false is an expected outcome of talking to strangers.
 * Source  design § 6, formats.md.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { type BlockRef, KIND } from '../ids.ts';
import { chkRoutingKey } from './node-chk.ts';
import { verifyPointerRecord, verifySskRecord } from './node-ssk.ts';

export function verifyBlock(crypto: Crypto, ref: BlockRef, bytes: Uint8Array): boolean {
  switch (ref.kind) {
    case KIND.chk: {
      const key = chkRoutingKey(crypto, bytes);
      return key !== undefined && crypto.equal(key, ref.key);
    }
    case KIND.ssk:
    case KIND.keyword: // a keyword record is an SSK record under a key pair that the word gives
      return verifySskRecord(crypto, ref.key, bytes);
    case KIND.pointer:
      return verifyPointerRecord(crypto, ref.key, bytes);
    default:
      return ref.kind satisfies never;
  }
}
