/**
 * Pictures of the dashboard on a live devnet, for the README: `node test/tui/capture.ts`.
 *
 * Shape   writes captures/NAME.txt and captures/NAME.svg for Overview, Ring and Transfers, and puts the texts into the README between
 *         its capture marks. Both come from the same rows: what blessed would paint, with the roles that give its colours.
 * Why     a picture that is made by hand shows what somebody wished; this one is what a network of real daemons said.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findSockets, resolvePaths } from '../../config/paths.ts';
import { createApiClient } from '../../daemon/api/schema-client.ts';
import type { BlockMapDocument } from '../../daemon/api/schema-owner.ts';
import { type Row, textOf } from '../../tui/cells.ts';
import { createControlClient } from '../../tui/control-client.ts';
import { draw } from '../../tui/draw.ts';
import { selectedTransfer } from '../../tui/lists.ts';
import { createModel, type Model, step } from '../../tui/model.ts';
import { attributesOf } from '../../tui/theme.ts';
import { fetchBytes, publishBytes } from '../support/api-client.ts';
import { type Devnet, startDevnet } from '../support/devnet.ts';

const NODES = 16;
const [WIDTH, HEIGHT] = [80, 24];
const MIB = 1024 * 1024;
const FOLDER = fileURLToPath(new URL('captures/', import.meta.url));
const README = fileURLToPath(new URL('../../README.md', import.meta.url));

const [CELL_WIDTH, CELL_HEIGHT, MARGIN] = [8, 17, 10];
const PAPER = '#16181d';
const INK = '#d0d3d9';

async function main(): Promise<void> {
  const devnet = await startDevnet(NODES);
  try {
    const pictures = await take(devnet);
    mkdirSync(FOLDER, { recursive: true });
    for (const [name, rows] of Object.entries(pictures)) {
      writeFileSync(`${FOLDER}${name}.txt`, `${rows.map(lineOf).join('\n')}\n`);
      writeFileSync(`${FOLDER}${name}.svg`, svgOf(name, rows));
    }
    intoReadme(pictures);
    console.log(`${Object.keys(pictures).join(', ')}: ${FOLDER}`);
  } finally {
    await devnet.down();
  }
}

/** Watches node 1 while documents go to and fro, and looks at the right moments. */
async function take(devnet: Devnet): Promise<Record<'overview' | 'ring' | 'transfers', readonly Row[]>> {
  let model: Model = createModel({
    readOnly: false,
    refreshMs: 200,
    mouse: false,
    nowMs: Date.now(),
    offsetMinutes: -new Date().getTimezoneOffset(),
    width: WIDTH,
    height: HEIGHT,
  });
  const socketPath = findSockets(resolvePaths(devnet.home(1), {})).api;
  const api = createApiClient(socketPath);
  const client = createControlClient({
    socketPath,
    refreshMs: 200,
    onEvent: (event) => {
      [model] = step(model, { type: 'feed', event, nowMs: Date.now() });
    },
  });
  const until = async (holds: (now: Model) => boolean): Promise<void> => {
    while (!holds(model)) await pause(20);
  };
  const press = (...keys: readonly string[]): readonly Row[] => {
    for (const key of keys) [model] = step(model, { type: 'key', key, nowMs: Date.now() });
    return draw(model, WIDTH, HEIGHT, { ascii: false });
  };
  await until(({ status }) => (status?.circuits.ready ?? 0) > 5);
  // Others' documents first, so that this node has something to serve.
  for (const [from, to] of [
    [5, 9],
    [7, 11],
    [3, 13],
  ] as const) {
    const { uri } = await publishBytes(devnet.home(from), randomBytes(4 * MIB));
    await fetchBytes(devnet.home(to), uri);
  }
  await publishBytes(devnet.home(1), randomBytes(2 * MIB));
  const { uri } = await publishBytes(devnet.home(6), randomBytes(32 * MIB));
  const fetched = fetchBytes(devnet.home(1), uri);
  const published = publishBytes(devnet.home(1), randomBytes(24 * MIB));
  await until(({ status }) =>
    (status?.transfers ?? []).some(
      ({ stage, blocksHave, blocksNeeded }) => stage === 'fetching' && blocksHave > (blocksNeeded ?? 1e9) * 0.55,
    ),
  );
  const overview = press('1');
  press('7');
  const id = selectedTransfer(model)?.id ?? '';
  const map = await api.get<BlockMapDocument>(`/v1/transfers/${id}/map`);
  [model] = step(model, { type: 'seen', map, nowMs: Date.now() });
  const transfers = press();
  await Promise.all([fetched, published]);
  const ring = press('3', 'right', 'right');
  client.close();
  return { overview, ring, transfers };
}

const lineOf = (row: Row): string => textOf(row).trimEnd();

function intoReadme(pictures: Readonly<Record<string, readonly Row[]>>): void {
  const text = readFileSync(README, 'utf8');
  const blocks = Object.values(pictures).map((rows) => `\`\`\`text\n${rows.map(lineOf).join('\n')}\n\`\`\`\n`);
  const marks = /(<!-- captures: node test\/tui\/capture\.ts -->\n)[\s\S]*?(<!-- end of captures -->)/;
  if (!marks.test(text)) throw new Error('README.md has no capture marks');
  writeFileSync(
    README,
    text.replace(marks, (_, before: string, after: string) => `${before}${blocks.join('\n')}${after}`),
  );
}

/** One text element for each run of one look: its length is given, so that any font keeps the columns. */
function svgOf(name: string, rows: readonly Row[]): string {
  const [width, height] = [WIDTH * CELL_WIDTH + 2 * MARGIN, rows.length * CELL_HEIGHT + 2 * MARGIN];
  const parts = rows.flatMap((row, y) => runsOf(row).flatMap((run) => runElements(run, y)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>holloway top: ${name}, on a devnet of ${NODES}</title>`,
    `<rect width="100%" height="100%" rx="6" fill="${PAPER}"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" fill="${INK}">`,
    ...parts,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

interface Run {
  readonly x: number;
  readonly text: string;
  readonly role: Row['roles'][number];
}

function runsOf(row: Row): Run[] {
  const runs: Run[] = [];
  for (const [x, character] of row.characters.entries()) {
    const role = row.roles[x]!;
    const last = runs.at(-1);
    if (last?.role === role) runs[runs.length - 1] = { ...last, text: last.text + character };
    else runs.push({ x, text: character, role });
  }
  return runs;
}

function runElements({ x, text, role }: Run, y: number): string[] {
  const { fg, bold, underline, reverse } = attributesOf(role, 256);
  const color = fg < 0 ? INK : colorOf(fg);
  const [left, top] = [MARGIN + x * CELL_WIDTH, MARGIN + y * CELL_HEIGHT];
  const back = reverse
    ? [`<rect x="${left}" y="${top}" width="${text.length * CELL_WIDTH}" height="${CELL_HEIGHT}" fill="${color}"/>`]
    : [];
  const trimmed = text.trimEnd();
  const start = trimmed.length - trimmed.trimStart().length;
  const shown = trimmed.trimStart();
  if (shown === '') return back;
  const attributes = [
    `x="${left + start * CELL_WIDTH}"`,
    `y="${top + 13}"`,
    `textLength="${shown.length * CELL_WIDTH}"`,
    ...(reverse || color !== INK ? [`fill="${reverse ? PAPER : color}"`] : []),
    ...(bold ? ['font-weight="bold"'] : []),
    ...(underline ? ['text-decoration="underline"'] : []),
  ];
  // Browsers join spaces, whatever the file asks for: these are not joined.
  const escaped = shown
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(' ', '\u00a0');
  return [...back, `<text ${attributes.join(' ')}>${escaped}</text>`];
}

/** Of the 256 of xterm: the cube of 6x6x6 and the ramp of greys. */
function colorOf(index: number): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  if (index >= 232) return `#${hex(8 + (index - 232) * 10).repeat(3)}`;
  const level = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  const at = index - 16;
  return `#${hex(level(Math.floor(at / 36)))}${hex(level(Math.floor(at / 6) % 6))}${hex(level(at % 6))}`;
}

await main();
