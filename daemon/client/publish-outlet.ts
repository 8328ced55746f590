/**
 * Where the blocks of a document go: into the network, into the network as far as an earlier run did not get, or nowhere but the plan.
 *
 * Shape   keys come back in the order of the blocks. A plan notes the keys of each segment beside a digest of what they were sealed from.
 * Errors  LocalError publish_failed when the source is no longer what was planned; else as splitfile/insert.ts.
 * Why     a block's cipher key and nonce follow from the document's secret and the block's place. Other content sealed there under the same
 *         secret would give whoever holds both blocks the difference of the two, so every segment of a planned document is compared
 *         with its digest before the first of its blocks is sealed.
 * Source  formats.md "block key"; ux § 2 "Publish resumes too".
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import type { RoutingKey } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { BLOCK_TYPE } from './client-chk.ts';
import type { NotedSegment, PublishResume } from './resume-types.ts';
import { type BlockToInsert, type InsertContext, insertBlocks } from './splitfile/insert.ts';
import type { SourceSegment } from './splitfile/segment.ts';

/** Sealing takes 80 us a block; in between the node has others to serve. */
const SEALED_AT_ONCE = 16;

export interface Outlet {
  /** What was planned for this segment, if it was. @throws LocalError publish_failed when it is another one now */
  noted(segment: number, content: SourceSegment): Promise<NotedSegment | undefined>;
  /** @param segment when the blocks are all blocks of one, in order */
  insert(blocks: readonly BlockToInsert[], order: 'first' | 'last', segment?: SegmentToNote): Promise<RoutingKey[]>;
  /** The segment needs nothing any more: every block was acknowledged. */
  isDone(blocks: readonly Pick<BlockToInsert, 'place'>[]): boolean;
  /** Counts what an earlier run inserted. */
  countDone(documentBytes: number): void;
}

/** The notes of earlier runs are of no use any more, and must not be: a new run takes a new secret. */
export class SourceChanged extends LocalError {
  constructor() {
    super('publish_failed', 'its content changed since it was begun');
  }
}

export interface SegmentToNote {
  readonly segment: number;
  readonly content: SourceSegment;
}

export function networkOutlet(context: InsertContext): Outlet {
  return {
    noted: async () => undefined,
    insert: (blocks, order) => insertBlocks(context, blocks, order),
    isDone: () => false,
    countDone() {},
  };
}

export function planOutlet(crypto: Crypto, clock: Clock, resume: PublishResume, document: number): Outlet {
  return {
    noted: async () => undefined,
    async insert(blocks, _order, segment) {
      const keys: RoutingKey[] = [];
      for (const block of blocks) {
        keys.push(block.seal().key);
        if (keys.length % SEALED_AT_ONCE === 0) await new Promise<void>((goOn) => void clock.setTimer(0, goOn));
      }
      if (segment !== undefined) {
        const { payloads } = segment.content;
        const noted = { digest: crypto.sha256(...payloads), dataCount: payloads.length, keys };
        await resume.noteSegment(document, segment.segment, noted);
      }
      return keys;
    },
    isDone: () => false,
    countDone() {},
  };
}

/** @param onCount one block and so many bytes of the document are there already */
export function resumedOutlet(
  crypto: Crypto,
  context: InsertContext,
  resume: PublishResume,
  document: number,
  onCount: (documentBytes: number) => void,
): Outlet {
  const noting: InsertContext = {
    ...context,
    onInserted(block, copies) {
      resume.acknowledged(document, block.place);
      context.onInserted(block, copies);
    },
  };
  return {
    async noted(segment, { payloads }) {
      const noted = await resume.segmentOf(document, segment);
      if (noted === undefined || !crypto.equal(noted.digest, crypto.sha256(...payloads))) {
        throw new SourceChanged();
      }
      return noted;
    },
    async insert(blocks, order) {
      const open = blocks.filter(({ place }) => !resume.isAcknowledged(document, place));
      for (const { place } of blocks) {
        if (place.type !== BLOCK_TYPE.manifest && resume.isAcknowledged(document, place))
          context.map?.set(place.segment, place.index, 'have');
      }
      const keys = new Map<BlockToInsert, RoutingKey>();
      if (open.length > 0) {
        const inserted = await insertBlocks(noting, open, order);
        open.forEach((block, i) => {
          keys.set(block, inserted[i]!);
        });
      }
      return blocks.map((block) => {
        const key = keys.get(block);
        if (key !== undefined) return key;
        onCount(block.documentBytes);
        return block.seal().key;
      });
    },
    isDone: (blocks) => blocks.every(({ place }) => resume.isAcknowledged(document, place)),
    countDone: onCount,
  };
}
