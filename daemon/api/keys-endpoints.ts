/**
 * The key ring over the control API, and what a publish is told with `as`.
 *
 * Errors  LocalError usage for a body that is not what schema.ts says; those of the key ring.
 * Why     passphrases and private keys come in bodies, never in a path or query, which may be written down by whoever passes them on.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KeyInfo, KeyRing } from '../client/key-ring.ts';
import { LocalError } from '../errors.ts';
import { readJson, sendJson } from './http.ts';
import type { KeyDocument, KeyExport, KeysDocument } from './schema-keys.ts';

const PASSPHRASE_CHARACTERS_MAX = 1_024;

export interface KeysEndpoints {
  list(response: ServerResponse): void;
  create(request: IncomingMessage, response: ServerResponse): Promise<void>;
  importKey(request: IncomingMessage, response: ServerResponse): Promise<void>;
  exportKey(request: IncomingMessage, response: ServerResponse): Promise<void>;
  unlock(request: IncomingMessage, response: ServerResponse): Promise<void>;
  remove(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

export function createKeysEndpoints(keys: KeyRing): KeysEndpoints {
  return {
    list(response) {
      const document: KeysDocument = { v: 1, keys: keys.list().map(documentOf) };
      sendJson(response, 200, document);
    },
    async create(request, response) {
      const body = await readJson(request);
      sendJson(response, 201, { v: 1, ...documentOf(keys.create(nameIn(body), passphraseIn(body))) });
    },
    async importKey(request, response) {
      const body = await readJson(request);
      if (typeof body.uri !== 'string') throw new LocalError('bad_uri', 'the body names no uri');
      sendJson(response, 201, { v: 1, ...documentOf(keys.importKey(nameIn(body), body.uri, passphraseIn(body))) });
    },
    async exportKey(request, response) {
      const body = await readJson(request);
      const name = nameIn(body);
      const document: KeyExport = { v: 1, name, insertUri: keys.exportKey(name, passphraseIn(body)) };
      sendJson(response, 200, document);
    },
    async unlock(request, response) {
      const body = await readJson(request);
      const passphrase = passphraseIn(body);
      if (passphrase === undefined) throw new LocalError('usage', 'passphrase is a text');
      keys.unlock(nameIn(body), passphrase);
      sendJson(response, 200, { v: 1, unlocked: true });
    },
    async remove(request, response) {
      keys.remove(nameIn(await readJson(request)));
      sendJson(response, 200, { v: 1, removed: true });
    },
  };
}

function documentOf(info: KeyInfo): KeyDocument {
  const { name, requestUri, hasPassphrase, createdDay } = info;
  const siteUri = `${requestUri.replace(/^SSK@/, 'USK@')}/${name}/-1`;
  return { name, requestUri, siteUri, hasPassphrase, createdDay };
}

function nameIn(body: Record<string, unknown>): string {
  if (typeof body.name !== 'string' || body.name.length > 64) throw new LocalError('usage', 'the body names no key');
  return body.name;
}

function passphraseIn({ passphrase }: Record<string, unknown>): Uint8Array | undefined {
  if (passphrase === undefined || passphrase === null) return undefined;
  if (typeof passphrase !== 'string' || passphrase === '' || passphrase.length > PASSPHRASE_CHARACTERS_MAX)
    throw new LocalError('usage', 'passphrase is a text, or left out');
  return new TextEncoder().encode(passphrase.normalize('NFC'));
}
