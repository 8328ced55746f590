/**
 * Paths of the gateway's URLs: which key they name, and the one spelling of each.
 *
 * Shape   /TYPE@.../path is content; / is the home page; /-/NAME are own pages. A key's root is what can be fetched: CHK@..., SSK@.../name,
 *         USK@.../site/EDITION, KSK@word; what follows it is a path inside.
 * Errors  LocalError bad_uri for a path that names neither; its detail quotes at most one character.
 * Why     one spelling, because a page, its policy header and its links must agree about where the key's own files begin; every other
 *         spelling is redirected. Segments `.` and `..`, slashes and backslashes inside a segment are refused before anything is looked up:
 *         browsers, proxies and we would disagree about what they mean.
 * Source  ux § 3.2.
 * @module
 */
import { parseUri, printUri, type Uri } from '../../client/uri.ts';
import { LocalError } from '../../errors.ts';
import { URI_CHARACTERS_MAX } from '../../limits.ts';

export interface KeyTarget {
  readonly type: 'key';
  readonly keyType: Uri['type'];
  /** The fetchable key without a path inside, as the client layer takes it. */
  readonly root: string;
  /** The same as a URL path, without a slash at its end. */
  readonly rootPath: string;
  /** Names below the root, decoded. */
  readonly parts: readonly string[];
  readonly endsInSlash: boolean;
  /** The one spelling of this URL's path. */
  readonly path: string;
  /** A USK whose edition is negative: the newest is wanted. */
  readonly wantsNewest: boolean;
}

export type Target =
  | { readonly type: 'home' }
  | { readonly type: 'own'; readonly name: string }
  | KeyTarget
  | { readonly type: 'unknown' };

const KEY_START = /^(?:(?:freenet|hyphanet|hypha|holloway)(?::|%3a)\/{0,2})?(?:CHK|SSK|USK|KSK)(?:@|%40)/i;

/** @param pathname as it stands in the request line or in a resolved link: begins with a slash, holds no query */
export function parsePath(pathname: string): Target {
  if (pathname === '/' || pathname === '') return { type: 'home' };
  if (!/^\/[\x21-\x7e]*$/.test(pathname) || /[\\?#]/.test(pathname))
    throw new LocalError('bad_uri', 'its path holds a character that must be percent-encoded');
  if (pathname.startsWith('/-/')) return { type: 'own', name: pathname.slice(3) };
  const text = pathname.slice(1);
  return looksLikeKey(text) ? parseKey(text) : { type: 'unknown' };
}

export function looksLikeKey(text: string): boolean {
  return KEY_START.test(text);
}

/** A key as it was typed, pasted or linked to. @throws LocalError bad_uri */
export function parseKey(text: string): KeyTarget {
  if (text.length > URI_CHARACTERS_MAX * 3) throw new LocalError('bad_uri', 'it is longer than any key');
  const uri = parseUri(text);
  const parts = uri.path;
  if (uri.type === 'SSK' && uri.name === '')
    throw new LocalError('bad_uri', 'SSK@ needs the name of a document after the key: SSK@.../name');
  const root = printUri({ ...uri, path: [] });
  const fixed =
    uri.type === 'SSK' ? [uri.name] : uri.type === 'USK' ? [uri.site] : uri.type === 'KSK' ? [uri.word] : [];
  for (const part of [...fixed, ...parts]) {
    if (part === '.' || part === '..' || /[/\\]/.test(part))
      throw new LocalError('bad_uri', 'a name in its path is ".", "..", or holds a slash');
  }
  const rootPath = rootPathOf(uri);
  const endsInSlash = text.endsWith('/');
  const inside = parts.map((part) => `/${encodeName(part)}`).join('');
  return {
    type: 'key',
    keyType: uri.type,
    root,
    rootPath,
    parts,
    endsInSlash,
    path: `${rootPath}${inside}${endsInSlash ? '/' : ''}`,
    wantsNewest: uri.type === 'USK' && uri.edition < 0,
  };
}

function rootPathOf(uri: Uri): string {
  if (uri.type === 'KSK') return `/KSK@${encodeName(uri.word)}`;
  const bare = printUri({ ...uri, path: [], ...(uri.type === 'SSK' ? { name: '' } : {}) } as Uri);
  const head = `/${bare.split('/')[0]}`;
  if (uri.type === 'SSK') return `${head}/${encodeName(uri.name)}`;
  if (uri.type === 'USK') return `${head}/${encodeName(uri.site)}/${uri.edition}`;
  return head;
}

/** Every character that means something in HTML, CSS, a header or a URL is spelled out. */
export function encodeName(name: string): string {
  const encoded = encodeURIComponent(name).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  // A dot at the end would be taken for the end of a sentence, by people and by parseUri.
  return encoded.endsWith('.') ? `${encoded.slice(0, -1)}%2E` : encoded;
}

/** The same place under another root: a USK's edition once it is known. */
export function pathUnder(rootPath: string, target: KeyTarget): string {
  return `${rootPath}${target.path.slice(target.rootPath.length)}`;
}

/** The key of one file in a folder. @param root any fetchable key without path */
export function fileUri(root: string, parts: readonly string[]): string {
  const uri = parseUri(root);
  return printUri({ ...uri, path: parts } as Uri);
}
