/**
 * Kademlia: distance is XOR; each node knows some nodes in every subtree that it is not in itself; lookups are iterative.
 *
 * Shape   the links a node may have are shared out evenly over its buckets, a bucket never larger than its subtree. The asker keeps the
 *         best it has heard of, asks the ALPHA nearest not yet asked at once, and goes on until the nearest of all was asked or nothing
 *         nearer turns up among the best K. A node answers with the K nearest in its table.
 * Unit    hops are rounds of questions, up to the one in which the holder was asked; messages count question and answer.
 * Source  Maymounkov, Mazieres, "Kademlia", IPTPS 2002, § 2.3: alpha 3, k 20.
 * @module
 */
import type { RingLocation } from '../../../daemon/ids.ts';
import { createLinks, type Links } from '../routing/links.ts';
import type { NodeSet } from '../routing/node-set.ts';
import type { SimRandom } from '../world/fast-random.ts';
import type { LookupOutcome, Overlay } from './overlay-types.ts';

const ALPHA = 3;
const K = 20;
const ID_BITS = 32;

export function createKademlia(nodes: NodeSet, peers: number, random: SimRandom): Overlay {
  const { ids } = nodes;
  const links = buildTables(nodes, Math.min(peers, nodes.count - 1), random);

  function lookup(from: number, target: RingLocation): LookupOutcome {
    const wanted = Math.floor(target * 2 ** ID_BITS);
    const away = (node: number): number => (ids[node]! ^ wanted) >>> 0;
    const holder = nearestByXor(nodes, wanted);
    if (from === holder) return { found: true, hops: 0, messages: 0, end: from };
    const heard = new Set([from]);
    const asked = new Set([from]);
    let best: number[] = [];
    const learn = (node: number): void => {
      const answer: number[] = [];
      for (let i = 0; i < links.degrees[node]!; i++) answer.push(links.at(node, i));
      answer.sort((a, b) => away(a) - away(b));
      for (const known of answer.slice(0, K)) {
        if (heard.has(known)) continue;
        heard.add(known);
        best.push(known);
      }
    };
    learn(from);
    let messages = 0;
    for (let round = 1; ; round++) {
      best.sort((a, b) => away(a) - away(b));
      best = best.slice(0, K);
      const turn = best.filter((node) => !asked.has(node)).slice(0, ALPHA);
      if (turn.length === 0) return { found: false, hops: round - 1, messages, end: best[0] ?? from };
      messages += turn.length * 2;
      if (turn.includes(holder)) return { found: true, hops: round, messages, end: holder };
      for (const node of turn) {
        asked.add(node);
        learn(node);
      }
    }
  }
  return { name: 'kademlia', degreeMean: links.mean(), lookup };
}

/** Node numbers follow the ids, so a subtree is a range of them: [first, end) of those that share `bits` first bits with `prefix`. */
function subtree(ids: Uint32Array, prefix: number, bits: number): readonly [number, number] {
  const size = 2 ** (ID_BITS - bits);
  const start = Math.floor(prefix / size) * size;
  return [firstAtLeast(ids, start), firstAtLeast(ids, start + size)];
}

function firstAtLeast(ids: Uint32Array, value: number): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Walks down the tree of ids, to the target's side wherever somebody lives there. */
export function nearestByXor(nodes: NodeSet, wanted: number): number {
  const { ids } = nodes;
  let prefix = 0;
  for (let bits = 1; bits <= ID_BITS; bits++) {
    const bit = 2 ** (ID_BITS - bits);
    const same = prefix + (Math.floor(wanted / bit) % 2) * bit;
    const other = prefix + (1 - (Math.floor(wanted / bit) % 2)) * bit;
    const [first, end] = subtree(ids, same, bits);
    if (end - first === 1) return first;
    prefix = end > first ? same : other;
  }
  return firstAtLeast(ids, prefix);
}

function buildTables(nodes: NodeSet, peers: number, random: SimRandom): Links {
  const { ids, count } = nodes;
  const links = createLinks(count, peers);
  for (let node = 0; node < count; node++) {
    const buckets: { first: number; size: number; quota: number }[] = [];
    for (let bits = 1; bits <= ID_BITS; bits++) {
      const bit = 2 ** (ID_BITS - bits);
      const sibling = Math.floor(ids[node]! / bit) % 2 === 1 ? ids[node]! - bit : ids[node]! + bit;
      const [first, end] = subtree(ids, sibling, bits);
      if (end > first) buckets.push({ first, size: end - first, quota: 0 });
      const [ownFirst, ownEnd] = subtree(ids, ids[node]!, bits);
      if (ownEnd - ownFirst === 1) break;
    }
    shareOut(buckets, peers);
    for (const { first, size, quota } of buckets) {
      if (quota === size) for (let i = 0; i < size; i++) links.add(node, first + i);
      else {
        for (let chosen = 0; chosen < quota; ) {
          const drawn = first + random.below(size);
          if (links.has(node, drawn)) continue;
          links.add(node, drawn);
          chosen++;
        }
      }
    }
  }
  return links;
}

/** One each in turn, the nearest subtree first, until the links are used up: near ones are what a lookup cannot end without. */
function shareOut(buckets: { size: number; quota: number }[], peers: number): void {
  let left = peers;
  for (let given = true; left > 0 && given; ) {
    given = false;
    for (const bucket of buckets.toReversed()) {
      if (left === 0 || bucket.quota === bucket.size) continue;
      bucket.quota++;
      left--;
      given = true;
    }
  }
}
