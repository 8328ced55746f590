/**
 * Link lengths by class, beside what routing by closeness wants: as many links of one length as of twice that length (1/d).
 *
 * Shape   lengthClasses(distances, estimatedNodes) -> classes with `have` and `ideal`; lengthAdvice -> one sentence.
 * Unit    fraction of the ring, 0 to 0.5.
 * Why     the shortest length that a link can be expected to have is the spacing of the nodes, 1/n: below it the ideal is nothing.
 * Source  ux § 1.2 (Ring); Kleinberg 2000.
 * @module
 */
import { formatDistance } from './format.ts';

const EDGES = [0.001, 0.01, 0.03, 0.1, 0.3, 0.5] as const;

export interface LengthClass {
  readonly from: number;
  readonly to: number;
  readonly have: number;
  readonly ideal: number;
}

export function lengthClasses(distances: readonly number[], estimatedNodes: number): LengthClass[] {
  const shortest = Math.min(0.25, 1 / Math.max(2, estimatedNodes));
  const whole = Math.log(0.5 / shortest);
  return EDGES.map((to, i) => {
    const from = EDGES[i - 1] ?? 0;
    const have = distances.filter(
      (distance) => distance >= from && (distance < to || (to === 0.5 && distance <= to)),
    ).length;
    const share = to <= shortest ? 0 : Math.log(to / Math.max(from, shortest)) / whole;
    return { from, to, have, ideal: share * distances.length };
  });
}

/** What the lengths say, and whether something is missing. */
export function lengthAdvice(classes: readonly LengthClass[]): { readonly text: string; readonly isMissing: boolean } {
  const lacking = classes.filter(({ have, ideal }) => ideal >= 1 && have < ideal / 3);
  const [worst] = lacking.toSorted((a, b) => b.ideal - b.have - (a.ideal - a.have));
  if (worst === undefined) return { text: 'lengths follow 1/d: routes stay short', isMissing: false };
  const few = worst.have === 0 ? 'no links' : 'few links';
  const span =
    worst.from === 0
      ? `under ${formatDistance(worst.to)}`
      : `of ${formatDistance(worst.from)} to ${formatDistance(worst.to)}`;
  return { text: `${few} ${span}: routes take more hops there until such peers are found`, isMissing: true };
}
