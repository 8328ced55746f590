/**
 * SIMULATION ONLY: stand-ins for all public-key work and for the AEAD, thirty times cheaper than the real thing, secret to nobody.
 *
 * Shape   as provider.ts says, sizes and failures included. DH: public = mix(private), shared = mix of the two publics in
 *         order. KEM: as seeded.ts, with a cheaper stretch. Signature: mix(public, message) twice. SHA-256 is SHA-256: keys of content hang on it. AEAD: the first
 *         64 bytes under a keyed stream, and a checksum under the key, so that a wrong key, nonce, AD or any changed byte fails. The identity stamp
 *         (label "holloway identity") always holds: a search of 2^20 hashes for each of a thousand nodes tests nothing.
 * Why     a thousand nodes make 40,000 handshakes and circuits while they join; with OpenSSL that alone is minutes. What a world
 *         shows about routing, faults and recovery does not hang on the mathematics; tests of the layers run on the real engine.
 *         Anyone who sees a public value can compute every secret, so no experiment about an attacker on the wire may use it.
 * @module
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { AeadKey, Crypto } from '../../../crypto/provider.ts';
import { bytesEqual, concatParts, type Part } from './bytes.ts';

const TAG_BYTES = 16;
const KEM_KEY_BYTES = 1_184;
const KEM_CIPHERTEXT_BYTES = 1_088;
const ID_BYTES = 32;
const GOLDEN = 0x9e3779b1;

function sha256(...parts: Part[]): Uint8Array {
  if (parts[0] === 'holloway identity') return new Uint8Array(32);
  return plain(hash('sha256', parts.length === 1 ? parts[0]! : concatParts(parts), 'buffer'));
}

/**
 * 32 bytes that depend on every byte of the parts, where only this provider's two ends must agree. Two sums of 32 bits run over the
 * text: among ten million texts two of them meet with a chance of one in 400,000.
 */
function mixedBytes(label: string, ...parts: readonly Part[]): Uint8Array {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < label.length; i++) a = Math.imul(a ^ label.charCodeAt(i), 0x01000193);
  for (const part of parts) {
    const { length } = part;
    // The length goes in first: where one part ends and the next begins makes a difference.
    a = Math.imul(a ^ length, 0x85ebca6b);
    if (typeof part === 'string') {
      for (let i = 0; i < length; i++) {
        const code = part.charCodeAt(i);
        a = Math.imul(a ^ code, 0x01000193);
        b = Math.imul(b + code, GOLDEN) ^ (b >>> 13);
      }
      continue;
    }
    for (let i = 0; i < length; i++) {
      const byte = part[i]!;
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b + byte, GOLDEN) ^ (b >>> 13);
    }
  }
  const out = new Uint8Array(32);
  for (let at = 0; at < 32; at += 4) {
    a = (a + GOLDEN) | 0;
    b = Math.imul(b ^ (b >>> 15), 0x2c1b3c6d) + a;
    let word = Math.imul(b ^ (b >>> 16) ^ a, 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    word ^= word >>> 16;
    out[at] = word;
    out[at + 1] = word >>> 8;
    out[at + 2] = word >>> 16;
    out[at + 3] = word >>> 24;
  }
  return out;
}

function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** Four words of a key and nonce, mixed well enough that neighbours differ everywhere. */
function mixed(key: Uint32Array, nonce: Uint8Array): number {
  let word = key[0]! ^ Math.imul(key[3]!, GOLDEN);
  for (let i = 0; i < nonce.length; i++) word = Math.imul(word ^ nonce[i]!, 0x01000193);
  word = Math.imul(word ^ (word >>> 16) ^ key[5]!, 0x85ebca6b);
  return (word ^ (word >>> 13) ^ key[7]!) >>> 0;
}

function words(bytes: Uint8Array): Uint32Array {
  const copy = bytes.slice();
  return new Uint32Array(copy.buffer, 0, copy.length >> 2);
}

/** Only this much of a text is really changed: enough that whoever forgets to open it reads nonsense. */
const STREAM_BYTES = 64;

/** A copy of `input` in `output` (they may share memory), its first bytes XORed with a stream from `start`. */
function stream(start: number, input: Uint8Array, output: Uint8Array, length: number): void {
  if (input.byteOffset !== output.byteOffset || input.buffer !== output.buffer) {
    output.set(length === input.length ? input : input.subarray(0, length));
  }
  const changed = Math.min(length, STREAM_BYTES);
  let state = start | 1;
  for (let at = 0; at < changed; at++) {
    if ((at & 3) === 0) state = Math.imul(state, GOLDEN) + 0x3c6ef372;
    output[at]! ^= state >>> ((at & 3) * 8);
  }
}

/** Up to here a loop costs less than the way into native code and back. */
const LOOP_BYTES = 160;

/** Any one changed byte changes it: each step can be undone, given the byte. Beyond LOOP_BYTES it is CRC-32. */
function sumOf(bytes: Uint8Array, length: number, start: number): number {
  if (length > LOOP_BYTES) return crc32(length === bytes.length ? bytes : bytes.subarray(0, length), start >>> 0);
  let sum = start;
  for (let i = 0; i < length; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  return (sum ^ (sum >>> 15)) >>> 0;
}

function aeadKey(key: Uint8Array): AeadKey {
  const own = words(key);
  const tag = new Uint8Array(TAG_BYTES);
  const tagView = new DataView(tag.buffer);
  /** A checksum of AD and sealed text, so that it can be checked before anything is written. */
  const makeTag = (start: number, ad: Uint8Array, sealed: Uint8Array, length: number): Uint8Array => {
    const sum = sumOf(sealed, length, ad.length === 0 ? start : sumOf(ad, ad.length, start)) ^ length;
    tagView.setUint32(0, sum);
    tagView.setUint32(4, Math.imul(sum ^ own[1]!, GOLDEN));
    tagView.setUint32(8, start ^ own[2]!);
    tagView.setUint32(12, own[4]! ^ own[6]!);
    return tag;
  };
  return {
    seal(nonce, plaintext, ad, dst) {
      const out = dst ?? new Uint8Array(plaintext.length + TAG_BYTES);
      const start = mixed(own, nonce);
      stream(start, plaintext, out, plaintext.length);
      out.set(makeTag(start, ad, out, plaintext.length), plaintext.length);
      return out;
    },
    open(nonce, sealed, ad, dst) {
      const length = sealed.length - TAG_BYTES;
      if (length < 0) return null;
      const start = mixed(own, nonce);
      const wanted = makeTag(start, ad, sealed, length);
      for (let i = 0; i < TAG_BYTES; i++) if (sealed[length + i] !== wanted[i]) return null;
      const out = dst ?? new Uint8Array(length);
      stream(start, sealed, out, length);
      return out;
    },
    wipe: () => own.fill(0),
  };
}

interface CheapDecapsulationKey {
  readonly secret: Uint8Array;
  readonly id: Uint8Array;
}

const EMPTY = new Uint8Array(0);
const ZERO_NONCE = new Uint8Array(12);

function chacha20Xor(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  stream(mixed(words(key), nonce), bytes, out, bytes.length);
  return out;
}

function stretch(head: Uint8Array, context: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out.set(head);
  out.set(
    chacha20Xor(mixedBytes('cheap kem', head, context), ZERO_NONCE, new Uint8Array(length - head.length)),
    head.length,
  );
  return out;
}

/** RFC 5869's shape with one hash for each 32 bytes. */
function hkdf(ikm: Uint8Array, salt: Uint8Array | string, info: Uint8Array | string, length: number): Uint8Array {
  const root = mixedBytes('cheap hkdf', salt, '/', ikm, '/', info);
  if (length <= 32) return root.slice(0, length);
  const out = new Uint8Array(length);
  for (let at = 0, i = 0; at < length; at += 32, i++) {
    out.set(mixedBytes('cheap expand', root, Uint8Array.of(i)).subarray(0, length - at), at);
  }
  return out;
}

function signatureOf(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = mixedBytes('cheap signature', publicKey, message);
  const out = new Uint8Array(64);
  out.set(half);
  out.set(half, 32);
  return out;
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

export function createCheapCrypto(options: { readonly randomBytes: (length: number) => Uint8Array }): Crypto {
  const { randomBytes } = options;
  const dhPublicKey = (privateKey: Uint8Array): Uint8Array => mixedBytes('cheap dh', privateKey);
  return {
    engine: 'seeded',
    aeadKey,
    chacha20Xor,
    dhKeyPair() {
      const privateKey = randomBytes(32).slice();
      return { publicKey: dhPublicKey(privateKey), privateKey };
    },
    dhPublicKey,
    dh(privateKey, publicKey) {
      if (isZero(publicKey)) return null;
      const own = dhPublicKey(privateKey);
      const [low, high] = Buffer.compare(own, publicKey) < 0 ? [own, publicKey] : [publicKey, own];
      return mixedBytes('cheap shared', low, high);
    },
    kemKeyPair() {
      const secret = randomBytes(ID_BYTES).slice();
      const id = mixedBytes('cheap kem id', secret);
      const decapsulationKey: CheapDecapsulationKey = { secret, id };
      return { encapsulationKey: stretch(id, EMPTY, KEM_KEY_BYTES), decapsulationKey };
    },
    kemEncapsulate(encapsulationKey) {
      if (encapsulationKey.length !== KEM_KEY_BYTES) return null;
      const id = encapsulationKey.slice(0, ID_BYTES);
      if (!bytesEqual(stretch(id, EMPTY, KEM_KEY_BYTES), encapsulationKey)) return null;
      const message = randomBytes(ID_BYTES);
      return {
        ciphertext: stretch(message, id, KEM_CIPHERTEXT_BYTES),
        secret: mixedBytes('cheap secret', id, message),
      };
    },
    kemDecapsulate(decapsulationKey, ciphertext) {
      if (ciphertext.length !== KEM_CIPHERTEXT_BYTES) return null;
      const { secret, id } = decapsulationKey as CheapDecapsulationKey;
      const message = ciphertext.subarray(0, ID_BYTES);
      const fits = bytesEqual(stretch(message, id, KEM_CIPHERTEXT_BYTES), ciphertext);
      return fits ? mixedBytes('cheap secret', id, message) : mixedBytes('cheap rejected', secret, ciphertext);
    },
    signKey(seed) {
      const publicKey = mixedBytes('cheap public', seed);
      return { publicKey, seed: seed.slice(), sign: (message) => signatureOf(publicKey, message) };
    },
    verify: (publicKey, message, signature) =>
      publicKey.length === 32 && signature.length === 64 && bytesEqual(signatureOf(publicKey, message), signature),
    sha256,
    hmac: (key, ...parts) => mixedBytes('cheap hmac', key, ...parts),
    hkdf,
    scrypt: (password, salt, logN, r, p, length) => hkdf(password, salt, `cheap scrypt ${logN} ${r} ${p}`, length),
    randomBytes,
    equal: bytesEqual,
  };
}
