/**
 * Builds the manifest tree while segments are still being published: a block is closed when the next one needs its place.
 *
 * Shape   filled from the left, so that the tree is the one `shapeOf` computes from the size (document-shape.ts).
 * Why     in memory are one leaf and one list of keys per level, whatever the document's size.
 * @module
 */
import type { RoutingKey } from '../ids.ts';
import { MANIFEST_INNER_CHILDREN_MAX, MANIFEST_LEAF_SEGMENTS_MAX } from '../limits.ts';
import type { BlockPlace } from './client-chk.ts';
import { encodeManifest, type ManifestNode, type ManifestTop, manifestPlace, type SegmentKeys } from './manifest.ts';

export interface ManifestBlock {
  readonly place: BlockPlace;
  readonly payload: Uint8Array;
}

export class ManifestBuilder {
  readonly #insert: (block: ManifestBlock) => Promise<RoutingKey>;
  #segments: SegmentKeys[] = [];
  /** Keys waiting at level 1, 2, 3. */
  readonly #children: RoutingKey[][] = [];
  /** Blocks closed per level. */
  readonly #closed: number[] = [];

  /** @param insert places a block below the top and resolves to its key */
  constructor(insert: (block: ManifestBlock) => Promise<RoutingKey>) {
    this.#insert = insert;
  }

  async add(segment: SegmentKeys): Promise<void> {
    if (this.#segments.length === MANIFEST_LEAF_SEGMENTS_MAX) await this.#closeLeaf();
    this.#segments.push(segment);
  }

  /** The top block, once every segment was added. */
  async finish(top: ManifestTop): Promise<ManifestBlock> {
    if (this.#children.length === 0) return topBlock({ level: 0, top, segments: this.#segments, children: [] });
    await this.#closeLeaf();
    for (let level = 1; level < this.#children.length; level++) await this.#closeInner(level);
    const level = this.#children.length;
    return topBlock({ level, top, segments: [], children: this.#children[level - 1]! });
  }

  async #closeLeaf(): Promise<void> {
    const node: ManifestNode = { level: 0, top: undefined, segments: this.#segments, children: [] };
    this.#segments = [];
    await this.#close(node);
  }

  async #closeInner(level: number): Promise<void> {
    const children = this.#children[level - 1]!;
    this.#children[level - 1] = [];
    await this.#close({ level, top: undefined, segments: [], children });
  }

  async #close(node: ManifestNode): Promise<void> {
    const position = this.#closed[node.level] ?? 0;
    this.#closed[node.level] = position + 1;
    const key = await this.#insert({
      place: manifestPlace(node.level, position, false),
      payload: encodeManifest(node),
    });
    if (this.#children[node.level]?.length === MANIFEST_INNER_CHILDREN_MAX) await this.#closeInner(node.level + 1);
    this.#children[node.level] ??= [];
    this.#children[node.level]!.push(key);
  }
}

function topBlock(node: ManifestNode): ManifestBlock {
  return { place: manifestPlace(node.level, 0, true), payload: encodeManifest(node) };
}
