/**
 * Reads test vectors: the project's own from test/vectors, and the large Wycheproof files from ../shared/vectors where
 * that folder stands beside the project. Where it does not, the test that asked says so and passes on.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { createCrypto } from '../../crypto/engine.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

const root = new URL('../../', import.meta.url);

export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export function hex(bytes: Uint8Array): string;
export function hex(bytes: Uint8Array | null): string | null;
export function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}

/** A JSON file of test/vectors. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`test/vectors/${name}`, root), 'utf8')) as T;
}

interface WycheproofGroup<T> {
  readonly tests: readonly T[];
}

/** The groups of a Wycheproof file, or none and a notice. */
export function readWycheproof<G, T>(t: ExecutionContext, name: string): readonly (G & WycheproofGroup<T>)[] {
  const url = new URL(`../shared/vectors/${name}`, root);
  if (!existsSync(url)) {
    t.log(`skipped: ${name} is not in ../shared/vectors`);
    t.pass();
    return [];
  }
  const file = JSON.parse(readFileSync(url, 'utf8')) as { testGroups: (G & WycheproofGroup<T>)[] };
  t.true(file.testGroups.length > 0);
  return file.testGroups;
}

/** Both engines over the same seeded bytes. */
export function bothEngines(seed: string): readonly [auto: Crypto, portable: Crypto] {
  const make = (engine: 'auto' | 'portable') => {
    const random = createSeededRandom(seed);
    return createCrypto({ engine, randomBytes: (length) => random.bytes(length) });
  };
  return [make('auto'), make('portable')];
}

/** A copy with one bit of byte `at` flipped. */
export function flip(bytes: Uint8Array, at: number, bit = 0): Uint8Array {
  const changed = bytes.slice();
  changed[at] = changed[at]! ^ (1 << bit);
  return changed;
}
