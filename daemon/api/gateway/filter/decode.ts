/**
 * Bytes of a page to text, as a browser would: byte order mark, declared charset, `meta`, UTF-8, else windows-1252.
 *
 * Why     what we write is always UTF-8 and says so; the charset of the source must therefore be settled here, and only here. Encodings in
 *         which ASCII bytes can mean something else (UTF-7, ISO-2022) do not exist in TextDecoder under those labels or are refused below.
 * @module
 */
const SAFE_LABELS =
  /^(?:utf-?8|us-ascii|ascii|iso-?8859-(?:1|2|3|4|5|6|7|8|8-i|10|13|14|15|16)|latin1|latin2|windows-125[0-8]|koi8-[ru]|macintosh|gbk|gb2312|gb18030|big5|euc-jp|shift[_-]jis|euc-kr|windows-874)$/i;
const PRESCAN_BYTES = 1_024;

/** @param declared the charset parameter of the content type */
export function decodeText(bytes: Uint8Array, declared: string | undefined): string {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return new TextDecoder('utf-8').decode(bytes);
  const label = [declared, charsetInside(bytes)].find((text) => text !== undefined && SAFE_LABELS.test(text));
  if (label !== undefined && !/^utf-?8$/i.test(label)) return new TextDecoder(label).decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder(label === undefined ? 'windows-1252' : 'utf-8').decode(bytes);
  }
}

/** `<meta charset>`, `<meta http-equiv content>`, an XML declaration, or a stylesheet's `@charset`. */
function charsetInside(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, PRESCAN_BYTES)).toString('latin1');
  const found =
    /<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{2,20})/i.exec(head) ??
    /^<\?xml[^>]{0,100}encoding\s*=\s*["']([\w-]{2,20})/i.exec(head) ??
    /^@charset "([\w-]{2,20})";/i.exec(head);
  return found?.[1];
}

/** The charset parameter of a content type. */
export function charsetOf(contentType: string | undefined): string | undefined {
  return /;\s*charset\s*=\s*"?([\w-]{2,20})/i.exec(contentType ?? '')?.[1];
}
