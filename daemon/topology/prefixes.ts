/**
 * The address prefixes that caps count by.
 *
 * Shape   keys that are equal if and only if the prefixes are.
 * Why     an attacker has many identities and few networks: what is counted is what costs him something.
 * Source  design § 5.
 * @module
 */
import { pathPrefix, peerPrefix } from '../wire/address.ts';

export interface Prefixes {
  /** /24 of IPv4, /32 of IPv6. */
  readonly prefix: string;
  /** /16 of IPv4, /32 of IPv6. */
  readonly widePrefix: string;
}

export function prefixesOf(host: string): Prefixes {
  return { prefix: peerPrefix(host), widePrefix: pathPrefix(host) };
}
