/**
 * EXIF: what a camera writes into a picture, and the little of it that is needed to show it upright.
 *
 * Shape   a TIFF header and directories of 12-byte entries, little- or big-endian; offsets count from the header.
 * Errors  none: what does not parse is reported as metadata, because it is there.
 * Why     bounded: at most DIRECTORIES_MAX directories of ENTRIES_MAX entries are looked at, whatever the offsets say.
 * Source  CIPA DC-008 (Exif 2.32) §§ 4.5, 4.6.
 * @module
 */
import type { Findings } from './finding.ts';

const TAG = {
  make: 0x010f,
  model: 0x0110,
  orientation: 0x0112,
  software: 0x0131,
  dateTime: 0x0132,
  artist: 0x013b,
  hostComputer: 0x013c,
  copyright: 0x8298,
  exif: 0x8769,
  gps: 0x8825,
  dateOriginal: 0x9003,
  makerNote: 0x927c,
  userComment: 0x9286,
  owner: 0xa430,
  bodySerial: 0xa431,
  lensSerial: 0xa435,
} as const;
const DIRECTORIES_MAX = 8;
const ENTRIES_MAX = 512;
const ENTRY_BYTES = 12;

/** @param tiff from the TIFF header on */
export function readExif(tiff: Uint8Array, findings: Findings): void {
  const tags = tagsOf(tiff);
  if (tags.size === 0) {
    findings.add('metadata', 'EXIF metadata');
    return;
  }
  const has = (...wanted: number[]): boolean => wanted.some((tag) => tags.has(tag));
  if (has(TAG.gps)) findings.add('position', 'a GPS position');
  if (has(TAG.bodySerial, TAG.lensSerial)) findings.add('device', 'the serial number of a camera or lens');
  if (has(TAG.make, TAG.model)) findings.add('device', 'make and model of a camera');
  if (has(TAG.artist, TAG.copyright, TAG.owner)) findings.add('author', 'the name of an author or owner');
  if (has(TAG.dateTime, TAG.dateOriginal)) findings.add('time', 'the time it was taken or changed');
  if (has(TAG.software, TAG.hostComputer)) findings.add('software', 'the name of a program or computer');
  if (has(TAG.userComment)) findings.add('comment', 'a comment');
  if (has(TAG.makerNote)) findings.add('metadata', "a camera maker's own notes");
}

/** 1 (upright) to 8; 1 if nothing is said. */
export function orientationOf(tiff: Uint8Array): number {
  return tagsOf(tiff).get(TAG.orientation) ?? 1;
}

/** A TIFF of one entry. */
export function orientationExif(orientation: number): Uint8Array {
  const tiff = new Uint8Array(8 + 2 + ENTRY_BYTES + 4);
  const view = new DataView(tiff.buffer);
  tiff.set([0x4d, 0x4d, 0, 42]); // "MM": big-endian
  view.setUint32(4, 8);
  view.setUint16(8, 1);
  view.setUint16(10, TAG.orientation);
  view.setUint16(12, 3); // SHORT
  view.setUint32(14, 1);
  view.setUint16(18, orientation);
  return tiff;
}

/** Every tag of all directories, with its value if that is one short number. */
function tagsOf(tiff: Uint8Array): Map<number, number> {
  const tags = new Map<number, number>();
  if (tiff.length < 8) return tags;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  const little = tiff[0] === 0x49;
  const open = [view.getUint32(4, little)];
  const seen = new Set<number>();
  while (open.length > 0 && seen.size < DIRECTORIES_MAX) {
    const at = open.shift()!;
    if (seen.has(at) || at + 2 > tiff.length) continue;
    seen.add(at);
    const count = Math.min(view.getUint16(at, little), ENTRIES_MAX);
    for (let i = 0; i < count; i++) {
      const entry = at + 2 + i * ENTRY_BYTES;
      if (entry + ENTRY_BYTES > tiff.length) break;
      const tag = view.getUint16(entry, little);
      tags.set(tag, view.getUint16(entry + 8, little));
      if (tag === TAG.exif || tag === TAG.gps) open.push(view.getUint32(entry + 8, little));
    }
    const next = at + 2 + count * ENTRY_BYTES;
    if (next + 4 <= tiff.length) open.push(view.getUint32(next, little));
  }
  return tags;
}
