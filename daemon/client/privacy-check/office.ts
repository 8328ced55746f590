/**
 * Office files (OOXML and ODF): authors, companies and the names behind comments and tracked changes.
 *
 * Shape   a zip; only the few members that can name somebody are unpacked, each up to MEMBER_BYTES_MAX.
 * Errors  none: a zip that does not open has nothing to say.
 * Source  ECMA-376 part 2 § 11 (core properties), part 1 §§ 17.13, 22.2; OpenDocument 1.3 part 3 § 4.3.
 * @module
 */
import { unzipSync } from 'fflate';
import { type Findings, startsWith } from './finding.ts';

const MEMBER_BYTES_MAX = 16 * 1024 * 1024;
const MEMBERS =
  /^(?:docProps\/(?:core|app|custom)\.xml|meta\.xml|content\.xml|word\/(?:document|comments)\.xml|ppt\/commentAuthors\.xml|xl\/(?:persons\/.*|comments\d*)\.xml)$/;

export function isZip(bytes: Uint8Array): boolean {
  return startsWith(bytes, 'PK\u0003\u0004');
}

export function readOffice(bytes: Uint8Array, findings: Findings): void {
  let members: Record<string, Uint8Array>;
  try {
    members = unzipSync(bytes, {
      filter: ({ name, originalSize }) => MEMBERS.test(name) && originalSize <= MEMBER_BYTES_MAX,
    });
  } catch {
    return;
  }
  for (const [name, content] of Object.entries(members)) look(name, new TextDecoder().decode(content), findings);
}

function look(name: string, text: string, findings: Findings): void {
  const says = (...elements: string[]): boolean =>
    elements.some((element) => new RegExp(`<${element}(?:\\s[^>]*)?>\\s*[^<\\s]`).test(text));
  if (says('dc:creator', 'cp:lastModifiedBy', 'meta:initial-creator', 'Manager')) {
    findings.add('author', 'the name of an author or owner');
  }
  if (says('Company')) findings.add('author', 'the name of a company');
  if (says('dcterms:created', 'dcterms:modified', 'meta:creation-date', 'cp:lastPrinted')) {
    findings.add('time', 'the time it was made or changed');
  }
  if (says('Application', 'meta:generator')) findings.add('software', 'the name of a program or computer');
  if (/\bw:author="[^"]/.test(text) || /<(?:p:cmAuthor|person)\b/.test(text) || says('author')) {
    findings.add('author', 'who wrote comments and changes');
  }
  if (name === 'docProps/custom.xml' && says('vt:lpwstr')) findings.add('metadata', 'properties of its own');
}
