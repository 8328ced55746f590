/**
 * Numbers, times and foreign text as cells: everything that the dashboard writes passes through here.
 *
 * Shape   pure functions from values to short strings; `cellsOf` gives exactly one string per terminal cell.
 * Unit    bytes in powers of 1024 written K M G T; times in ms unless the name says otherwise.
 * Errors  none: bytes of strangers become `�` or `?`, absent values become `—`.
 * Why     one control character from a log line or a peer's version would own the terminal; a wide or zero-width character
 *         would shift every column after it (blessed counts code units). So a cell never holds anything that is not one cell wide.
 * Source  ux §§ 1.1, 1.5.
 * @module
 */

/** Controls, format characters (bidi, zero width), lone surrogates, private use, unassigned, separators, and what renders as nothing. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const MARK = /\p{M}/u;
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u;

export const REPLACEMENT = '\ufffd';
export const ABSENT = '—';

/** Text of anybody, made harmless: every unsafe code point is one `�`. Wide characters stay. */
export function cleanText(text: string): string {
  let clean = '';
  for (const character of text.normalize('NFC')) clean += UNSAFE.test(character) ? REPLACEMENT : character;
  return clean;
}

/** Cells that the text takes on a terminal, once cleaned. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of cleanText(text)) width += MARK.test(character) ? 0 : isWide(character) ? 2 : 1;
  return width;
}

function isWide(character: string): boolean {
  return character.length > 1 || WIDE.test(character);
}

/** One entry per cell. Wide characters (and all beyond the basic plane) become `?`, combining marks are dropped. */
export function cellsOf(text: string): string[] {
  if (/^[ -~]*$/.test(text)) return [...text];
  const cells: string[] = [];
  for (const character of text.normalize('NFC')) {
    if (UNSAFE.test(character)) cells.push(REPLACEMENT);
    else if (isWide(character)) cells.push('?');
    else if (!MARK.test(character)) cells.push(character);
  }
  return cells;
}

/** At most `width` cells; a cut is shown by `…` in the last one. */
export function truncate(text: string, width: number): string {
  const cells = cellsOf(text);
  if (cells.length <= width) return cells.join('');
  if (width <= 0) return '';
  return `${cells.slice(0, width - 1).join('')}…`;
}

export function padEnd(text: string, width: number): string {
  const cut = truncate(text, width);
  return cut + ' '.repeat(Math.max(0, width - cellsOf(cut).length));
}

export function padStart(text: string, width: number): string {
  const cut = truncate(text, width);
  return ' '.repeat(Math.max(0, width - cellsOf(cut).length)) + cut;
}

/** `812`, `1.2K`, `61M`, `4.0G`: at most four cells up to 999T. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null || !Number.isFinite(bytes)) return ABSENT;
  let value = Math.max(0, bytes);
  for (const unit of ['', 'K', 'M', 'G', 'T', 'P']) {
    if (value < 999.5 || unit === 'P')
      return unit === '' || value >= 9.95 ? `${Math.round(value)}${unit}` : `${value.toFixed(1)}${unit}`;
    value /= 1024;
  }
  return ABSENT;
}

/** `8 412` with thin groups; from a million on `12.3M`. */
export function formatCount(count: number | null): string {
  if (count === null || !Number.isFinite(count)) return ABSENT;
  const value = Math.round(count);
  if (value >= 1_000_000_000) return `${(value / 1_000_000_000).toFixed(1)}G`;
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(1)}M`;
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `1 line`, `2 lines`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Share of a whole as `82%`; small shares keep a decimal so that they do not read as none. */
export function formatShare(part: number, whole: number): string {
  if (!(whole > 0)) return ABSENT;
  const percent = (part / whole) * 100;
  return percent > 0 && percent < 9.95 ? `${percent.toFixed(1)}%` : `${Math.round(percent)}%`;
}

/** `41 s`-like spans in at most seven cells: `410ms`, `41s`, `3m12s`, `4h07m`, `2d04h`, `64d`. */
export function formatDuration(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return ABSENT;
  const value = Math.max(0, ms);
  if (value < 10) return `${Number(value.toFixed(value < 1 ? 2 : 1))}ms`;
  if (value < 1_000) return `${Math.round(value)}ms`;
  const seconds = Math.floor(value / 1_000);
  if (seconds < 60) return seconds < 10 ? `${Number((value / 1_000).toFixed(1))}s` : `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`;
  const days = Math.floor(hours / 24);
  return days < 100 ? `${days}d${two(hours % 24)}h` : `${days}d`;
}

/** Whole seconds and up: for ages, where 3.2 s would flicker. */
export function formatAge(ms: number | null): string {
  return ms === null ? ABSENT : formatDuration(Math.max(1_000, Math.floor(ms / 1_000) * 1_000));
}

/** `14:03:21` of a Unix time, `offsetMinutes` east of UTC. */
export function formatClock(atMs: number, offsetMinutes: number): string {
  if (!Number.isFinite(atMs)) return '--:--:--';
  const seconds = Math.floor(atMs / 1_000) + offsetMinutes * 60;
  const ofDay = ((seconds % 86_400) + 86_400) % 86_400;
  return `${two(Math.floor(ofDay / 3_600))}:${two(Math.floor(ofDay / 60) % 60)}:${two(ofDay % 60)}`;
}

/** A place on the ring: two decimals, because more would name the node. */
export function formatLocation(location: number): string {
  return (Math.floor(location * 100) / 100).toFixed(2);
}

/** Two figures of a distance: `.33`, `.0031`. */
export function formatDistance(distance: number): string {
  if (distance >= 0.1) return distance.toFixed(2).replace(/^0/, '');
  if (distance >= 0.01) return distance.toFixed(3).replace(/^0/, '');
  if (distance >= 0.0001) return distance.toFixed(4).replace(/^0/, '');
  return '<.0001';
}

/** `+0.1 s`, `−3.2 s`. */
export function formatOffset(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return ABSENT;
  const size = Math.abs(ms);
  return `${ms < 0 ? '-' : '+'}${size < 10_000 ? `${(size / 1_000).toFixed(1)} s` : formatDuration(size)}`;
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, '0');
}
