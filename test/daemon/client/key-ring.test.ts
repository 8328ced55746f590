import test from 'ava';
import { createKeyRing, type KeyRing, UNLOCKED_MS } from '../../../daemon/client/key-ring.ts';
import { parseUri, type SskUri } from '../../../daemon/client/uri.ts';
import { LocalError, type UserErrorCode } from '../../../daemon/errors.ts';
import { KEY_RING_MAX } from '../../../daemon/limits.ts';
import type { Records } from '../../../daemon/ports.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const HOME = new Uint8Array(32).fill(7);
const PASSPHRASE = new TextEncoder().encode('correct horse');

interface World {
  readonly ring: KeyRing;
  readonly records: Records;
  readonly clock: ManualClock;
  again(homeKey?: Uint8Array): KeyRing;
}

async function ringOf(): Promise<World> {
  const clock = createManualClock();
  const crypto = testCrypto('ring');
  const records = await createMemoryDisk().openRecords('node');
  const again = (homeKey = HOME): KeyRing => createKeyRing({ crypto, clock, records, homeKey }, { logN: 4 });
  return { ring: again(), records, clock, again };
}

function codeOf(work: () => unknown): UserErrorCode | 'none' {
  try {
    work();
  } catch (error) {
    if (error instanceof LocalError) return error.code;
    throw error;
  }
  return 'none';
}

test('a key is made, listed by name, kept across a restart, and signs for the form that readers have', async (t) => {
  const { ring, again } = await ringOf();
  const blog = ring.create('blog', undefined);
  ring.create('art', PASSPHRASE);
  t.deepEqual(
    ring.list().map(({ name, hasPassphrase }) => [name, hasPassphrase]),
    [
      ['art', true],
      ['blog', false],
    ],
  );
  t.deepEqual(again().list(), ring.list());
  const insert = parseUri(ring.exportKey('blog', undefined)) as SskUri;
  t.is(insert.keyType, 3);
  const crypto = testCrypto('any');
  t.deepEqual((parseUri(blog.requestUri) as SskUri).subspace, crypto.sha256(crypto.signKey(insert.subspace).publicKey));
});

test('a passphrase: needed to export, opens for ten minutes, and no longer', async (t) => {
  const { ring, clock } = await ringOf();
  ring.create('art', PASSPHRASE);
  t.is(
    codeOf(() => ring.insertUri('art')),
    'locked',
  );
  t.is(
    codeOf(() => ring.exportKey('art', undefined)),
    'locked',
  );
  t.is(
    codeOf(() => ring.exportKey('art', new TextEncoder().encode('wrong'))),
    'wrong_passphrase',
  );
  t.is(
    codeOf(() => ring.unlock('art', new TextEncoder().encode('wrong'))),
    'wrong_passphrase',
  );
  ring.unlock('art', PASSPHRASE);
  t.regex(ring.insertUri('art'), /^USK@.*\/art\/-1$/);
  await clock.advance(UNLOCKED_MS);
  t.is(
    codeOf(() => ring.insertUri('art')),
    'locked',
  );
});

test('as: a name is its site, NAME/DOCUMENT an SSK, what has an @ stays as it is', async (t) => {
  const { ring } = await ringOf();
  ring.create('blog', undefined);
  t.like(parseUri(ring.insertUri('blog')), { type: 'USK', site: 'blog', edition: -1, keyType: 3 });
  t.like(parseUri(ring.insertUri('blog/about me.txt')), { type: 'SSK', name: 'about me.txt', keyType: 3 });
  t.is(ring.insertUri('KSK@word'), 'KSK@word');
  t.is(
    codeOf(() => ring.insertUri('nobody')),
    'unknown_key',
  );
});

test('export and import: the same key in another home; request forms, other keys and taken names are refused', async (t) => {
  const one = await ringOf();
  const other = await ringOf();
  const { requestUri } = one.ring.create('blog', undefined);
  const insertUri = one.ring.exportKey('blog', undefined);
  t.is(other.ring.importKey('mine', insertUri, PASSPHRASE).requestUri, requestUri);
  t.is(other.ring.exportKey('mine', PASSPHRASE), insertUri);
  t.is(
    codeOf(() => other.ring.importKey('mine', insertUri, undefined)),
    'key_exists',
  );
  t.is(
    codeOf(() => other.ring.importKey('x', requestUri, undefined)),
    'bad_uri',
  );
  t.is(
    codeOf(() => other.ring.importKey('x', 'KSK@word', undefined)),
    'bad_uri',
  );
  for (const name of ['', 'a/b', 'a@b', '.hidden', 'x'.repeat(64)]) {
    t.is(
      codeOf(() => other.ring.create(name, undefined)),
      'usage',
      name,
    );
  }
});

test('the disk alone gives neither names nor keys; another home key opens nothing', async (t) => {
  const { ring, records, again } = await ringOf();
  ring.create('whistle', undefined);
  const { subspace, cryptoKey } = parseUri(ring.exportKey('whistle', undefined)) as SskUri;
  const [[name, value]] = records.entries('key-ring') as [[string, Uint8Array]];
  const onDisk = Buffer.concat([Buffer.from(name, 'hex'), value]);
  for (const secret of [subspace, cryptoKey, Buffer.from('whistle')]) t.false(onDisk.includes(Buffer.from(secret)));
  t.deepEqual(again(new Uint8Array(32)).list(), []);
  const changed = value.slice();
  changed[20]! ^= 1;
  records.put('key-ring', name, changed);
  t.is(
    codeOf(() => ring.exportKey('whistle', undefined)),
    'unknown_key',
  );
});

test('a ring takes no more than its cap, and forgets what is removed', async (t) => {
  const { ring, records } = await ringOf();
  for (let i = 0; i < KEY_RING_MAX; i++) records.put('key-ring', `${i}`, new Uint8Array(1));
  t.is(
    codeOf(() => ring.create('one-more', undefined)),
    'busy',
  );
  records.delete('key-ring', '0');
  ring.create('one-more', undefined);
  ring.remove('one-more');
  t.is(
    codeOf(() => ring.exportKey('one-more', undefined)),
    'unknown_key',
  );
  t.is(
    codeOf(() => ring.remove('one-more')),
    'unknown_key',
  );
});
