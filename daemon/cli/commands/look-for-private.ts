/**
 * The privacy check of `publish`: warns of what a file says about its author, strips it on request, or refuses.
 *
 * Errors  private_data with --strict, when something is found and stays.
 * Why     only the first CHECK_BYTES_MAX of what is looked into are read; what is larger is told, not passed over.
 * Source  ux § 2.3 "Privacy check before publishing".
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, findPrivateData, stripPrivateData } from '../../client/privacy-check/privacy-check.ts';
import { LocalError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { printable } from '../output.ts';

const CHECK_BYTES_MAX = 64 * 1024 * 1024;
const FILES_NAMED_MAX = 10;

/**
 * @param paths below `folder`
 * @throws LocalError private_data
 */
export function lookForPrivateData(context: Context, folder: string, paths: readonly string[]): void {
  let telling = 0;
  for (const path of paths) {
    const { findings } = lookInto(join(folder, path));
    if (findings.length === 0) continue;
    if (++telling <= FILES_NAMED_MAX)
      context.output.note(`warning: ${printable(path)} carries ${sentenceOf(findings)}`);
  }
  if (telling > FILES_NAMED_MAX) context.output.note(`warning: and ${telling - FILES_NAMED_MAX} more files`);
  if (telling > 0) refuse(context, `${telling} of the files`);
}

/** The file without what it carried, when that was asked for and can be done; undefined: publish it as it lies. */
export function privateDataStripped(context: Context, file: string): Uint8Array | undefined {
  const { output, options } = context;
  const { bytes, findings } = lookInto(file);
  if (bytes === undefined) output.note(`note: ${printable(file)} is too large to be looked into for private data`);
  if (bytes === undefined || findings.length === 0) return undefined;
  if (options.flag('strip')) {
    const stripped = stripPrivateData(bytes);
    if (stripped !== undefined) {
      output.note(`stripped: ${sentenceOf(findings)}`);
      return stripped;
    }
  }
  output.note(`warning: ${printable(file)} carries ${sentenceOf(findings)}`);
  if (options.flag('strip')) output.note('note: only JPEG and PNG pictures can be stripped');
  refuse(context, printable(file));
  return undefined;
}

function refuse({ options }: Context, what: string): void {
  if (options.flag('strict')) throw new LocalError('private_data', what);
}

function lookInto(path: string): { readonly bytes: Uint8Array | undefined; readonly findings: readonly Finding[] } {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > CHECK_BYTES_MAX) return { bytes: undefined, findings: [] };
  try {
    const bytes = readFileSync(path);
    return { bytes, findings: findPrivateData(bytes) };
  } catch (error) {
    throw new LocalError('no_file', `${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, {
      cause: error,
    });
  }
}

function sentenceOf(findings: readonly Finding[]): string {
  const words = findings.map(({ what }) => what);
  const last = words.at(-1)!;
  return words.length === 1 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
