/**
 * Which blocks of a transfer are here, on their way, missed or not asked yet: for its owner's eyes, while it runs.
 *
 * Shape   of the document under way, its latest segments: one state a block, data blocks before check blocks.
 * Unit    at most SEGMENTS_KEPT segments of at most BLOCKS_MAX blocks.
 * Why     in memory and nowhere else; numbers of blocks and segments, never their keys.
 * Source  ux § 1.2 (Xfers).
 * @module
 */

/** As one character: not asked, asked, missed, have. */
export const BLOCK_STATES = { open: '.', asked: '>', missed: 'x', have: '#' } as const;
export type BlockState = keyof typeof BLOCK_STATES;

const SEGMENTS_KEPT = 8;
/** Of a segment, check blocks included; a stranger's manifest cannot ask for more. */
const BLOCKS_MAX = 256;

export interface SegmentReading {
  /** From 0. */
  readonly segment: number;
  /** How many of its blocks suffice; of a publish all of them. */
  readonly needed: number;
  /** One of BLOCK_STATES a block. */
  readonly blocks: string;
}

export interface BlockMapReading {
  /** Of the document under way; 0 while that is not known. */
  readonly segments: number;
  /** The latest ones, in their order. */
  readonly shown: readonly SegmentReading[];
}

interface Segment {
  needed: number | undefined;
  readonly blocks: BlockState[];
}

export class BlockMap {
  #segments = 0;
  readonly #shown = new Map<number, Segment>();

  /** Another document of the same transfer. */
  begin(segments: number): void {
    this.#segments = segments;
    this.#shown.clear();
  }

  /** A segment whose blocks and need are known. */
  open(segment: number, blocks: number, needed: number): void {
    const entry = this.#entry(segment);
    entry.needed = needed;
    while (entry.blocks.length < Math.min(blocks, BLOCKS_MAX)) entry.blocks.push('open');
  }

  /** A block that is here stays here. */
  set(segment: number, index: number, state: BlockState): void {
    const { blocks } = this.#entry(segment);
    if (index >= BLOCKS_MAX || blocks[index] === 'have') return;
    while (blocks.length <= index) blocks.push('open');
    blocks[index] = state;
  }

  read(): BlockMapReading {
    const shown = [...this.#shown].sort(([a], [b]) => a - b);
    return {
      segments: this.#segments,
      shown: shown.map(([segment, { needed, blocks }]) => ({
        segment,
        needed: needed ?? blocks.length,
        blocks: blocks.map((state) => BLOCK_STATES[state]).join(''),
      })),
    };
  }

  #entry(segment: number): Segment {
    let entry = this.#shown.get(segment);
    if (entry === undefined) {
      entry = { needed: undefined, blocks: [] };
      this.#shown.set(segment, entry);
      const oldest = this.#shown.keys().next().value!;
      if (this.#shown.size > SEGMENTS_KEPT) this.#shown.delete(oldest);
    }
    return entry;
  }
}
