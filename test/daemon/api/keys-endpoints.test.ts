/**
 * Keys, editions and searches over the control API: what is answered, and what is never said unasked.
 * @module
 */
import test from 'ava';
import { createKeysEndpoints } from '../../../daemon/api/keys-endpoints.ts';
import { readPublishOptions } from '../../../daemon/api/transfer-options.ts';
import { createKeyRing, type KeyRing } from '../../../daemon/client/key-ring.ts';
import { LocalError, type UserErrorCode } from '../../../daemon/errors.ts';
import type { NodeSettings } from '../../../daemon/settings.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { testCrypto } from '../../support/test-crypto.ts';

async function ringOf(): Promise<KeyRing> {
  const records = await createMemoryDisk().openRecords('node');
  const deps = { crypto: testCrypto('api keys'), clock: createManualClock(), records, homeKey: new Uint8Array(32) };
  return createKeyRing(deps, { logN: 4 });
}

type Call = Exclude<keyof ReturnType<typeof createKeysEndpoints>, 'list'>;

/** The endpoint called with a JSON body; its answer, or the code it failed with. */
async function post(ring: KeyRing, call: Call, body: object): Promise<Record<string, unknown> | UserErrorCode> {
  let text = '';
  const request = (async function* () {
    yield Buffer.from(JSON.stringify(body));
  })();
  const response = {
    writeHead() {},
    end(part: Buffer) {
      text += part.toString();
    },
  };
  try {
    await createKeysEndpoints(ring)[call](request as never, response as never);
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof LocalError) return error.code;
    throw error;
  }
}

test('keys: made, exported on request only, unlocked, removed; bad bodies are usage', async (t) => {
  const ring = await ringOf();
  const made = await post(ring, 'create', { name: 'blog', passphrase: 'secret' });
  t.like(made, { v: 1, name: 'blog', hasPassphrase: true });
  const { requestUri, siteUri } = made as { requestUri: string; siteUri: string };
  t.is(siteUri, `${requestUri.replace('SSK@', 'USK@')}/blog/-1`);
  t.is(await post(ring, 'exportKey', { name: 'blog' }), 'locked');
  t.is(await post(ring, 'exportKey', { name: 'blog', passphrase: 'other' }), 'wrong_passphrase');
  const exported = (await post(ring, 'exportKey', { name: 'blog', passphrase: 'secret' })) as { insertUri: string };
  t.false(JSON.stringify(made).includes(exported.insertUri.slice(4, 47)), 'the private half stands in no other answer');
  t.is(await post(ring, 'create', { name: 'blog' }), 'key_exists');
  t.is(await post(ring, 'importKey', { name: 'copy', uri: requestUri }), 'bad_uri');
  t.like(await post(ring, 'importKey', { name: 'copy', uri: exported.insertUri }), { requestUri });
  t.like(await post(ring, 'remove', { name: 'copy' }), { removed: true });
  t.is(await post(ring, 'remove', { name: 'copy' }), 'unknown_key');
  for (const body of [{}, { name: 5 }, { name: 'x', passphrase: 5 }, { name: 'x', passphrase: '' }]) {
    t.is(await post(ring, 'create', body), 'usage', JSON.stringify(body));
  }
});

test('as and keywords of a publish: names of the ring become keys, locked ones say so, words are cut at commas', async (t) => {
  const ring = await ringOf();
  await post(ring, 'create', { name: 'blog', passphrase: 'secret' });
  const settings = { publishClass: 'fast' } as NodeSettings;
  const read = (query: string) => readPublishOptions(new URLSearchParams(query), settings, ring);
  t.is(t.throws(() => read('as=blog'), { instanceOf: LocalError })?.code as string, 'locked');
  t.like(await post(ring, 'unlock', { name: 'blog', passphrase: 'secret' }), { unlocked: true });
  t.regex(read('as=blog').as!, /^USK@.*\/blog\/-1$/);
  t.regex(read('as=blog/a.txt').as!, /^SSK@.*\/a\.txt$/);
  t.is(read('as=KSK@word').as, 'KSK@word');
  t.deepEqual(read('keywords=Bees,%20garden%20,bees').keywords, ['bees', 'garden']);
  t.is(t.throws(() => read('as=nobody'), { instanceOf: LocalError })?.code as string, 'unknown_key');
});
