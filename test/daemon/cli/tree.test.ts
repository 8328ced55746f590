import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readTree as readBody } from '../../../daemon/api/tree-body.ts';
import { findFiles, readTree, writeTree } from '../../../daemon/cli/commands/tree.ts';
import { SEGMENT_BYTES_MAX } from '../../../daemon/client/document-shape.ts';
import { LocalError } from '../../../daemon/errors.ts';

function scratch(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'hw-tree-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

const never = new AbortController().signal;

async function* of(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

test('findFiles: plain files by path, large ones last; links are never followed, dot names only on request', async (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, 'b/.git'), { recursive: true });
  writeFileSync(join(dir, 'b/x'), 'x');
  writeFileSync(join(dir, 'a'), new Uint8Array(SEGMENT_BYTES_MAX + 1));
  writeFileSync(join(dir, 'c'), '');
  writeFileSync(join(dir, '.env'), 'secret');
  writeFileSync(join(dir, 'b/.git/config'), 'secret');
  symlinkSync('/etc', join(dir, 'etc'));
  symlinkSync('/etc/passwd', join(dir, 'b/passwd'));
  const tree = await findFiles(dir, { all: false });
  t.deepEqual(
    tree.files.map(({ path }) => path),
    ['b/x', 'c', 'a'],
  );
  t.like(tree, { hidden: 2, special: 2, sizeBytes: SEGMENT_BYTES_MAX + 2 });
  const all = await findFiles(dir, { all: true });
  t.deepEqual(
    all.files.map(({ path }) => path),
    ['.env', 'b/.git/config', 'b/x', 'c', 'a'],
  );
});

test('readTree, the body of publish-tree, and writeTree: a folder comes back as it was', async (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, 'in/ä b/c'), { recursive: true });
  for (const [path, text] of [
    ['in/1', 'one'],
    ['in/ä b/c/2', ''],
    ['in/ä b/3', 'x'.repeat(300_000)],
  ] as const)
    writeFileSync(join(dir, path), text); // prettier-ignore
  const { files } = await findFiles(join(dir, 'in'), { all: false });
  const found: { path: string; sizeBytes: number }[] = [];
  const parts: Uint8Array[] = [];
  for await (const { path, sizeBytes, content } of readBody(readTree(join(dir, 'in'), files), never)) {
    found.push({ path, sizeBytes });
    for await (const bytes of content) parts.push(bytes.slice());
  }
  t.deepEqual(found, files);
  await writeTree(of(...parts), found, join(dir, 'out'));
  t.deepEqual(
    readdirSync(join(dir, 'out'), { recursive: true }).sort(),
    readdirSync(join(dir, 'in'), { recursive: true }).sort(),
  );
  for (const { path } of found) t.deepEqual(readFileSync(join(dir, 'out', path)), readFileSync(join(dir, 'in', path)));
  await t.throwsAsync(writeTree(of(...parts), found, join(dir, 'out')), { code: 'ENOTEMPTY' });
  t.false(readdirSync(dir).includes('out.part'));
});

test('the body of publish-tree: cut off, a path of no text, too long, impossible sizes', async (t) => {
  const read = async (...parts: readonly number[][]): Promise<string> => {
    try {
      for await (const { content } of readBody(of(...parts.map((part) => Uint8Array.from(part))), never)) {
        for await (const _ of content);
      }
      return 'whole';
    } catch (error) {
      return (error as LocalError).code;
    }
  };
  t.is(await read(), 'whole');
  t.is(await read([0, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 0]), 'whole');
  t.is(await read([0, 1, 0x61, 0, 0, 0, 0]), 'cancelled');
  t.is(await read([0]), 'usage');
  t.is(await read([0, 1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]), 'usage');
  t.is(await read([0xff, 0xff, 0x61]), 'usage');
  t.is(await read([0, 1, 0x61, 255, 0, 0, 0, 0, 0, 0, 0]), 'usage');
});

for (const path of ['../outside', '/tmp/outside', 'a/../../outside', 'a//b', '..']) {
  test(`writeTree: nothing is ever written at ${path}`, async (t) => {
    const dir = scratch(t);
    const write = writeTree(of(Uint8Array.of(1)), [{ path, sizeBytes: 1 }], join(dir, 'sub'));
    await t.throwsAsync(write, { instanceOf: LocalError, code: 'bad_manifest' });
    t.deepEqual(readdirSync(dir), []);
  });
}

test('writeTree: a stream that is too short or too long leaves nothing behind', async (t) => {
  const dir = scratch(t);
  const files = [{ path: 'a/b', sizeBytes: 2 }];
  await t.throwsAsync(writeTree(of(Uint8Array.of(1)), files, join(dir, 'x')), { code: 'incomplete' });
  await t.throwsAsync(writeTree(of(Uint8Array.of(1, 2, 3)), files, join(dir, 'x')), { code: 'internal' });
  t.deepEqual(readdirSync(dir), []);
  mkdirSync(join(dir, 'x.part'));
  await t.throwsAsync(writeTree(of(Uint8Array.of(1, 2)), files, join(dir, 'x')), { code: 'exists' });
  t.deepEqual(readdirSync(dir), ['x.part']); // not ours: not touched
});
