/**
 * PDF: the document information and XMP, which name authors, programs and times.
 *
 * Shape   looked for in the text of the file, and in object and metadata streams that are deflated.
 * Errors  none. An encrypted file, or one packed in another way, may hide what it carries: nothing found is no proof of nothing there.
 * Why     a scan instead of a parser: what matters are a few names, and a file that breaks a parser would go unseen. Bounded in streams and
 *         in what they unpack to.
 * Source  ISO 32000-1 §§ 7.5.7, 14.3.
 * @module
 */
import { type Findings, startsWith } from './finding.ts';
import { inflateUpTo } from './inflate.ts';

const STREAMS_MAX = 256;
const STREAM_BYTES_MAX = 4 * 1024 * 1024;
const HEADER_WITHIN = 1_024;
const STREAM = /\/Type\s*\/(?:ObjStm|Metadata)\b/g;

export function isPdf(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEADER_WITHIN));
  return startsWith(bytes, '%PDF-') || head.indexOf('%PDF-') >= 0;
}

export function readPdf(bytes: Uint8Array, findings: Findings): void {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = file.toString('latin1'); // one character a byte, so that places in both are the same
  look(text, findings);
  let at = 0;
  for (let streams = 0; streams < STREAMS_MAX; streams++) {
    STREAM.lastIndex = at;
    const found = STREAM.exec(text);
    if (found === null) return;
    const objectAt = found.index;
    const begin = file.indexOf('stream', objectAt);
    const end = begin < 0 ? -1 : file.indexOf('endstream', begin);
    if (end < 0) return;
    let from = begin + 'stream'.length;
    while (file[from] === 0x0d || file[from] === 0x0a) from++;
    const unpacked = inflateUpTo(file.subarray(from, end), STREAM_BYTES_MAX);
    if (unpacked !== undefined) look(Buffer.from(unpacked).toString('latin1'), findings);
    at = end;
  }
}

function look(text: string, findings: Findings): void {
  if (/\/Author\s*[(<]\s*[^)>\s]/.test(text) || /<(?:dc:creator|pdf:Author)\b/.test(text)) {
    findings.add('author', 'the name of an author or owner');
  }
  if (/\/(?:Creator|Producer)\s*[(<]\s*[^)>\s]/.test(text) || /<(?:xmp:CreatorTool|pdf:Producer)\b/.test(text)) {
    findings.add('software', 'the name of a program or computer');
  }
  if (/\/(?:CreationDate|ModDate)\s*[(<]/.test(text) || /<xmp:(?:CreateDate|ModifyDate)\b/.test(text)) {
    findings.add('time', 'the time it was made or changed');
  }
  if (/<x:xmpmeta\b|<\?xpacket\b/.test(text)) findings.add('metadata', 'XMP metadata');
}
