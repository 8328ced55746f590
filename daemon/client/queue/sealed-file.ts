/**
 * A file of the spool that only this home can read: pages sealed one by one, written in order, read anywhere.
 *
 * Shape   page: nonce 12 || ChaCha20-Poly1305 of up to 65,536 bytes, its number as associated data. All pages but the last are full.
 * Errors  LocalError disk_failed for a page that does not open; those of the port.
 * Why     fresh random nonces, because the last page is sealed again as it grows, and one nonce for two contents would let a stranger with
 *         the disk forge pages. How long the file is, its owner notes elsewhere: what lies behind that is of a run that ended in between.
 * Source  RFC 8439; ux § 2 "Resume".
 * @module
 */
import type { Crypto } from '../../../crypto/provider.ts';
import { LocalError } from '../../errors.ts';
import type { OpenFile } from '../../ports.ts';

const PAGE_BYTES = 65_536;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED_PAGE_BYTES = NONCE_BYTES + PAGE_BYTES + TAG_BYTES;

export class SealedFile {
  readonly #crypto: Crypto;
  readonly #aead: ReturnType<Crypto['aeadKey']>;
  readonly #file: OpenFile;
  /** The page that is being filled. */
  readonly #page = new Uint8Array(PAGE_BYTES);
  #filled = 0;
  #pages = 0;

  private constructor(crypto: Crypto, file: OpenFile, key: Uint8Array) {
    this.#crypto = crypto;
    this.#aead = crypto.aeadKey(key);
    this.#file = file;
  }

  /** @param sizeBytes as it was at the last `save`; what follows is dropped */
  static async open(crypto: Crypto, file: OpenFile, key: Uint8Array, sizeBytes: number): Promise<SealedFile> {
    const sealed = new SealedFile(crypto, file, key);
    sealed.#pages = Math.floor(sizeBytes / PAGE_BYTES);
    const rest = sizeBytes % PAGE_BYTES;
    if (rest > 0) {
      const last = await sealed.#readPage(sealed.#pages);
      if (last.length < rest) throw new LocalError('disk_failed', 'the spool is shorter than it was');
      sealed.#page.set(last.subarray(0, rest));
      sealed.#filled = rest;
    }
    return sealed;
  }

  get sizeBytes(): number {
    return this.#pages * PAGE_BYTES + this.#filled;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + PAGE_BYTES - this.#filled);
      this.#page.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === PAGE_BYTES) {
        await this.#writePage();
        this.#pages++;
        this.#filled = 0;
      }
    }
  }

  /** Everything appended survives from now on. */
  async save(): Promise<void> {
    if (this.#filled > 0) await this.#writePage();
    await this.#file.flush();
  }

  async *read(from = 0, to: number = this.sizeBytes): AsyncGenerator<Uint8Array> {
    for (let at = from; at < to; ) {
      const number = Math.floor(at / PAGE_BYTES);
      const page = number === this.#pages ? this.#page.slice(0, this.#filled) : await this.#readPage(number);
      const part = page.subarray(at - number * PAGE_BYTES, Math.min(page.length, to - number * PAGE_BYTES));
      if (part.length === 0) throw new LocalError('disk_failed', 'the spool is shorter than it was');
      at += part.length;
      yield part;
    }
  }

  async close(): Promise<void> {
    this.#aead.wipe();
    this.#page.fill(0);
    await this.#file.close();
  }

  async #writePage(): Promise<void> {
    const sealed = new Uint8Array(NONCE_BYTES + this.#filled + TAG_BYTES);
    const nonce = this.#crypto.randomBytes(NONCE_BYTES);
    sealed.set(nonce);
    this.#aead.seal(
      nonce,
      this.#page.subarray(0, this.#filled),
      numberBytes(this.#pages),
      sealed.subarray(NONCE_BYTES),
    );
    await this.#file.write(this.#pages * SEALED_PAGE_BYTES, sealed);
  }

  async #readPage(number: number): Promise<Uint8Array> {
    const sealed = await this.#file.read(number * SEALED_PAGE_BYTES, SEALED_PAGE_BYTES);
    const page =
      sealed.length <= NONCE_BYTES + TAG_BYTES
        ? null
        : this.#aead.open(sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES), numberBytes(number));
    if (page === null) throw new LocalError('disk_failed', 'a page of the spool is damaged');
    return page;
  }
}

/** Bytes on disk for so many of content. */
export function sealedBytes(sizeBytes: number): number {
  return sizeBytes + Math.ceil(sizeBytes / PAGE_BYTES) * (NONCE_BYTES + TAG_BYTES);
}

function numberBytes(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}
