/**
 * Which version this is, from package.json.
 * @module
 */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  // From daemon/cli in a checkout, from dist/daemon/cli in a package.
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // not there: the other place has it
    }
  }
  return '0.0.0';
}
