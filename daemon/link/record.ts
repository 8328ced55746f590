/**
 * Link records: sealed length, then sealed frames; what actually crosses the wire once a link is up.
 *
 * Shape   seal(u16 plaintext length) 18 bytes, then seal(frames) plaintext + 16 bytes, at most 65,553 together. Record n of a key
 *         uses nonces 2n and 2n + 1 (four zero bytes, then 64 bits little-endian). No associated data.
 * Unit    a key serves 2^20 records; the sender ends the last one with a rekey frame, and the next record uses
 *         HKDF(key, salt 'holloway link', info 'rekey') from n = 0.
 * Errors  ProtocolError ERR_RECORD from the reader: a tag that does not hold, a length out of bounds, a key used too long.
 *         It is thrown once; the reader is dead afterwards.
 * Why     a sealed length hides where records begin, and a flipped bit in it is found before a byte of the record is awaited.
 *         One AEAD per 64 KiB instead of one per cell is five times the throughput at 1 KiB cells (libraries.md § 8).
 * Source  formats.md "link record"; PROTOCOL.md § 4.
 * @module
 */
import { wipeBytes } from '../../crypto/bytes.ts';
import type { AeadKey, Crypto } from '../../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { FRAME_HEADER_BYTES, RECORD_PLAINTEXT_MAX } from '../limits.ts';

export const RECORD_LENGTH_BYTES = 2 + 16;
export const RECORD_TAG_BYTES = 16;
export const RECORD_OVERHEAD_BYTES = RECORD_LENGTH_BYTES + RECORD_TAG_BYTES;
export const RECORDS_PER_KEY = 2 ** 20;

const NO_AD = new Uint8Array(0);

/** One direction's key with its counter. */
class RecordKey {
  readonly #crypto: Crypto;
  #secret: Uint8Array;
  #aead: AeadKey;
  readonly #nonce = new Uint8Array(12);
  readonly #counter = new DataView(this.#nonce.buffer);
  /** Records under the present key. */
  records = 0;

  constructor(crypto: Crypto, secret: Uint8Array) {
    this.#crypto = crypto;
    this.#secret = secret.slice();
    this.#aead = crypto.aeadKey(secret);
  }

  sealPart(part: 0 | 1, plaintext: Uint8Array, dst: Uint8Array): void {
    this.#aead.seal(this.#nonceOf(part), plaintext, NO_AD, dst);
  }

  openPart(part: 0 | 1, sealed: Uint8Array): Uint8Array | null {
    return this.#aead.open(this.#nonceOf(part), sealed, NO_AD);
  }

  rekey(): void {
    const next = this.#crypto.hkdf(this.#secret, 'holloway link', 'rekey', 32);
    this.wipe();
    this.#secret = next;
    this.#aead = this.#crypto.aeadKey(next);
    this.records = 0;
  }

  wipe(): void {
    wipeBytes(this.#secret);
    this.#aead.wipe();
  }

  /** 2n + part; n stays far below 2^31 (RECORDS_PER_KEY). */
  #nonceOf(part: 0 | 1): Uint8Array {
    this.#counter.setUint32(4, this.records * 2 + part, true);
    return this.#nonce;
  }
}

/** Seals records in place. */
export class RecordWriter {
  readonly #key: RecordKey;
  readonly #recordsPerKey: number;

  constructor(crypto: Crypto, secret: Uint8Array, recordsPerKey: number = RECORDS_PER_KEY) {
    this.#key = new RecordKey(crypto, secret);
    this.#recordsPerKey = recordsPerKey;
  }

  /** The next record is the last this key may seal: it must end with a rekey frame. */
  get isLastOfKey(): boolean {
    return this.#key.records >= this.#recordsPerKey - 1;
  }

  /**
   * @param buffer whose frames begin at RECORD_LENGTH_BYTES; has RECORD_OVERHEAD_BYTES + plaintextBytes
   * @param rekey the frames end with a rekey frame
   */
  seal(buffer: Uint8Array, plaintextBytes: number, rekey: boolean): void {
    const end = RECORD_LENGTH_BYTES + plaintextBytes;
    this.#key.sealPart(
      0,
      Uint8Array.of(plaintextBytes >>> 8, plaintextBytes & 0xff),
      buffer.subarray(0, RECORD_LENGTH_BYTES),
    );
    this.#key.sealPart(
      1,
      buffer.subarray(RECORD_LENGTH_BYTES, end),
      buffer.subarray(RECORD_LENGTH_BYTES, end + RECORD_TAG_BYTES),
    );
    if (rekey) this.#key.rekey();
    else this.#key.records++;
  }

  wipe(): void {
    this.#key.wipe();
  }
}

/**
 * Turns bytes in pieces of any size into plaintexts of records.
 *
 * Why     a record that lies whole in a piece is opened where it is; only one that is cut is put together, once, in a buffer
 *         of exactly its size. So no byte is copied twice, however small the pieces.
 */
export class RecordReader {
  readonly #key: RecordKey;
  readonly #recordsPerKey: number;
  readonly #head = new Uint8Array(RECORD_LENGTH_BYTES);
  #headBytes = 0;
  /** Sealed size of the record under way; 0 while its length is not known. */
  #sealedBytes = 0;
  #body: Uint8Array | undefined;
  #bodyBytes = 0;
  #dead = false;

  constructor(crypto: Crypto, secret: Uint8Array, recordsPerKey: number = RECORDS_PER_KEY) {
    this.#key = new RecordKey(crypto, secret);
    this.#recordsPerKey = recordsPerKey;
  }

  /** @param record is given each plaintext, a fresh array; it may call rekey(), and returns false to stop */
  push(bytes: Uint8Array, record: (plaintext: Uint8Array) => boolean): void {
    let at = 0;
    while (!this.#dead && at < bytes.length) {
      if (this.#sealedBytes === 0) {
        const take = Math.min(RECORD_LENGTH_BYTES - this.#headBytes, bytes.length - at);
        this.#head.set(bytes.subarray(at, at + take), this.#headBytes);
        this.#headBytes += take;
        at += take;
        if (this.#headBytes === RECORD_LENGTH_BYTES) this.#openLength();
        continue;
      }
      const missing = this.#sealedBytes - this.#bodyBytes;
      const take = Math.min(missing, bytes.length - at);
      const piece = bytes.subarray(at, at + take);
      at += take;
      if (this.#body === undefined && take === missing) {
        if (!record(this.#openBody(piece))) return;
        continue;
      }
      this.#body ??= new Uint8Array(this.#sealedBytes);
      this.#body.set(piece, this.#bodyBytes);
      this.#bodyBytes += take;
      if (this.#bodyBytes === this.#sealedBytes && !record(this.#openBody(this.#body))) return;
    }
  }

  /** The record just read ended with a rekey frame. */
  rekey(): void {
    this.#key.rekey();
  }

  wipe(): void {
    this.#dead = true;
    this.#body = undefined;
    this.#key.wipe();
  }

  #openLength(): void {
    if (this.#key.records >= this.#recordsPerKey) this.#refuse('the key should have turned');
    const length = this.#key.openPart(0, this.#head);
    if (length === null) this.#refuse('a length does not verify');
    const plaintextBytes = length[0]! * 256 + length[1]!;
    if (plaintextBytes < FRAME_HEADER_BYTES || plaintextBytes > RECORD_PLAINTEXT_MAX)
      this.#refuse('a length out of bounds');
    this.#sealedBytes = plaintextBytes + RECORD_TAG_BYTES;
    this.#headBytes = 0;
  }

  #openBody(sealed: Uint8Array): Uint8Array {
    const plaintext = this.#key.openPart(1, sealed);
    if (plaintext === null) this.#refuse('a record does not verify');
    this.#key.records++;
    this.#sealedBytes = 0;
    this.#bodyBytes = 0;
    this.#body = undefined;
    return plaintext;
  }

  #refuse(reason: string): never {
    this.wipe();
    throw new ProtocolError('ERR_RECORD', reason);
  }
}
