/**
 * CRC-32 against torn and rotten bytes in our own files; not against people.
 *
 * Source  the polynomial of ISO-HDLC (zlib, Ethernet), reflected: 0xEDB88320; crc32("123456789") = 0xCBF43926.
 * @module
 */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/**
 * @param before the CRC of the bytes that come first, to go on from there
 * @param from first byte; a range instead of a view, because a million entries are checked when a store opens
 */
export function crc32(bytes: Uint8Array, before = 0, from = 0, to = bytes.length): number {
  let value = ~before;
  for (let at = from; at < to; at++) value = TABLE[(value ^ bytes[at]!) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
