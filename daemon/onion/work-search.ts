/**
 * The work of an insert, found in slices so that links and circuits of this node do not stand still meanwhile.
 *
 * Shape   resolves to the nonce; nonces are tried upwards from a random start.
 * Unit    HASHES_PER_SLICE hashes in one turn: about 5 ms. At 16 bits, the most that is ever asked, 65,536 hashes on average.
 * Errors  rejects with the signal's reason.
 * Why     a thread for it would be one more thing to wait for a circuit's insert, and a node under attack publishes slowly anyway: what is
 *         asked for when nothing is wrong is nothing at all.
 * Source  formats.md "insert work"; design § 8.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import type { Replica, RoutingKey } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { checkInsertWork } from '../router/insert-work.ts';

const HASHES_PER_SLICE = 2_048;
const WORK_BYTES = 8;

export interface WorkWanted {
  readonly key: RoutingKey;
  readonly replica: Replica;
  readonly bits: number;
}

export async function searchInsertWork(
  deps: { readonly clock: Clock; readonly crypto: Crypto },
  { key, replica, bits }: WorkWanted,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { clock, crypto } = deps;
  const work = crypto.randomBytes(WORK_BYTES).slice();
  const view = new DataView(work.buffer, work.byteOffset);
  for (let nonce = view.getUint32(4), tried = 1; ; nonce = (nonce + 1) >>> 0, tried++) {
    view.setUint32(4, nonce);
    if (checkInsertWork(crypto, key, replica, work, bits)) return work;
    if (tried % HASHES_PER_SLICE !== 0) continue;
    await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    signal?.throwIfAborted();
  }
}
