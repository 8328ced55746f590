/**
 * The product's own cryptography with repeatable random bytes; HOLLOWAY_CRYPTO=portable runs the suite on @stablelib.
 * @module
 */
import { createCrypto } from '../../crypto/engine.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { createSeededRandom } from './seeded-random.ts';

export function testCrypto(seed: number | string = 1): Crypto {
  const random = createSeededRandom(`crypto|${seed}`);
  const engine = process.env.HOLLOWAY_CRYPTO === 'portable' ? 'portable' : 'auto';
  return createCrypto({ engine, randomBytes: (length) => random.bytes(length) });
}
