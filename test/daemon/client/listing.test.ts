import test from 'ava';
import fc from 'fast-check';
import {
  decodeListing,
  encodeListing,
  findPathConflict,
  type ListedDocument,
  type Listing,
  pathFault,
} from '../../../daemon/client/listing.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { routingKey } from '../../../daemon/ids.ts';
import {
  DIRECTORY_ENTRIES_MAX,
  DIRECTORY_LISTING_BYTES_MAX,
  DIRECTORY_NAME_BYTES_MAX,
  DIRECTORY_PATH_BYTES_MAX,
  DIRECTORY_PATH_NAMES_MAX,
} from '../../../daemon/limits.ts';

const document = (sizeBytes: number, byte = 1): ListedDocument => ({
  routingKey: routingKey(new Uint8Array(32).fill(byte)),
  cryptoKey: new Uint8Array(32).fill(byte + 1),
  keyType: 1,
  codec: 0,
  sizeBytes,
});
const small: Listing = {
  documents: [document(100), document(1_000_000, 3)],
  files: [
    { path: 'a/b.txt', document: 0, offset: 10, sizeBytes: 90 },
    { path: 'a/ä.txt', document: 0, offset: 0, sizeBytes: 10 },
    { path: 'empty', document: 0, offset: 0, sizeBytes: 0 },
    { path: 'index.html', document: 1, offset: 0, sizeBytes: 1_000_000 },
  ],
  defaultPath: 'index.html',
};

test('listing: decode(encode(x)) is x, in the order of the bytes of the paths', (t) => {
  t.deepEqual(decodeListing(encodeListing(small)), small);
  t.deepEqual(decodeListing(encodeListing({ ...small, files: small.files.toReversed() })), small);
  const none: Listing = { documents: [], files: [], defaultPath: undefined };
  t.deepEqual(decodeListing(encodeListing(none)), none);
  // U+10000 comes after U+FFFD in UTF-8, and before it in UTF-16.
  const files = ['\ufffd', '\u{10000}'].map((path) => ({ path, document: 0, offset: 0, sizeBytes: 0 }));
  t.deepEqual(decodeListing(encodeListing({ ...none, files })).files, files);
});

test('listing: any bytes give a listing that encodes to them, or bad_manifest', (t) => {
  const good = encodeListing(small);
  const changed = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 3 }).map((changes) => {
    const bytes = good.slice();
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  const cut = fc.nat(good.length - 1).map((length) => good.slice(0, length));
  let refused = 0;
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), changed, cut), (bytes) => {
      try {
        t.deepEqual(encodeListing(decodeListing(bytes)), bytes);
      } catch (error) {
        refused++;
        t.true(error instanceof LocalError && error.code === 'bad_manifest', String(error));
      }
    }),
    { numRuns: 2_000 },
  );
  t.true(refused > 100);
});

const refuses = test.macro({
  exec(t, bytes: Uint8Array, says: RegExp) {
    const error = t.throws(() => decodeListing(bytes), { instanceOf: LocalError, code: 'bad_manifest' });
    t.regex(error!.message, says);
  },
  title: (given = '') => `listing refuses ${given}`,
});
const withFile = (path: string): Uint8Array => encodeListing({ ...small, files: [{ ...small.files[0]!, path }] });
const withRange = (offset: number, sizeBytes: number, index = 0): Uint8Array =>
  encodeListing({ ...small, files: [{ path: 'x', document: index, offset, sizeBytes }] });
function edited(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = encodeListing(small);
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}
const FILES_AT = 8 + 2 * 76;

for (const path of ['../x', 'a/../x', '/etc/passwd', 'a//b', './a', 'a/.', '', 'a\\b', 'a\nb', 'a\u0085b', 'nul\0']) {
  test(`the path ${JSON.stringify(path)}`, refuses, withFile(path), /not acceptable/);
}
test(
  'a file that is also a folder',
  refuses,
  encodeListing({ ...small, files: ['a', 'a/b'].map((path) => ({ ...small.files[0]!, path })) }),
  /also a folder/,
); // prettier-ignore
test('a path twice', refuses, encodeListing({ ...small, files: [small.files[0]!, small.files[0]!] }), /twice/);
test('a file past the end of its document', refuses, withRange(11, 90), /outside/);
test('a file in a document that is not there', refuses, withRange(0, 1, 2), /outside/);
test('an empty file that stands somewhere', refuses, withRange(1, 0), /empty file/);
test(
  'a newer version',
  refuses,
  edited((_, bytes) => bytes.set([2])),
  /version/,
); // prettier-ignore
test(
  'four thousand million documents',
  refuses,
  edited((view) => view.setUint32(4, 0xffff_ffff)),
  /too many documents/,
); // prettier-ignore
test(
  'four thousand million files',
  refuses,
  edited((view) => view.setUint32(FILES_AT, 0xffff_ffff)),
  /too many files/,
); // prettier-ignore
test(
  'a document of an unknown kind',
  refuses,
  edited((_, bytes) => bytes.set([2], 8 + 64)),
  /kind/,
); // prettier-ignore
test(
  'a compressed single block',
  refuses,
  edited((_, bytes) => bytes.set([0, 1], 8 + 64)),
  /kind/,
); // prettier-ignore
test(
  'a size beyond any document',
  refuses,
  edited((view) => view.setBigUint64(8 + 68, 1n << 60n)),
  /larger than any/,
); // prettier-ignore
test(
  'a default document that is no file',
  refuses,
  edited((view, bytes) => view.setUint32(bytes.length - 4, 5)),
  /default/,
); // prettier-ignore
test('bytes after its end', refuses, new Uint8Array([...encodeListing(small), 0]), /follow/);
test('more bytes than allowed', refuses, new Uint8Array(DIRECTORY_LISTING_BYTES_MAX + 1), /larger than allowed/);

test('pathFault: at each limit, and one over it', (t) => {
  const name = 'n'.repeat(DIRECTORY_NAME_BYTES_MAX);
  t.is(pathFault(name), undefined);
  t.regex(pathFault(`${name}n`)!, /longer/);
  t.is(pathFault(new Array(DIRECTORY_PATH_NAMES_MAX).fill('d').join('/')), undefined);
  t.regex(pathFault(new Array(DIRECTORY_PATH_NAMES_MAX + 1).fill('d').join('/'))!, /deep/);
  const long = new Array(4).fill(name).join('/');
  t.is(pathFault(`${long}/`.slice(0, DIRECTORY_PATH_BYTES_MAX - 1)), undefined);
  t.regex(pathFault(`${long}/x`)!, /longer/);
  t.is(pathFault('ein Ordner/...und mehr'), undefined);
  t.truthy(pathFault('half \ud800'));
});

test('findPathConflict: only a whole name is a folder', (t) => {
  t.is(findPathConflict(['a', 'ab/c', 'a.b']), undefined);
  t.is(findPathConflict(['x', 'a/b/c', 'a/b']), 'a/b');
});

test('listing: as many files as allowed are read within a second of CPU time', (t) => {
  const files = Array.from({ length: DIRECTORY_ENTRIES_MAX }, (_, i) => ({
    path: `folder/${i}`,
    document: 0,
    offset: 0,
    sizeBytes: 1,
  }));
  const bytes = encodeListing({ ...small, files, defaultPath: undefined });
  const before = process.threadCpuUsage();
  t.is(decodeListing(bytes).files.length, DIRECTORY_ENTRIES_MAX);
  const { user, system } = process.threadCpuUsage(before);
  t.true(user + system < 1_000_000, `${user + system} us`); // of this thread: others may be busy
  const more = encodeListing({ ...small, files: [...files, { ...files[0]!, path: 'z' }], defaultPath: undefined });
  t.throws(() => decodeListing(more), { code: 'bad_manifest' });
});
