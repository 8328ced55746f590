/**
 * The base64 of keys as Freenet's tools write them: `~` for 62 and `-` for 63, no padding.
 *
 * Shape   n bytes are ceil(n * 8 / 6) characters; the unused low bits of the last one are zero.
 * Errors  none: undefined when those spare bits are not zero, because then two texts would name one key.
 * Why     not the URL alphabet of RFC 4648: keys must look and compare as existing clients expect.
 * @module
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~-';
const VALUE_OF = new Map<string, number>([...ALPHABET].map((character, value) => [character, value]));

export function charactersFor(byteCount: number): number {
  return Math.ceil((byteCount * 8) / 6);
}

export function encodeKeyText(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0x3fff;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += ALPHABET[(held >> bits) & 63];
    }
  }
  if (bits > 0) text += ALPHABET[(held << (6 - bits)) & 63];
  return text;
}

/** Index of the first character outside the alphabet, or -1. */
export function findForeignCharacter(text: string): number {
  for (let i = 0; i < text.length; i++) if (!VALUE_OF.has(text[i]!)) return i;
  return -1;
}

/** @param text of the alphabet only, of a length that `charactersFor` gives */
export function decodeKeyText(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const character of text) {
    held = ((held << 6) | VALUE_OF.get(character)!) & 0x3fff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
