/**
 * The bundle of `doctor --report`: what a stranger needs to help, and nothing that tells who or where this node is.
 *
 * Shape   text: versions, findings, settings, status as the read-only socket tells it, metrics, the last lines of the log.
 * Why     settings that may hold an address, a name or a path show only where they come from. All the rest goes through the redaction of
 *         words once more, because findings and errors name files.
 * @module
 */
import { homedir, hostname, userInfo } from 'node:os';
import type { ConfigDocument } from '../../../config/document.ts';
import { isOptionKey, optionOf } from '../../../config/schema.ts';
import type { LogLine, Status } from '../../api/schema.ts';
import type { Finding } from './finding.ts';

const TELLING: readonly string[] = ['text', 'texts', 'address'];
const LOG_LINES = 200;

export interface ReportParts {
  readonly version: string;
  readonly findings: readonly Finding[];
  readonly config: ConfigDocument | undefined;
  /** From the read-only socket. */
  readonly status: Status | undefined;
  readonly metrics: string;
  readonly log: readonly LogLine[];
}

export function reportText(parts: ReportParts): string {
  const { version, findings, config, status, metrics, log } = parts;
  const sections: [string, readonly string[]][] = [
    ['versions', [`holloway ${version}`, `node ${process.versions.node}`, `${process.platform} ${process.arch}`]],
    ['findings', findings.map(({ level, check, code, text }) => `${level} ${check} ${code ?? ''} ${text}`)],
    ['settings', config?.settings.map(({ key, value, source }) => `${key} = ${shown(key, value)} (${source})`) ?? []],
    ['status', status === undefined ? [] : [JSON.stringify({ ...status, log: undefined, transfers: undefined })]],
    // Names and labels are ours and bounded: nothing to take out, and long enough to be mistaken for keys.
    ['metrics', metrics.split('\n').filter((line) => line !== '' && !line.startsWith('#'))],
    [
      'log',
      log
        .slice(-LOG_LINES)
        .map((line) => `${new Date(line.atMs).toISOString()} ${line.level} ${line.subsystem} ${line.text}`),
    ],
  ];
  return sections
    .map(([title, lines]) => `== ${title}\n${lines.map(title === 'metrics' ? String : withoutWords).join('\n')}\n`)
    .join('\n');
}

function shown(key: string, value: string): string {
  return isOptionKey(key) && TELLING.includes(optionOf(key).type) ? '...' : value;
}

/** Keys, addresses, this user, this machine and its paths. */
function withoutWords(line: string): string {
  const words = [homedir(), userInfo().username, hostname()].filter((word) => word.length > 2);
  let text = line
    .replaceAll(/\b(?:CHK|SSK|USK|KSK)@[^\s"')]+/gi, '<key>')
    .replaceAll(/(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?/g, '<address>')
    .replaceAll(/\[[0-9a-f:.]*:[0-9a-f:.]*\](?::\d{1,5})?/gi, '<address>')
    .replaceAll(/(?<=^|[\s"'(=])~?(?:\/[^\s/"')]+)+\/?/g, '<path>')
    .replaceAll(/[\w~-]{32,}/g, '<key>');
  for (const word of words) text = text.replaceAll(word, '<name>');
  return text;
}
