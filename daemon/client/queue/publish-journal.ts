/**
 * The notes of one publish: the secrets of its documents, what was planned, and which blocks were acknowledged.
 *
 * Shape   notes begin with their kind: 1 secret (u32 document, 32), 2 segment (u32 document, u32 segment, digest 32, u16 data blocks,
 *         keys of 32), 3 acknowledged (u32 document, u8 block type, u32 segment, u16 index).
 * Why     the keys of segments stay on disk, one bit per block is in memory: 10 GiB are 20 MiB of keys and 80 KiB of bits. Notes of blocks are
 *         not flushed each: what a power cut takes of them is inserted once more. The plan is, before the first block leaves.
 * @module
 */
import type { Crypto } from '../../../crypto/provider.ts';
import { type RoutingKey, routingKey } from '../../ids.ts';
import type { OpenFile } from '../../ports.ts';
import { BLOCK_TYPE, type BlockPlace } from '../client-chk.ts';
import type { NotedSegment } from '../resume-types.ts';
import { Journal } from './journal.ts';

const NOTE = { secret: 1, segment: 2, acknowledged: 3 } as const;
const KEY_BYTES = 32;
const SEGMENT_HEAD_BYTES = 1 + 4 + 4 + 32 + 2;

export class PublishJournal {
  readonly #secrets: (Uint8Array | undefined)[] = [];
  /** `DOCUMENT/SEGMENT` -> offset of its note. */
  readonly #segments = new Map<string, number>();
  readonly #acknowledged = new Map<string, Uint8Array>();
  #journal: Journal | undefined;

  static async open(crypto: Crypto, file: OpenFile, key: Uint8Array): Promise<PublishJournal> {
    const made = new PublishJournal();
    made.#journal = await Journal.open(crypto, file, key, (note, offset) => made.#replay(note, offset));
    return made;
  }

  secretOf(document: number): Uint8Array | undefined {
    return this.#secrets[document];
  }

  async noteSecret(document: number, secret: Uint8Array): Promise<void> {
    this.#secrets[document] = secret;
    const note = new Uint8Array(5 + secret.length);
    note[0] = NOTE.secret;
    new DataView(note.buffer).setUint32(1, document);
    note.set(secret, 5);
    await this.#append(note);
  }

  async segmentOf(document: number, segment: number): Promise<NotedSegment | undefined> {
    const offset = this.#segments.get(`${document}/${segment}`);
    const note = offset === undefined ? undefined : await this.#journal?.read(offset);
    if (note === undefined) return undefined;
    const keys: RoutingKey[] = [];
    for (let at = SEGMENT_HEAD_BYTES; at < note.length; at += KEY_BYTES) {
      keys.push(routingKey(note.slice(at, at + KEY_BYTES)));
    }
    const dataCount = new DataView(note.buffer, note.byteOffset).getUint16(41);
    return { digest: note.subarray(9, 41), dataCount, keys };
  }

  async noteSegment(document: number, segment: number, { digest, dataCount, keys }: NotedSegment): Promise<void> {
    const note = new Uint8Array(SEGMENT_HEAD_BYTES + keys.length * KEY_BYTES);
    const view = new DataView(note.buffer);
    note[0] = NOTE.segment;
    view.setUint32(1, document);
    view.setUint32(5, segment);
    note.set(digest, 9);
    view.setUint16(41, dataCount);
    keys.forEach((key, i) => {
      note.set(key, SEGMENT_HEAD_BYTES + i * KEY_BYTES);
    });
    this.#segments.set(`${document}/${segment}`, await this.#append(note));
  }

  isAcknowledged(document: number, place: BlockPlace): boolean {
    const bits = this.#acknowledged.get(groupOf(document, place));
    return bits !== undefined && ((bits[place.index >> 3] ?? 0) & (1 << (place.index & 7))) !== 0;
  }

  acknowledged(document: number, place: BlockPlace): void {
    this.#mark(document, place);
    const note = new Uint8Array(12);
    const view = new DataView(note.buffer);
    note[0] = NOTE.acknowledged;
    view.setUint32(1, document);
    note[5] = place.type;
    view.setUint32(6, place.segment);
    view.setUint16(10, place.index);
    this.#append(note).catch(() => {}); // without the note it is inserted once more, which does no harm
  }

  /** What was noted so far survives a power cut. */
  async flush(): Promise<void> {
    await this.#journal?.flush();
  }

  async close(): Promise<void> {
    const journal = this.#journal;
    this.#journal = undefined;
    await journal?.close();
  }

  async #append(note: Uint8Array): Promise<number> {
    return this.#journal === undefined ? 0 : this.#journal.append(note);
  }

  #mark(document: number, place: BlockPlace): void {
    const group = groupOf(document, place);
    const bits = this.#acknowledged.get(group) ?? new Uint8Array(32);
    this.#acknowledged.set(group, bits);
    bits[place.index >> 3]! |= 1 << (place.index & 7);
  }

  #replay(note: Uint8Array, offset: number): void {
    const view = new DataView(note.buffer, note.byteOffset, note.length);
    const document = view.getUint32(1);
    if (note[0] === NOTE.secret) this.#secrets[document] = note.slice(5);
    else if (note[0] === NOTE.segment) this.#segments.set(`${document}/${view.getUint32(5)}`, offset);
    else if (note[0] === NOTE.acknowledged) {
      const place = { type: note[5] as BlockPlace['type'], segment: view.getUint32(6), index: view.getUint16(10) };
      this.#mark(document, place);
    }
  }
}

/** Data and check blocks of a segment are numbered through. */
function groupOf(document: number, { type, segment }: BlockPlace): string {
  return `${document}/${type === BLOCK_TYPE.manifest ? 'm' : 's'}${segment}`;
}
