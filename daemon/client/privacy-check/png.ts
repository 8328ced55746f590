/**
 * PNG: chunks that say something about the author, and the same picture without them.
 *
 * Shape   signature, then chunks: length u32, type of four letters, content, CRC. Kept are the critical ones and those that change the picture.
 * Errors  none: what does not parse counts as leftover, and `stripPng` gives undefined.
 * Why     chunks are copied whole, checksum and all, so nothing of the picture is coded anew. What is not known is taken out: a chunk of a
 *         program's own may hold anything.
 * Source  PNG (Third Edition) §§ 5, 11.
 * @module
 */
import { readExif } from './exif.ts';
import { ascii, type Findings } from './finding.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const HEAD_BYTES = 8;
const CRC_BYTES = 4;
const PICTURE: ReadonlySet<string> = new Set([
  ...['IHDR', 'PLTE', 'IDAT', 'IEND'],
  ...['tRNS', 'gAMA', 'cHRM', 'sRGB', 'iCCP', 'cICP', 'mDCV', 'cLLI', 'sBIT', 'bKGD', 'hIST', 'pHYs', 'sPLT'],
  ...['acTL', 'fcTL', 'fdAT'],
]);
const TEXTS: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt']);

interface Chunk {
  readonly type: string;
  readonly from: number;
  readonly to: number;
  readonly content: Uint8Array;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

export function readPng(bytes: Uint8Array, findings: Findings): void {
  const chunks = parse(bytes);
  if (chunks === undefined) {
    findings.add('leftover', 'parts that are no picture data');
    return;
  }
  for (const { type, content } of chunks) {
    if (type === 'eXIf') readExif(content, findings);
    else if (type === 'tIME') findings.add('time', 'the time it was taken or changed');
    else if (TEXTS.has(type)) addText(content, findings);
    else if (!PICTURE.has(type)) findings.add('metadata', "a program's own notes");
  }
  if (chunks.at(-1)!.to < bytes.length) findings.add('leftover', 'data behind the end of the picture');
}

export function stripPng(bytes: Uint8Array): Uint8Array | undefined {
  const kept = parse(bytes)?.filter(({ type }) => PICTURE.has(type));
  if (kept === undefined) return undefined;
  const out = new Uint8Array(kept.reduce((sum, { from, to }) => sum + to - from, HEAD_BYTES));
  out.set(SIGNATURE);
  let at = HEAD_BYTES;
  for (const { from, to } of kept) {
    out.set(bytes.subarray(from, to), at);
    at += to - from;
  }
  return out;
}

/** A text begins with a keyword that ends with a zero. */
function addText(content: Uint8Array, findings: Findings): void {
  const keyword = ascii(content, 0, Math.min(79, Math.max(0, content.indexOf(0))));
  if (keyword === 'Author' || keyword === 'Copyright') findings.add('author', 'the name of an author or owner');
  else if (keyword === 'Software' || keyword === 'Source')
    findings.add('software', 'the name of a program or computer');
  else if (keyword === 'Creation Time') findings.add('time', 'the time it was taken or changed');
  else if (keyword.startsWith('XML:com.adobe.xmp')) findings.add('metadata', 'XMP metadata');
  else findings.add('comment', 'a text beside the picture');
}

/** Up to and with IEND. */
function parse(bytes: Uint8Array): readonly Chunk[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Chunk[] = [];
  let at = HEAD_BYTES;
  while (at + HEAD_BYTES + CRC_BYTES <= bytes.length) {
    const length = view.getUint32(at);
    const type = ascii(bytes, at + 4, at + HEAD_BYTES);
    const to = at + HEAD_BYTES + length + CRC_BYTES;
    if (to > bytes.length || !/^[A-Za-z]{4}$/.test(type)) return undefined;
    chunks.push({ type, from: at, to, content: bytes.subarray(at + HEAD_BYTES, to - CRC_BYTES) });
    if (type === 'IEND') return chunks;
    at = to;
  }
  return undefined;
}
