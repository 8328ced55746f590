/**
 * The privacy check before publishing: what a file says about its author, and pictures without it.
 *
 * Shape   `findPrivateData` looks at the content, not at a name; `stripPrivateData` gives a picture with the same pixels, or undefined where that
 *         cannot be done.
 * Errors  none. What is not of a known format has no findings, which says nothing about it.
 * Why     a document in the network cannot be taken back, and what betrays people is rarely what they look at.
 * Source  ux § 2.3 "Privacy check before publishing".
 * @module
 */
import { type Finding, Findings } from './finding.ts';
import { isHtml, readHtml } from './html.ts';
import { isJpeg, readJpeg, stripJpeg } from './jpeg.ts';
import { isZip, readOffice } from './office.ts';
import { isPdf, readPdf } from './pdf.ts';
import { isPng, readPng, stripPng } from './png.ts';

export type { Finding } from './finding.ts';

export function findPrivateData(bytes: Uint8Array): readonly Finding[] {
  const findings = new Findings();
  if (isJpeg(bytes)) readJpeg(bytes, findings);
  else if (isPng(bytes)) readPng(bytes, findings);
  else if (isPdf(bytes)) readPdf(bytes, findings);
  else if (isZip(bytes)) readOffice(bytes, findings);
  else if (isHtml(bytes)) readHtml(bytes, findings);
  return findings.list;
}

export function stripPrivateData(bytes: Uint8Array): Uint8Array | undefined {
  if (isJpeg(bytes)) return stripJpeg(bytes);
  return isPng(bytes) ? stripPng(bytes) : undefined;
}
