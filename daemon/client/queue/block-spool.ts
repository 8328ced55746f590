/**
 * The blocks that a fetch holds and has not handed on yet, in a file of the spool: what a restart must not cost.
 *
 * Shape   slots of one size: nonce 12 || sealed (routing key 32 || block 32,768) || tag 16. An empty slot begins with zeros.
 * Errors  none: a block that cannot be written is fetched again, and a slot that does not open is free.
 * Why     sealed once more, because the hash of a block as it came is its routing key: whoever has the disk and a key could see that it was
 *         fetched here. Not flushed: a killed process loses nothing by it, and a power cut loses what would be fetched again.
 * Source  ux § 2 "Resume".
 * @module
 */
import type { Crypto } from '../../../crypto/provider.ts';
import { hexKey, type RoutingKey } from '../../ids.ts';
import { BLOCK_BYTES, QUEUE_KEPT_BLOCKS_MAX } from '../../limits.ts';
import type { OpenFile } from '../../ports.ts';
import type { KeptBlocks } from '../resume-types.ts';

const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const CONTENT_BYTES = KEY_BYTES + BLOCK_BYTES;
export const SPOOL_SLOT_BYTES = NONCE_BYTES + CONTENT_BYTES + 16;
const NOTHING = new Uint8Array(0);
const NO_NONCE = new Uint8Array(NONCE_BYTES);

export class BlockSpool implements KeptBlocks {
  readonly #crypto: Crypto;
  readonly #aead: ReturnType<Crypto['aeadKey']>;
  readonly #file: OpenFile;
  readonly #slotsMax: number;
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  #end = 0;
  #isClosed = false;

  private constructor(crypto: Crypto, file: OpenFile, key: Uint8Array, slotsMax: number) {
    this.#crypto = crypto;
    this.#aead = crypto.aeadKey(key);
    this.#file = file;
    this.#slotsMax = slotsMax;
  }

  static async open(
    crypto: Crypto,
    file: OpenFile,
    key: Uint8Array,
    slotsMax: number = QUEUE_KEPT_BLOCKS_MAX,
  ): Promise<BlockSpool> {
    const spool = new BlockSpool(crypto, file, key, slotsMax);
    await spool.#readIndex();
    return spool;
  }

  get blocks(): number {
    return this.#slots.size;
  }

  has(key: RoutingKey): boolean {
    return this.#slots.has(hexKey(key));
  }

  async read(key: RoutingKey): Promise<Uint8Array | undefined> {
    const slot = this.#slots.get(hexKey(key));
    if (slot === undefined || this.#isClosed) return undefined;
    const content = await this.#readSlot(slot).catch(() => undefined);
    if (content !== undefined && this.#crypto.equal(content.subarray(0, KEY_BYTES), key)) {
      return content.subarray(KEY_BYTES);
    }
    this.#slots.delete(hexKey(key));
    this.#free.push(slot);
    return undefined;
  }

  keep(key: RoutingKey, bytes: Uint8Array): void {
    if (this.#isClosed || bytes.length !== BLOCK_BYTES || this.has(key)) return;
    const slot = this.#free.pop() ?? (this.#end < this.#slotsMax ? this.#end++ : undefined);
    if (slot === undefined) return;
    const content = new Uint8Array(CONTENT_BYTES);
    content.set(key);
    content.set(bytes, KEY_BYTES);
    const sealed = new Uint8Array(SPOOL_SLOT_BYTES);
    const nonce = this.#crypto.randomBytes(NONCE_BYTES);
    sealed.set(nonce);
    this.#aead.seal(nonce, content, NOTHING, sealed.subarray(NONCE_BYTES));
    const name = hexKey(key);
    this.#slots.set(name, slot);
    this.#file.write(slot * SPOOL_SLOT_BYTES, sealed).catch(() => {
      this.#slots.delete(name);
      this.#free.push(slot);
    });
  }

  /** What will not be asked for again makes room. */
  drop(keys: readonly RoutingKey[]): void {
    for (const key of keys) {
      const name = hexKey(key);
      const slot = this.#slots.get(name);
      if (slot === undefined || this.#isClosed) continue;
      this.#slots.delete(name);
      this.#free.push(slot);
      this.#file.write(slot * SPOOL_SLOT_BYTES, NO_NONCE).catch(() => {}); // it is found again, and passed again
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#aead.wipe();
    await this.#file.close();
  }

  async #readIndex(): Promise<void> {
    this.#end = Math.min(this.#slotsMax, Math.ceil(this.#file.sizeBytes() / SPOOL_SLOT_BYTES));
    for (let slot = 0; slot < this.#end; slot++) {
      const content = await this.#readSlot(slot).catch(() => undefined);
      if (content === undefined) this.#free.push(slot);
      else this.#slots.set(hexKey(content.subarray(0, KEY_BYTES)), slot);
    }
  }

  async #readSlot(slot: number): Promise<Uint8Array | undefined> {
    const sealed = await this.#file.read(slot * SPOOL_SLOT_BYTES, SPOOL_SLOT_BYTES);
    if (sealed.length < SPOOL_SLOT_BYTES || this.#crypto.equal(sealed.subarray(0, NONCE_BYTES), NO_NONCE)) {
      return undefined;
    }
    return this.#aead.open(sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES), NOTHING) ?? undefined;
  }
}
