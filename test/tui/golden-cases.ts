/**
 * The screens that are kept as files: every tab at four sizes, in colour, without colour, in ASCII.
 *
 * Shape   a file holds the text of the screen and, where weight or colour matter, the same rows again as one letter per cell.
 * @module
 */
import { fileURLToPath } from 'node:url';
import { configDocument } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import type { Status } from '../../daemon/api/schema.ts';
import type { BlockMapDocument, BusyKeysDocument, RouteDocument } from '../../daemon/api/schema-owner.ts';
import { type Row, textOf } from '../../tui/cells.ts';
import { draw } from '../../tui/draw.ts';
import { TABS, type TabId } from '../../tui/keymap.ts';
import { createModel, type Model, step } from '../../tui/model.ts';
import { attributesOf, type ColorCount, ROLES } from '../../tui/theme.ts';
import { FIXTURE_NOW_MS, fixtureStatus } from '../support/status-fixture.ts';

export const GOLDEN_FOLDER = fileURLToPath(new URL('golden/', import.meta.url));
export const SIZES = [
  [40, 10],
  [60, 16],
  [80, 24],
  [120, 40],
] as const;
/** As a daemon without a file and with one flag would answer. */
const FIXTURE_CONFIG = configDocument(
  loadConfig({ flags: { 'store.size': '8GiB', 'network.advertise': '203.0.113.9:9480' }, env: {}, file: '/none' }),
  '/home/someone/.config/holloway/config.toml',
);
const VARIANTS = [
  { name: 'color', ascii: false, colors: 256 },
  { name: 'no-color', ascii: false, colors: 0 },
  { name: 'ascii', ascii: true, colors: 0 },
] as const;

export function modelOf(
  width: number,
  height: number,
  options: {
    readonly tab?: TabId;
    readonly status?: Status;
    readonly strip?: string;
    readonly keys?: readonly string[];
  } = {},
): Model {
  const nowMs = FIXTURE_NOW_MS;
  let model = createModel({
    readOnly: false,
    refreshMs: 1_000,
    mouse: true,
    nowMs,
    offsetMinutes: 0,
    width,
    height,
    tab: options.tab,
    strip: options.strip,
  });
  [model] = step(model, { type: 'config', document: FIXTURE_CONFIG, fault: '', nowMs });
  [model] = step(model, {
    type: 'feed',
    event: { type: 'snapshot', status: options.status ?? fixtureStatus() },
    nowMs,
  });
  for (const key of options.keys ?? []) [model] = step(model, { type: 'key', key, text: key, nowMs });
  return model;
}

/** So many seconds later, with traffic that rises and falls at every peer. */
function watchedFor(seconds: number, model: Model): Model {
  const base = fixtureStatus();
  const carried = base.peers.list.map(() => 0);
  for (let second = 1; second <= seconds; second++) {
    const list = base.peers.list.map((peer, i) => {
      carried[i]! += Math.round(20_000 * (1.1 + Math.sin((second + i * 3) / 4)) * (i + 1));
      return { ...peer, bytesIn: peer.bytesIn + carried[i]! };
    });
    const part = { uptimeMs: base.uptimeMs + second * 1_000, peers: { ...base.peers, list } };
    [model] = step(model, { type: 'feed', event: { type: 'delta', part }, nowMs: FIXTURE_NOW_MS });
  }
  return model;
}

const FIXTURE_MAP: BlockMapDocument = {
  v: 1,
  id: '2',
  segments: 3,
  shown: [
    { segment: 0, needed: 64, have: 64, asked: 0, missed: 2, open: 30, blocks: `${'#'.repeat(64)}xx${'.'.repeat(30)}` },
    {
      segment: 1,
      needed: 64,
      have: 38,
      asked: 4,
      missed: 6,
      open: 48,
      blocks: `${'########>>x..........#.#..x>#.x####.##...##.###.'}${'##.##.x..x..#..#>##......#.....##.#.#.#....x#..#'}`,
    },
  ],
};
const FIXTURE_BUSY: BusyKeysDocument = {
  v: 1,
  isCounting: true,
  keys: Array.from({ length: 20 }, (_, i) => ({
    alias: `k-${(0x3f9 + i * 37).toString(16)}`,
    kind: i % 7 === 3 ? 'pointer' : 'chk',
    place: Math.round(((0.41 + i * 0.013) % 1) * 100) / 100,
    count: Math.round(900 / (i + 1)),
    error: i < 6 ? 0 : i,
  })),
};
const FIXTURE_ROUTE: RouteDocument = {
  v: 1,
  isTracing: true,
  place: 0.6412,
  ownDistance: 0.2275,
  candidates: [
    { alias: 'p10', distance: 0.0228, byClaim: false },
    { alias: 'p08', distance: 0.0892, byClaim: true },
    { alias: 'p06', distance: 0.1582, byClaim: false },
  ],
  steps: [
    { agoMs: 9_200, type: 'arrived', alias: 'p02', what: 'fetch', tookMs: null, htl: 14 },
    { agoMs: 9_190, type: 'asked', alias: 'p10', what: '', tookMs: null, htl: null },
    { agoMs: 8_900, type: 'back', alias: 'p10', what: 'rejectedLoop', tookMs: 290, htl: null },
    { agoMs: 8_899, type: 'asked', alias: 'p08', what: '', tookMs: null, htl: null },
    { agoMs: 8_100, type: 'back', alias: 'p08', what: 'answered', tookMs: 799, htl: null },
    { agoMs: 8_100, type: 'ended', alias: null, what: 'data', tookMs: null, htl: null },
  ],
};
const FIXTURE_OUTPUT = [
  'ok    node 24.21, config valid, data directory 0700, socket answers in 2 ms',
  'FAIL  TCP 9480 not reachable from outside (asked 3 peers, 0 answers)',
  '(ended with code 9)',
];

function seen(
  model: Model,
  what: {
    readonly map?: BlockMapDocument;
    readonly busy?: BusyKeysDocument;
    readonly route?: RouteDocument;
    readonly output?: readonly string[];
  },
): Model {
  const { output, ...looked } = what;
  const nowMs = FIXTURE_NOW_MS;
  if (output !== undefined) return step(model, { type: 'output', title: 'doctor', lines: output, nowMs })[0];
  return step(model, { type: 'seen', ...looked, nowMs })[0];
}

export interface GoldenCase {
  readonly file: string;
  render(): string;
}

export function goldenCases(): GoldenCase[] {
  const screens = SIZES.flatMap(([width, height]) =>
    TABS.map(({ id }) => ({
      name: id as string,
      width,
      height,
      model: modelOf(width, height, {
        tab: id,
        keys: id === 'peers' ? ['down'] : id === 'ring' ? ['right', 'right', 'right'] : [],
      }),
    })),
  );
  const panels = SIZES.flatMap(([width, height]) => {
    const at = (tab: TabId): Model => modelOf(width, height, { tab });
    return [
      { name: 'transfer-map', model: seen(at('transfers'), { map: FIXTURE_MAP }) },
      { name: 'store-busy', model: seen(at('store'), { busy: FIXTURE_BUSY }) },
      { name: 'routing-trace', model: seen(at('routing'), { route: FIXTURE_ROUTE }) },
      { name: 'ring-beyond', model: modelOf(width, height, { tab: 'ring', keys: ['right', 'F', 't'] }) },
    ].map((screen) => ({ ...screen, width, height }));
  });
  const [width, height] = [80, 24];
  const others = [
    { name: 'help', model: modelOf(width, height, { keys: ['?'] }) },
    { name: 'explain', model: modelOf(width, height, { tab: 'routing', keys: ['e', 'down', 'down'] }) },
    { name: 'peer-details', model: modelOf(width, height, { tab: 'peers', keys: ['end', 'enter'] }) },
    { name: 'peers-rates', model: watchedFor(30, modelOf(width, height, { tab: 'peers' })) },
    { name: 'peers-lost', model: modelOf(width, height, { tab: 'peers', keys: ['l'] }) },
    { name: 'ring-log', model: modelOf(width, height, { tab: 'ring', keys: ['right', 'L'] }) },
    { name: 'ring-strip', model: modelOf(width, height, { tab: 'ring', keys: ['right', 'L', 'L'] }) },
    { name: 'transfer-paused', model: modelOf(width, height, { tab: 'transfers', keys: ['down', 'down'] }) },
    { name: 'transfer-verified', model: modelOf(width, height, { tab: 'transfers', keys: ['end', 'up'] }) },
    { name: 'peer-drop', model: modelOf(width, height, { tab: 'peers', keys: ['down', 'D'] }) },
    { name: 'output', model: seen(modelOf(width, height), { output: FIXTURE_OUTPUT }) },
    { name: 'command', model: modelOf(width, height, { keys: [':', 't', 'tab'] }) },
    { name: 'confirm', model: modelOf(width, height, { tab: 'transfers', keys: ['K'] }) },
  ].map((screen) => ({ ...screen, width, height }));
  return [...screens, ...panels, ...others].flatMap((screen) =>
    VARIANTS.map(({ name, ascii, colors }) => ({
      file: `${screen.name}-${screen.width}x${screen.height}-${name}.txt`,
      render: () => pictureOf(draw(screen.model, screen.width, screen.height, { ascii }), ascii ? undefined : colors),
    })),
  );
}

/** Trailing blanks are kept: a row is exactly as wide as the screen. */
export function pictureOf(rows: readonly Row[], colors: ColorCount | undefined): string {
  const text = rows.map((row) => `|${textOf(row)}|`);
  if (colors === undefined) return `${text.join('\n')}\n`;
  const looks = new Map<string, string>();
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const letterOf = new Map(
    ROLES.map((role) => {
      const { fg, bold, underline, reverse } = attributesOf(role, colors);
      const weights = [bold && 'bold', underline && 'underline', reverse && 'reverse'].filter(
        (weight) => weight !== false,
      );
      const look = [...(fg < 0 ? [] : [`color ${fg}`]), ...weights].join(' ');
      if (look === '') return [role, '.'] as const;
      if (!looks.has(look)) looks.set(look, letters[looks.size]!);
      return [role, looks.get(look)!] as const;
    }),
  );
  const styles = rows.map((row) => `|${row.roles.map((role) => letterOf.get(role)!).join('')}|`);
  const legend = [...looks].map(([look, letter]) => `${letter} = ${look}`);
  return `${[...text, '', ...styles, '', ...legend].join('\n')}\n`;
}
