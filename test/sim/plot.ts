/**
 * Mean hops against network size as an SVG: one line for each overlay and number of peers, logarithmic in nodes.
 *
 * Shape   rows with `nodes` and `hopsMean`; series by `overlay` and `peers` where rows have them. No library, no script, no font of ours.
 * @module
 */
import type { Row } from './experiment.ts';

export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly nodes: number; readonly hops: number }[];
}

const WIDTH = 900;
const HEIGHT = 540;
const LEFT = 60;
const RIGHT = 200;
const TOP = 30;
const BOTTOM = 50;
/** Told apart by eight colours and then by dashes. */
const COLOURS = ['#1b6ca8', '#c0392b', '#2e8b57', '#8e44ad', '#d68910', '#16a085', '#7f8c8d', '#2c3e50'];
const DASHES = ['', '6 3', '2 3'];

export function curvesOf(rows: readonly Row[]): Curve[] {
  const series = new Map<string, { nodes: number; hops: number }[]>();
  for (const { nodes, hopsMean, overlay, peers } of rows) {
    if (typeof nodes !== 'number' || typeof hopsMean !== 'number' || nodes <= 0) continue;
    const name = [overlay ?? 'holloway', ...(peers === undefined || peers === null ? [] : [`${peers} peers`])].join(
      ', ',
    );
    const points = series.get(name) ?? [];
    series.set(name, points);
    points.push({ nodes, hops: hopsMean });
  }
  return [...series].map(([name, points]) => ({ name, points: points.sort((a, b) => a.nodes - b.nodes) }));
}

export function plotCurves(curves: readonly Curve[]): string {
  const all = curves.flatMap(({ points }) => points);
  const lowest = Math.log10(Math.min(...all.map(({ nodes }) => nodes)));
  const highest = Math.max(lowest + 0.1, Math.log10(Math.max(...all.map(({ nodes }) => nodes))));
  // Flooding and random walks leave the sheet at the top; what they measure stands in the table.
  const hopsMax = Math.min(20, Math.ceil(Math.max(...all.map(({ hops }) => hops))) + 1);
  const x = (nodes: number): number =>
    LEFT + ((Math.log10(nodes) - lowest) / (highest - lowest)) * (WIDTH - LEFT - RIGHT);
  const y = (hops: number): number => HEIGHT - BOTTOM - (Math.min(hops, hopsMax) / hopsMax) * (HEIGHT - TOP - BOTTOM);
  const at = (value: number): string => value.toFixed(1);
  const parts: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    '<title>mean routed hops against nodes</title>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${LEFT}" y="18">mean routed hops against nodes</text>`,
  ];
  for (let hops = 0; hops <= hopsMax; hops += hopsMax > 10 ? 2 : 1) {
    parts.push(`<path d="M${LEFT} ${at(y(hops))}H${WIDTH - RIGHT}" stroke="#ddd"/>`);
    parts.push(`<text x="${LEFT - 8}" y="${at(y(hops) + 4)}" text-anchor="end">${hops}</text>`);
  }
  for (const nodes of [...new Set(all.map((point) => point.nodes))].sort((a, b) => a - b)) {
    parts.push(`<path d="M${at(x(nodes))} ${TOP}V${HEIGHT - BOTTOM}" stroke="#eee"/>`);
    parts.push(`<text x="${at(x(nodes))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${nodes}</text>`);
  }
  curves.forEach(({ name, points }, index) => {
    const stroke = COLOURS[index % COLOURS.length]!;
    const dash = DASHES[Math.floor(index / COLOURS.length) % DASHES.length]!;
    const path = points.map(({ nodes, hops }, i) => `${i === 0 ? 'M' : 'L'}${at(x(nodes))} ${at(y(hops))}`).join('');
    const line = `stroke="${stroke}" stroke-width="2" stroke-dasharray="${dash}"`;
    parts.push(`<path d="${path}" fill="none" ${line}/>`);
    for (const { nodes, hops } of points)
      parts.push(`<circle cx="${at(x(nodes))}" cy="${at(y(hops))}" r="3" fill="${stroke}"/>`);
    const legendY = TOP + 12 + index * 18;
    parts.push(`<path d="M${WIDTH - RIGHT + 12} ${legendY}h24" ${line}/>`);
    parts.push(`<text x="${WIDTH - RIGHT + 42}" y="${legendY + 4}">${escaped(name)}</text>`);
  });
  return `${parts.join('\n')}\n</svg>\n`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
