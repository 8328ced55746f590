/**
 * Whether an SVG may be handed to a browser as a picture.
 *
 * Why     a browser that draws an SVG as an image runs nothing and loads nothing from it, and it is handed out only to such requests. This
 *         second net refuses what no picture needs: other documents inside it, entities, style sheets by instruction, other vocabularies.
 *         Nothing is rewritten: an SVG is XML, and there is no parser for it here that agrees with browsers to the letter.
 * @module
 */
const NAMESPACES =
  /^http:\/\/(?:www\.w3\.org\/(?:2000\/svg|1999\/xlink|XML\/1998\/namespace|1999\/02\/22-rdf-syntax-ns#)|purl\.org\/dc\/elements\/1\.1\/|creativecommons\.org\/ns#|web\.resource\.org\/cc\/|www\.inkscape\.org\/namespaces\/inkscape|sodipodi\.sourceforge\.net\/DTD\/sodipodi-0\.dtd|ns\.adobe\.com\/[\w./-]*|www\.bohemiancoding\.com\/sketch\/ns|www\.serif\.com\/)$/;
const REFUSED =
  /<!ENTITY|<!DOCTYPE[^>]*\[|<\?xml-stylesheet|<\s*(?:[\w-]+:)?(?:foreignObject|script|handler|iframe|link|object|embed|audio|video|meta|base)\b/i;
export const SVG_BYTES_MAX = 2 * 1024 * 1024;

export function isPlainPicture(bytes: Uint8Array): boolean {
  if (bytes.length > SVG_BYTES_MAX) return false;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return false;
  }
  if (text.includes('\0') || !/<(?:[\w-]+:)?svg[\s>/]/.test(text) || REFUSED.test(text)) return false;
  const declared = /^\s*<\?xml[^>]*encoding\s*=\s*["']([^"']*)/i.exec(text)?.[1];
  if (declared !== undefined && !/^(?:utf-?8|us-ascii)$/i.test(declared)) return false;
  for (const match of text.matchAll(/xmlns(?::[\w.-]+)?\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    if (!NAMESPACES.test(match[1] ?? match[2] ?? '')) return false;
  }
  // An address in it leads to a part of itself, or is a picture inside it.
  for (const match of text.matchAll(/(?:xlink:)?href\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)) {
    if (!/^\s*(?:#|data:image\/(?:png|jpeg|gif|webp);base64,)/i.test(match[1] ?? match[2] ?? '')) return false;
  }
  for (const match of text.matchAll(/url\(\s*["']?([^)"']*)/gi)) {
    if (!match[1]!.trim().startsWith('#')) return false;
  }
  return !/@import/i.test(text);
}
