/**
 * What a document is, for showing it: what its publisher declared, confirmed by what its first bytes are.
 *
 * Why     a publisher declares what he likes. Only what both agree on is shown, and only kinds that a browser shows without obeying them;
 *         the rest is offered for download, with the reason.
 * Source  ux § 3.3.
 * @module
 */
import { fileTypeFromBuffer } from 'file-type';

export type Kind =
  | { readonly as: 'html' | 'css' | 'svg' | 'text' }
  | { readonly as: 'media' | 'font'; readonly type: string }
  | { readonly as: 'download'; readonly found: string | undefined };

/** Declared -> what file-type may call the same. */
const MEDIA: Readonly<Record<string, readonly string[]>> = {
  'image/png': ['image/png', 'image/apng'],
  'image/apng': ['image/png', 'image/apng'],
  'image/jpeg': ['image/jpeg'],
  'image/gif': ['image/gif'],
  'image/webp': ['image/webp'],
  'image/avif': ['image/avif'],
  'audio/mpeg': ['audio/mpeg'],
  'audio/ogg': ['audio/ogg', 'audio/opus', 'audio/ogg; codecs=opus', 'application/ogg'],
  'audio/opus': ['audio/ogg', 'audio/opus', 'audio/ogg; codecs=opus'],
  'audio/flac': ['audio/flac', 'audio/x-flac'],
  'audio/wav': ['audio/wav', 'audio/vnd.wave', 'audio/x-wav'],
  'audio/mp4': ['audio/mp4', 'audio/x-m4a', 'video/mp4'],
  'audio/webm': ['audio/webm', 'video/webm'],
  'video/webm': ['video/webm'],
  'video/mp4': ['video/mp4', 'video/x-m4v'],
  'video/ogg': ['video/ogg', 'application/ogg'],
};
const FONTS: Readonly<Record<string, string>> = {
  'font/woff2': 'font/woff2',
  'font/woff': 'font/woff',
  'font/ttf': 'font/ttf',
  'font/otf': 'font/otf',
};
const BY_EXTENSION: Readonly<Record<string, string>> = {
  html: 'text/html',
  htm: 'text/html',
  xhtml: 'application/xhtml+xml',
  css: 'text/css',
  svg: 'image/svg+xml',
  png: 'image/png',
  apng: 'image/apng',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/opus',
  flac: 'audio/flac',
  wav: 'audio/wav',
  m4a: 'audio/mp4',
  weba: 'audio/webm',
  webm: 'video/webm',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  ogv: 'video/ogg',
  woff2: 'font/woff2',
  woff: 'font/woff',
  ttf: 'font/ttf',
  otf: 'font/otf',
  txt: 'text/plain',
  text: 'text/plain',
  md: 'text/markdown',
  json: 'application/json',
  xml: 'application/xml',
  rss: 'application/xml',
  atom: 'application/xml',
  csv: 'text/csv',
  vtt: 'text/vtt',
  js: 'text/javascript',
  ts: 'text/plain',
  log: 'text/plain',
};
const TEXTUAL =
  /^(?:text\/[\w.+-]+|application\/(?:json|xml|javascript|ecmascript|yaml|toml|x-sh|sql|[\w.-]+\+(?:json|xml)))$/;

/** The declared type, or what the name's ending stands for; undefined when neither says anything. */
export function declaredType(contentType: string | undefined, name: string | undefined): string | undefined {
  const essence = (contentType ?? '').replace(/;.*$/s, '').trim().toLowerCase();
  if (essence !== '' && essence !== 'application/octet-stream') return essence;
  const extension = /\.([A-Za-z0-9]{1,8})$/.exec(name ?? '')?.[1]?.toLowerCase();
  return (extension === undefined ? undefined : BY_EXTENSION[extension]) ?? (essence || undefined);
}

/** @param head the first bytes, HEAD_BYTES of them if there are so many */
export async function kindOf(declared: string | undefined, head: Uint8Array): Promise<Kind> {
  const isText = looksLikeText(head);
  if (declared !== undefined && isText) {
    if (declared === 'text/html' || declared === 'application/xhtml+xml') return { as: 'html' };
    if (declared === 'text/css') return { as: 'css' };
    if (declared === 'image/svg+xml') return { as: 'svg' };
    if (TEXTUAL.test(declared)) return { as: 'text' };
  }
  const found = (await fileTypeFromBuffer(head).catch(() => undefined))?.mime as string | undefined;
  if (declared === undefined) {
    const type = Object.keys(MEDIA).find((candidate) => candidate === found);
    if (type !== undefined) return { as: 'media', type };
    return isText && found === undefined ? { as: 'text' } : { as: 'download', found };
  }
  if (found !== undefined && MEDIA[declared]?.includes(found)) return { as: 'media', type: declared };
  if (found !== undefined && FONTS[declared] === found) return { as: 'font', type: declared };
  return { as: 'download', found };
}

/** No control characters but those of text; UTF-16 only with its mark. */
function looksLikeText(head: Uint8Array): boolean {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return true;
  return head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0x1b);
}
