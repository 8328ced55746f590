import { deflateSync } from 'node:zlib';
import test from 'ava';
import { strToU8, zipSync } from 'fflate';
import {
  type Finding,
  findPrivateData,
  stripPrivateData,
} from '../../../../daemon/client/privacy-check/privacy-check.ts';

const kindsOf = (findings: readonly Finding[]): string[] => [...new Set(findings.map(({ kind }) => kind))].sort();

/** A real baseline picture of one grey pixel, from its markers. */
function jpeg(...inserted: Buffer[]): Buffer {
  const table = Buffer.concat([Buffer.from([0xff, 0xdb, 0, 67, 0]), Buffer.alloc(64, 1)]);
  const frame = Buffer.from([0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
  const codes = Buffer.from([0xff, 0xc4, 0, 20, 0, 1, ...Array(15).fill(0), 0]);
  const codesAc = Buffer.from([0xff, 0xc4, 0, 20, 0x10, 1, ...Array(15).fill(0), 0]);
  const scan = Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x3f, 0xff, 0x00, 0x2a]);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xe0, Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1')),
    ...inserted,
    table,
    frame,
    codes,
    codesAc,
    scan,
    Buffer.from([0xff, 0xd9]),
  ]);
}

function segment(marker: number, content: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, content]);
}

/** Entries of one short value each; GPS and Exif point to a directory of their own. */
function exif(entries: readonly (readonly [tag: number, value: number])[], little = false): Buffer {
  const tiff = Buffer.alloc(8 + 2 + entries.length * 12 + 4 + 6);
  const u16 = (value: number, at: number): unknown =>
    little ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at);
  const u32 = (value: number, at: number): unknown =>
    little ? tiff.writeUInt32LE(value, at) : tiff.writeUInt32BE(value, at);
  tiff.write(little ? 'II' : 'MM', 0, 'latin1');
  u16(42, 2);
  u32(8, 4);
  u16(entries.length, 8);
  entries.forEach(([tag, value], i) => {
    u16(tag, 10 + i * 12);
    u16(3, 12 + i * 12);
    u32(1, 14 + i * 12);
    u16(value, 18 + i * 12);
  });
  return Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
}

test('privacy: a JPEG says where, with what and by whom it was taken; stripped it says nothing and has the same picture data', (t) => {
  const plain = jpeg();
  t.deepEqual(findPrivateData(plain), []);
  const telling = Buffer.concat([
    jpeg(
      segment(
        0xe1,
        exif([
          [0x8825, 0],
          [0x0110, 1],
          [0xa431, 2],
          [0x013b, 3],
          [0x0132, 4],
        ]),
      ),
      segment(0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>')),
      segment(0xed, Buffer.from('Photoshop 3.0\0')),
      segment(0xfe, Buffer.from('by me')),
      segment(0xe2, Buffer.from('MPF\0')),
    ),
    Buffer.from('a film behind it'),
  ]);
  t.deepEqual(kindsOf(findPrivateData(telling)), [
    'author',
    'comment',
    'device',
    'leftover',
    'metadata',
    'position',
    'time',
  ]);
  t.deepEqual(Buffer.from(stripPrivateData(telling)!), plain);
});

for (const little of [false, true]) {
  test(`privacy: a JPEG keeps its orientation and nothing else of its EXIF, ${little ? 'little' : 'big'}-endian`, (t) => {
    const stripped = stripPrivateData(
      jpeg(
        segment(
          0xe1,
          exif(
            [
              [0x0112, 6],
              [0x8825, 0],
            ],
            little,
          ),
        ),
      ),
    )!;
    t.deepEqual(
      findPrivateData(stripped).map(({ kind }) => kind),
      [],
    );
    const at = Buffer.from(stripped).indexOf('Exif\0\0');
    t.true(at > 0);
    t.deepEqual([...stripped.subarray(at + 6 + 18, at + 6 + 20)], [0, 6]);
    t.deepEqual(stripPrivateData(stripped), stripped);
  });
}

test('privacy: a JPEG keeps its colours: profile and transform', (t) => {
  const profile = segment(0xe2, Buffer.from('ICC_PROFILE\0\x01\x01profile'));
  const transform = segment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0\x01'));
  const picture = jpeg(profile, transform);
  t.deepEqual(findPrivateData(picture), []);
  t.deepEqual(Buffer.from(stripPrivateData(picture)!), picture);
});

test('privacy: a JPEG that ends early, or lies about a length, is not touched', (t) => {
  const picture = jpeg(segment(0xe1, exif([[0x8825, 0]])));
  for (let cut = 3; cut < picture.length - 1; cut += 7) {
    t.is(stripPrivateData(picture.subarray(0, cut)), undefined, `cut at ${cut}`);
    t.notThrows(() => findPrivateData(picture.subarray(0, cut)));
  }
  const lying = Buffer.from(picture);
  lying.writeUInt16BE(0xffff, 22);
  t.is(stripPrivateData(lying), undefined);
});

function png(...inserted: Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(1, 0);
  header.writeUInt32BE(1, 4);
  header[8] = 8;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('gAMA', Buffer.from([0, 0, 0xb1, 0x8f])),
    ...inserted,
    chunk('IDAT', deflateSync(Buffer.from([0, 127]))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The checksum is not looked at, only copied. */
function chunk(type: string, content: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, Buffer.from(type, 'latin1'), content, Buffer.from([1, 2, 3, 4])]);
}

test('privacy: a PNG tells in texts, EXIF, times and chunks of its own; stripped it is the picture', (t) => {
  const plain = png();
  t.deepEqual(findPrivateData(plain), []);
  const telling = Buffer.concat([
    png(
      chunk('tEXt', Buffer.from('Author\0me')),
      chunk('iTXt', Buffer.from('XML:com.adobe.xmp\0\0\0\0\0<x/>')),
      chunk('zTXt', Buffer.from('Comment\0\0x')),
      chunk('tIME', Buffer.alloc(7)),
      chunk('eXIf', exif([[0x8825, 0]]).subarray(6)),
      chunk('prVt', Buffer.from('?')),
    ),
    Buffer.from('tail'),
  ]);
  t.deepEqual(kindsOf(findPrivateData(telling)), ['author', 'comment', 'leftover', 'metadata', 'position', 'time']);
  t.deepEqual(Buffer.from(stripPrivateData(telling)!), plain);
  t.is(stripPrivateData(telling.subarray(0, 60)), undefined);
});

test('privacy: a PDF names its author in the open and in packed streams', (t) => {
  const head = '%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n';
  t.deepEqual(findPrivateData(Buffer.from(`${head}trailer << /Root 1 0 R >>\n%%EOF`)), []);
  const open = Buffer.from(
    `${head}2 0 obj\n<< /Author (A. Person) /Producer (A program) /CreationDate (D:2026) >>\nendobj\n%%EOF`,
  );
  t.deepEqual(kindsOf(findPrivateData(open)), ['author', 'software', 'time']);
  const packed = deflateSync(Buffer.from('7 0 << /Author (A. Person) >>'));
  const hidden = Buffer.concat([
    Buffer.from(
      `${head}2 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length ${packed.length} >>\nstream\n`,
    ),
    packed,
    Buffer.from('\nendstream\nendobj\n%%EOF'),
  ]);
  t.deepEqual(kindsOf(findPrivateData(hidden)), ['author']);
  t.is(stripPrivateData(hidden), undefined);
});

test('privacy: an office file names authors, companies and who commented', (t) => {
  const file = (members: Record<string, string>): Uint8Array =>
    zipSync(Object.fromEntries(Object.entries(members).map(([name, text]) => [name, strToU8(text)])));
  t.deepEqual(findPrivateData(file({ '[Content_Types].xml': '<Types/>', 'word/document.xml': '<w:document/>' })), []);
  const telling = file({
    '[Content_Types].xml': '<Types/>',
    'docProps/core.xml': '<cp:coreProperties><dc:creator>A. Person</dc:creator></cp:coreProperties>',
    'docProps/app.xml': '<Properties><Application>A program</Application><Company></Company></Properties>',
    'word/document.xml': '<w:document><w:ins w:author="B. Person"/></w:document>',
  });
  t.deepEqual(
    findPrivateData(telling).map(({ what }) => what),
    ['the name of an author or owner', 'the name of a program or computer', 'who wrote comments and changes'],
  );
  t.deepEqual(findPrivateData(telling.subarray(0, 90)), []);
});

for (const [where, page] of Object.entries({
  'a link': '<!doctype html><a href="file:///home/anna/x.html">x</a>',
  'a picture': '<html><img src="C:\\Users\\anna\\x.png">',
  'a style': '<!doctype html><style>body { background: url("/Users/anna/x.png") }</style>',
  'a comment': '<!doctype html><!-- saved from /home/anna/page -->',
  'a template': '<!doctype html><template><img src="\\\\server\\share\\x.png"></template>',
})) {
  test(`privacy: HTML with a path of the disk in ${where}`, (t) => {
    t.deepEqual(kindsOf(findPrivateData(Buffer.from(page))), ['path']);
  });
}

test('privacy: HTML whose text speaks of paths, and whose links are relative, says nothing', (t) => {
  const page =
    '<!doctype html><p>Put it in /home/you or C:\\temp.</p><a href="/wiki/home/x">x</a><a href="https://x.example/a">y</a>';
  t.deepEqual(findPrivateData(Buffer.from(page)), []);
  const made = '<!doctype html><meta name="Author" content="me"><meta name="generator" content="it">';
  t.deepEqual(kindsOf(findPrivateData(Buffer.from(made))), ['author', 'software']);
});

test('privacy: what is of no known format has no findings, whatever its bytes', (t) => {
  t.deepEqual(findPrivateData(new Uint8Array(0)), []);
  t.deepEqual(findPrivateData(Buffer.from('plain text of /home/anna')), []);
});
