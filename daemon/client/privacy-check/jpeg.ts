/**
 * JPEG: what stands in its marker segments beside the picture, and the same picture without it.
 *
 * Shape   SOI, segments (marker, length u16 with itself, content), entropy-coded data after each SOS, EOI.
 * Errors  none: from where it does not parse, the rest counts as leftover, and `stripJpeg` gives undefined.
 * Why     stripping copies segments and coded data byte by byte, so the picture stays what it was. Kept is what changes how it looks: JFIF,
 *         the colour profile (APP2 ICC_PROFILE), Adobe's colour transform (APP14) and the orientation, alone in a new EXIF.
 * Source  ITU-T T.81 annex B; CIPA DC-008 § 4.7.
 * @module
 */
import { orientationExif, orientationOf, readExif } from './exif.ts';
import { ascii, type Findings, startsWith } from './finding.ts';

const MARKER = {
  soi: 0xd8,
  eoi: 0xd9,
  sos: 0xda,
  app0: 0xe0,
  app1: 0xe1,
  app2: 0xe2,
  app13: 0xed,
  app14: 0xee,
  com: 0xfe,
};
const EXIF = 'Exif\0\0';
const XMP = 'http://ns.adobe.com/';

interface Segment {
  readonly marker: number;
  readonly from: number;
  readonly to: number;
  /** Behind marker and length. */
  readonly content: Uint8Array;
}

interface Parsed {
  readonly segments: readonly Segment[];
  /** Behind EOI. */
  readonly endsAt: number;
}

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === MARKER.soi && bytes[2] === 0xff;
}

export function readJpeg(bytes: Uint8Array, findings: Findings): void {
  const parsed = parse(bytes);
  if (parsed === undefined) {
    findings.add('leftover', 'parts that are no picture data');
    return;
  }
  for (const { marker, content } of parsed.segments) {
    if (marker === MARKER.com) findings.add('comment', 'a comment');
    else if (marker === MARKER.app1 && startsWith(content, EXIF)) readExif(content.subarray(EXIF.length), findings);
    else if (marker === MARKER.app1 && startsWith(content, XMP)) findings.add('metadata', 'XMP metadata');
    else if (marker === MARKER.app13) findings.add('author', 'IPTC metadata, which names authors and places');
    else if (isApplication(marker) && !isKept(marker, content)) findings.add('metadata', "a program's own notes");
  }
  if (parsed.endsAt < bytes.length) findings.add('leftover', 'data behind the end of the picture');
}

/** Undefined for what does not parse to its end. */
export function stripJpeg(bytes: Uint8Array): Uint8Array | undefined {
  const parsed = parse(bytes);
  if (parsed === undefined) return undefined;
  const exif = parsed.segments.find(({ marker, content }) => marker === MARKER.app1 && startsWith(content, EXIF));
  const orientation = exif === undefined ? 1 : orientationOf(exif.content.subarray(EXIF.length));
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  let isOriented = orientation <= 1 || orientation > 8;
  for (const { marker, from, to, content } of parsed.segments) {
    if (marker === MARKER.com || (isApplication(marker) && !isKept(marker, content))) continue;
    // JFIF wants to be first, so the orientation goes behind it.
    if (!isOriented && marker !== MARKER.app0) {
      parts.push(orientationSegment(orientation));
      isOriented = true;
    }
    parts.push(bytes.subarray(from, to));
  }
  parts.push(Uint8Array.of(0xff, MARKER.eoi));
  return joined(parts);
}

function isApplication(marker: number): boolean {
  return marker >= MARKER.app0 && marker <= 0xef;
}

function isKept(marker: number, content: Uint8Array): boolean {
  if (marker === MARKER.app0) return startsWith(content, 'JFIF\0');
  if (marker === MARKER.app2) return startsWith(content, 'ICC_PROFILE\0');
  return marker === MARKER.app14 && ascii(content, 0, 5) === 'Adobe';
}

function orientationSegment(orientation: number): Uint8Array {
  const tiff = orientationExif(orientation);
  const head = Uint8Array.from([
    0xff,
    MARKER.app1,
    0,
    2 + EXIF.length + tiff.length,
    ...new TextEncoder().encode(EXIF),
  ]);
  return joined([head, tiff]);
}

function parse(bytes: Uint8Array): Parsed | undefined {
  const segments: Segment[] = [];
  let at = 2;
  while (at + 2 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++; // fill byte
      continue;
    }
    if (marker === MARKER.eoi) return { segments, endsAt: at + 2 };
    if (at + 4 > bytes.length) return undefined;
    const length = bytes[at + 2]! * 256 + bytes[at + 3]!;
    let to = at + 2 + length;
    if (length < 2 || to > bytes.length) return undefined;
    const content = bytes.subarray(at + 4, to);
    if (marker === MARKER.sos) to = endOfCodedData(bytes, to);
    segments.push({ marker, from: at, to, content });
    at = to;
  }
  return undefined;
}

/** To the next marker that is none of the stuffed zeros and restarts inside the data. */
function endOfCodedData(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1]!;
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
  }
  return bytes.length;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
