/**
 * Changes one setting in the text of a TOML file and leaves every other byte, comments above all, as it is.
 *
 * Shape   setInToml replaces the assignment where it stands, or puts it at the start of its table, which is made at the end of the file
 *         when there is none. unsetInToml removes the assignment, also of keys that nobody knows.
 * Errors  none for text that parses; of text that does not, only what can be recognised line by line is found.
 * Why     a TOML writer would throw away what the owner wrote for himself.
 * @module
 */
import { parse } from 'smol-toml';

/** @param printed the value as TOML */
export function setInToml(text: string, key: string, printed: string): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const found = findAssignment(lines, key);
  if (found !== undefined) {
    const name = /^\s*([^=]+?)\s*=/.exec(lines[found.from]!)![1]!;
    lines.splice(found.from, found.count, `${name} = ${printed}`);
  } else {
    insert(lines, key, printed);
  }
  return `${lines.join('\n')}\n`;
}

/** The text without the assignment; undefined when there is none. */
export function unsetInToml(text: string, key: string): string | undefined {
  const lines = text.split('\n');
  const found = findAssignment(lines, key);
  if (found === undefined) return undefined;
  lines.splice(found.from, found.count);
  return lines.join('\n');
}

function insert(lines: string[], key: string, printed: string): void {
  const dot = key.indexOf('.');
  if (dot < 0) {
    const firstTable = lines.findIndex((line) => tableOf(line) !== undefined);
    lines.splice(firstTable < 0 ? lines.length : firstTable, 0, `${key} = ${printed}`);
    return;
  }
  const assignment = `${key.slice(dot + 1)} = ${printed}`;
  const header = lines.findIndex((line) => tableOf(line) === key.slice(0, dot));
  if (header >= 0) lines.splice(header + 1, 0, assignment);
  else lines.push(...(lines.length === 0 ? [] : ['']), `[${key.slice(0, dot)}]`, assignment);
}

function findAssignment(
  lines: readonly string[],
  key: string,
): { readonly from: number; readonly count: number } | undefined {
  let table = '';
  for (const [from, line] of lines.entries()) {
    const header = tableOf(line);
    if (header !== undefined) table = header;
    const assignment = /^\s*([\w."'\s-]+?)\s*=/.exec(line);
    if (assignment === null || header !== undefined) continue;
    const name = bare(assignment[1]!);
    if ((table === '' ? name : `${table}.${name}`) === key) return { from, count: linesOfValue(lines, from) };
  }
  return undefined;
}

/** A value may go on over several lines: as many as it takes to parse. One, when no number does. */
function linesOfValue(lines: readonly string[], from: number): number {
  for (let count = 1; from + count <= lines.length; count++) {
    try {
      parse(lines.slice(from, from + count).join('\n'));
      return count;
    } catch {
      // Not whole yet.
    }
  }
  return 1;
}

function tableOf(line: string): string | undefined {
  const header = /^\s*\[\s*([^[\]]+?)\s*\]\s*(?:#.*)?$/.exec(line);
  return header === null ? undefined : bare(header[1]!);
}

const bare = (text: string): string => text.replaceAll(/["'\s]/g, '');
