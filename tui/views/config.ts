/**
 * Config: every setting, its value, where that comes from, and what it may be. Addresses and files stay hidden until revealed.
 * @module
 */
import type { SettingDocument } from '../../config/document.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import { type Area, stack } from '../cells.ts';
import { counted, padEnd } from '../format.ts';
import { listedSettings } from '../lists.ts';
import type { Model } from '../model.ts';
import { box, type Fact, type Frame, facts, onClick, wrap } from '../widgets/frame.ts';
import { type Column, table } from '../widgets/table.ts';

/** Settings have no number that moves. */
export const CONFIG_NUMBERS: readonly ShownNumber[] = [];

const DETAIL_HEIGHT = 8;
/** Hold addresses, descriptors or paths: they find a node, or its owner. */
const PRIVATE_KEYS: readonly string[] = [
  'network.listen',
  'network.advertise',
  'network.seeds',
  'store.passphrase_file',
  'log.file',
  'gateway.token_file',
  'gateway.listen',
  'gateway.hosts',
  'metrics.listen',
  'fcp.listen',
  'fcp.allow',
];
/** Says nothing of anybody: every machine has it. */
const LOOPBACK = /^(?:\[?(?:"(?:127\.[\d.]+(?:\/\d+|:\d+)?|::1|\[::1\]:\d+)"(?:, )?)+\]?)$/;
const SOURCES: Readonly<Record<SettingDocument['source'], string>> = {
  flag: 'flag',
  env: 'environment',
  file: 'file',
  profile: 'profile',
  default: 'default',
  running: 'set here',
};

function shownValue(setting: SettingDocument, model: Model): string {
  const isEmpty = setting.value === '""' || setting.value === '[]';
  const isPrivate = PRIVATE_KEYS.includes(setting.key) && !isEmpty && !LOOPBACK.test(setting.value);
  return isPrivate && model.revealed === undefined ? '(hidden)' : setting.value.replace(/^"(.*)"$/, '$1') || '(empty)';
}

function columnsOf(frame: Frame, model: Model): readonly Column<SettingDocument>[] {
  return [
    { title: 'Setting', width: frame.layout === 'card' ? 22 : 25, priority: 1, text: ({ key }) => key },
    {
      title: 'Value',
      width: frame.layout === 'card' ? 16 : 18,
      priority: 2,
      text: (setting) => shownValue(setting, model),
      role: ({ value, default: usual }) => (value === usual ? 'plain' : 'title'),
    },
    { title: 'From', width: 11, priority: 3, text: ({ source }) => SOURCES[source] ?? '' },
    { title: 'Change', width: 7, priority: 3.5, text: ({ live }) => (live ? 'live' : 'restart') },
    {
      title: 'Range',
      width: 46,
      priority: 4,
      text: ({ range, unit }) => `${range}${unit === null ? '' : `, ${unit}`}`,
    },
  ];
}

export function drawConfig(frame: Frame, area: Area, model: Model): void {
  const settings = listedSettings(model);
  const detailHeight = Math.min(DETAIL_HEIGHT, Math.max(0, area.height - 7));
  const [list, detail] = stack(area, 0, detailHeight) as [Area, Area];
  const changed = settings.filter(({ value, default: usual }) => value !== usual).length;
  const inside = box(
    frame,
    list,
    settings.length === 0 ? 'Config' : `Config: ${counted(settings.length, 'setting')}, ${changed} not at default`,
    {
      ...(settings.length === 0 ? {} : { note: 'enter changes what is live' }),
    },
  );
  if (!drawList(frame, inside, model, settings)) return;
  const at = Math.min(model.scroll, settings.length - 1);
  if (detailHeight > 3) drawDetail(frame, detail, model, settings[at]!);
}

function drawList(frame: Frame, area: Area, model: Model, settings: readonly SettingDocument[]): boolean {
  if (settings.length === 0) {
    for (const [y, line] of wrap(whyEmpty(model), area.width).entries()) frame.canvas.text(area, 0, y, line, 'dim');
    return false;
  }
  const selected = Math.min(model.scroll, settings.length - 1);
  const { first, count } = table(frame, area, columnsOf(frame, model), settings, {
    selected,
    ...(frame.layout === 'narrow' || frame.layout === 'card' ? { most: 3 } : {}),
  });
  for (let y = 0; y < count; y++)
    onClick(frame, { ...area, y: area.y + 1 + y, height: 1 }, { type: 'line', index: first + y });
  return true;
}

function whyEmpty(model: Model): string {
  if (model.filter !== '') return `No setting contains "${model.filter}". esc shows all.`;
  if (model.readOnly)
    return 'The read-only socket withholds the configuration. Open the dashboard without --read-only.';
  return model.configFailure === '' ? 'The daemon was asked for its configuration.' : model.configFailure;
}

function drawDetail(frame: Frame, area: Area, model: Model, setting: SettingDocument): void {
  const inside = box(frame, area, setting.key);
  const sentence = wrap(setting.sentence, inside.width).slice(0, 2);
  for (const [y, line] of sentence.entries()) frame.canvas.text(inside, 0, y, line);
  const where = model.revealed === undefined ? SOURCES[setting.source] : `${SOURCES[setting.source]}, ${setting.where}`;
  const rows: Fact[] = [
    { label: 'value', value: padEnd(shownValue(setting, model), Math.max(0, inside.width - 9)).trimEnd() },
    {
      label: 'default',
      value: setting.default.replace(/^"(.*)"$/, '$1') || '(empty)',
      note: `from ${where}`,
    },
    { label: 'range', value: `${setting.range}${setting.unit === null ? '' : `, ${setting.unit}`}` },
    {
      label: 'change',
      value: setting.live
        ? 'enter, now; in the file too, or the next start takes the old value'
        : 'edit the file (holloway config path), then holloway stop and start',
    },
  ];
  const below = { ...inside, y: inside.y + sentence.length, height: Math.max(0, inside.height - sentence.length) };
  facts(frame, below, rows, 9);
}

export function configCard(frame: Frame, area: Area, model: Model): void {
  drawList(frame, area, model, listedSettings(model));
}
