/**
 * Notes in the order in which they were made, sealed one by one in a file that only grows.
 *
 * Shape   note: u32 length of what follows, nonce 12, sealed content, tag 16; its offset is the associated data.
 * Errors  those of the port. A note that was torn off by a crash, and all behind it, was never made.
 * Why     one short write per note, because a publish makes one for every block that was acknowledged.
 * @module
 */
import type { Crypto } from '../../../crypto/provider.ts';
import type { OpenFile } from '../../ports.ts';

const LENGTH_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OVERHEAD_BYTES = LENGTH_BYTES + NONCE_BYTES + TAG_BYTES;
/** A segment's note has 8 KiB; anything larger is damage. */
const NOTE_BYTES_MAX = 65_536;
const READ_BYTES = 262_144;

export class Journal {
  readonly #crypto: Crypto;
  readonly #aead: ReturnType<Crypto['aeadKey']>;
  readonly #file: OpenFile;
  #end = 0;

  private constructor(crypto: Crypto, file: OpenFile, key: Uint8Array) {
    this.#crypto = crypto;
    this.#aead = crypto.aeadKey(key);
    this.#file = file;
  }

  /** @param onNote hears of every note there is, with its offset */
  static async open(
    crypto: Crypto,
    file: OpenFile,
    key: Uint8Array,
    onNote: (note: Uint8Array, offset: number) => void,
  ): Promise<Journal> {
    const journal = new Journal(crypto, file, key);
    await journal.#replay(onNote);
    return journal;
  }

  /** Resolves with the offset once it is written; only `flush` makes it survive a power cut. */
  async append(note: Uint8Array): Promise<number> {
    const offset = this.#end;
    const record = new Uint8Array(OVERHEAD_BYTES + note.length);
    new DataView(record.buffer).setUint32(0, record.length - LENGTH_BYTES);
    const nonce = this.#crypto.randomBytes(NONCE_BYTES);
    record.set(nonce, LENGTH_BYTES);
    this.#aead.seal(nonce, note, offsetBytes(offset), record.subarray(LENGTH_BYTES + NONCE_BYTES));
    this.#end += record.length; // the next note goes behind it, whichever write ends first
    await this.#file.write(offset, record);
    return offset;
  }

  async read(offset: number): Promise<Uint8Array | undefined> {
    const head = await this.#file.read(offset, LENGTH_BYTES);
    if (head.length < LENGTH_BYTES) return undefined;
    const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
    if (length > NOTE_BYTES_MAX) return undefined;
    return this.#openNote(await this.#file.read(offset + LENGTH_BYTES, length), length, offset);
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  async close(): Promise<void> {
    this.#aead.wipe();
    await this.#file.close();
  }

  async #replay(onNote: (note: Uint8Array, offset: number) => void): Promise<void> {
    let chunk: Uint8Array = new Uint8Array(0);
    let chunkAt = 0;
    for (;;) {
      const within = this.#end - chunkAt;
      const have = chunk.length - within;
      const length = have < LENGTH_BYTES ? 0 : new DataView(chunk.buffer, chunk.byteOffset + within).getUint32(0);
      if (have < LENGTH_BYTES || have < LENGTH_BYTES + length) {
        if (length > NOTE_BYTES_MAX) break;
        const next = await this.#file.read(this.#end, READ_BYTES);
        if (next.length <= have) break; // nothing new: torn, or the end
        chunk = next;
        chunkAt = this.#end;
        continue;
      }
      const note = this.#openNote(chunk.subarray(within + LENGTH_BYTES), length, this.#end);
      if (note === undefined) break;
      onNote(note, this.#end);
      this.#end += LENGTH_BYTES + length;
    }
    await this.#file.truncate(this.#end);
  }

  #openNote(sealed: Uint8Array, length: number, offset: number): Uint8Array | undefined {
    if (length < NONCE_BYTES + TAG_BYTES || sealed.length < length) return undefined;
    const content = sealed.subarray(NONCE_BYTES, length);
    return this.#aead.open(sealed.subarray(0, NONCE_BYTES), content, offsetBytes(offset)) ?? undefined;
  }
}

function offsetBytes(offset: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(offset));
  return bytes;
}
