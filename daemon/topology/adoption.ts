/**
 * Taking in descriptors that others hand us: verified once, paid for by the link they came over.
 *
 * Errors  ProtocolError only for a signature that does not hold, or another node's descriptor where the sender's own belongs: both are
 *         the sender's own doing. Anything else that is not acceptable is left out without a word.
 * Why     an honest node may hold what we do not accept: its clock, its rules on addresses or its version may be others than ours.
 *         A signature it has checked itself, because nobody passes on what he has not verified.
 * Source  design § 5.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import type { Link } from '../link/link-types.ts';
import type { Clock, Log } from '../ports.ts';
import { decodeDescriptor } from '../wire/descriptor.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import type { KnownNode, KnownNodes } from './known-nodes.ts';
import type { LinkState } from './link-states.ts';
import { keyOf } from './peering.ts';

export interface Adoption {
  /**
   * @param owner whose descriptor it must be, if it matters
   * @returns the entry; undefined when it is not acceptable, nothing to us, or over what this link may cost
   */
  adoptOne(link: Link, encoded: Uint8Array, owner?: string): KnownNode | undefined;
  /** @param standing what it is worth that this link names them */
  adoptAll(link: Link, descriptors: readonly Uint8Array[], standing: 'named' | 'heard'): readonly KnownNode[];
  /** Descriptors of our own files; `what` names them in the log. */
  decodeList(list: readonly Uint8Array[], what: string): readonly Descriptor[];
}

export function createAdoption(
  deps: { readonly clock: Clock; readonly crypto: Crypto; readonly log: Log; readonly known: KnownNodes },
  options: {
    readonly allowPrivateAddresses: boolean;
    readonly networkHour: () => number;
    readonly ownKey: () => string;
    readonly stateOf: (link: Link) => LinkState | undefined;
    readonly onNews: (node: KnownNode) => void;
  },
): Adoption {
  const { clock, crypto, log, known } = deps;

  function adoptOne(
    link: Link,
    encoded: Uint8Array,
    owner?: string,
    standing: 'named' | 'heard' = 'named',
  ): KnownNode | undefined {
    const state = options.stateOf(link);
    if (state === undefined) return undefined;
    const seen = known.find(encoded);
    if (seen !== undefined && (owner === undefined || seen.key === owner)) {
      if (standing === 'heard' && known.heard(seen.key)) options.onNews(seen);
      return seen;
    }
    if (!state.descriptors.take(clock.nowMs())) return undefined;
    try {
      const adopted = known.adopt(encoded, owner, standing);
      if (adopted?.news) options.onNews(adopted.node);
      return adopted?.node;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code === 'ERR_SIGNATURE' || error.code === 'ERR_UNEXPECTED') throw error;
      return undefined;
    }
  }

  return {
    adoptOne,
    adoptAll(link, descriptors, standing) {
      const nodes: KnownNode[] = [];
      for (const encoded of descriptors) {
        const node = adoptOne(link, encoded, undefined, standing);
        if (node !== undefined) nodes.push(node);
      }
      return nodes;
    },
    decodeList(list, what) {
      const decoded: Descriptor[] = [];
      for (const bytes of list) {
        try {
          const rules = { nowHour: options.networkHour(), allowPrivateAddresses: options.allowPrivateAddresses };
          const descriptor = decodeDescriptor(crypto, bytes, rules);
          if (keyOf(descriptor) !== options.ownKey()) decoded.push(descriptor);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          log.write('warn', 'topology', `${what} is not usable: ${error.code}`);
        }
      }
      return decoded;
    },
  };
}
