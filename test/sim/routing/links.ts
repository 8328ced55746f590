/**
 * Who is linked with whom: rows of node numbers in one flat array.
 *
 * Unit    100,000 nodes with 40 links each take 16 MB.
 * @module
 */
export interface Links {
  readonly nodeCount: number;
  readonly linksMax: number;
  readonly degrees: Uint16Array;
  /** The node at place `index` of `node`'s row. */
  at(node: number, index: number): number;
  has(node: number, other: number): boolean;
  isFull(node: number): boolean;
  /** One direction only. */
  add(node: number, other: number): void;
  /** Both directions; both must have room. */
  join(a: number, b: number): void;
  mean(): number;
}

export function createLinks(nodeCount: number, linksMax: number): Links {
  const rows = new Int32Array(nodeCount * linksMax);
  const degrees = new Uint16Array(nodeCount);
  const add = (node: number, other: number): void => {
    if (degrees[node]! >= linksMax) throw new RangeError('a row of links is full');
    rows[node * linksMax + degrees[node]!] = other;
    degrees[node]!++;
  };
  return {
    nodeCount,
    linksMax,
    degrees,
    add,
    at: (node, index) => rows[node * linksMax + index]!,
    has(node, other) {
      const start = node * linksMax;
      const end = start + degrees[node]!;
      for (let i = start; i < end; i++) if (rows[i] === other) return true;
      return false;
    },
    isFull: (node) => degrees[node]! >= linksMax,
    join(a, b) {
      add(a, b);
      add(b, a);
    },
    mean() {
      let total = 0;
      for (const degree of degrees) total += degree;
      return total / nodeCount;
    },
  };
}
