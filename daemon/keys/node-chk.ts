/**
 * The node's side of a CHK: the key is a hash of the sealed bytes, so holding one needs no secret.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { type RoutingKey, routingKey } from '../ids.ts';
import { BLOCK_BYTES } from '../limits.ts';

/** SHA-256('holloway chk' || the 32,768 bytes); undefined for any other length. */
export function chkRoutingKey(crypto: Crypto, block: Uint8Array): RoutingKey | undefined {
  if (block.length !== BLOCK_BYTES) return undefined;
  return routingKey(crypto.sha256('holloway chk', block));
}
