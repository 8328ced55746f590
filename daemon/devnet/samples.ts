/**
 * The three samples of the first run: a text, a small image, a file of random bytes.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';

export interface Sample {
  readonly label: string;
  readonly contentType: string;
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

const RANDOM_BYTES = 5 * 1024 * 1024;
const IMAGE_SIDE = 96;

export function makeSamples(): readonly Sample[] {
  return [
    { label: 'text', contentType: 'text/plain', fileName: 'sample.txt', bytes: new TextEncoder().encode(TEXT) },
    { label: 'image', contentType: 'image/png', fileName: 'sample.png', bytes: pngOfARing(IMAGE_SIDE) },
    {
      label: '5 MiB file',
      contentType: 'application/octet-stream',
      fileName: 'sample.bin',
      bytes: randomBytes(RANDOM_BYTES),
    },
  ];
}

const TEXT = `A holloway is a lane worn deep by those who walk it:
the more feet, the deeper, and the better it hides them.

This page was cut into blocks, sealed, and handed through three relays to the
nodes nearest to its keys. No node on the way could read it, and none that knew
where it came from knew what it was. You are reading it by its key alone.
`;

/** A valid PNG (RFC 2083): a ring, as the network's locations are one. 8-bit grey, one filter byte per row. */
export function pngOfARing(side: number): Uint8Array {
  const rows = Buffer.alloc(side * (side + 1));
  const middle = (side - 1) / 2;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const fromRing = Math.abs(Math.hypot(x - middle, y - middle) - side * 0.36);
      rows[y * (side + 1) + 1 + x] = 255 - Math.round(Math.max(0, 1 - fromRing / 4) * 215);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 8; // bits per sample; colour type 0 (grey) and the rest are zero
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(named, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}
