/**
 * What the owner of a node may ask of its datastore: how it is, that it looks itself over, another size, another passphrase.
 *
 * Errors  LocalError usage for a body that is not what schema.ts says; the disk's own when a size or seal cannot be written down.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LocalError } from '../errors.ts';
import { STORE_BYTES_MAX, STORE_BYTES_MIN, VERIFY_RATE_MAX, VERIFY_RATE_MIN } from '../limits.ts';
import type { Node } from '../node-types.ts';
import { readJson, sendJson } from './http.ts';
import type { ResizeDocument, StoreDocument } from './schema.ts';

const VERIFY_RATE_BYTES_PER_SEC = 16 * 1024 * 1024;
const PASSPHRASE_CHARACTERS_MAX = 1_024;

export interface StoreEndpoints {
  read(response: ServerResponse): void;
  verify(request: IncomingMessage, response: ServerResponse): Promise<void>;
  resize(request: IncomingMessage, response: ServerResponse): Promise<void>;
  passphrase(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

export function createStoreEndpoints(node: Node): StoreEndpoints {
  return {
    read: (response) => sendJson(response, 200, document(node)),

    async verify(request, response) {
      const { bytesPerSec = VERIFY_RATE_BYTES_PER_SEC } = await readJson(request);
      if (!node.store.verify(numberIn(bytesPerSec, 'bytesPerSec', VERIFY_RATE_MIN, VERIFY_RATE_MAX))) {
        throw new LocalError('busy', 'a verification is under way already');
      }
      sendJson(response, 202, document(node));
    },

    async resize(request, response) {
      const { sizeBytes, dryRun } = await readJson(request);
      const size = numberIn(sizeBytes, 'sizeBytes', STORE_BYTES_MIN, STORE_BYTES_MAX);
      const plan = node.store.planResize(size);
      if (dryRun !== true) node.store.resize(size);
      const answer: ResizeDocument = {
        v: 1,
        begun: dryRun !== true,
        sizeBytes: plan.sizeBytes,
        evictedStore: plan.evictedStore,
        evictedCache: plan.evictedCache,
        evictedRecords: plan.evictedRecords,
      };
      sendJson(response, dryRun === true ? 200 : 202, answer);
    },

    async passphrase(request, response) {
      const { passphrase } = await readJson(request);
      const isUsable =
        typeof passphrase === 'string' && passphrase !== '' && passphrase.length <= PASSPHRASE_CHARACTERS_MAX;
      if (passphrase !== null && !isUsable) throw new LocalError('usage', 'passphrase is a text, or null for none');
      node.store.changePassphrase(isUsable ? new TextEncoder().encode(passphrase.normalize('NFC')) : undefined);
      sendJson(response, 200, document(node));
    },
  };
}

function document(node: Node): StoreDocument {
  const { store } = node.snapshot();
  return { v: 1, ...store, verify: node.store.verifying, resize: node.store.resizing };
}

function numberIn(value: unknown, name: string, min: number, max: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new LocalError('usage', `${name}: expected a whole number ${min}..${max}`);
}
