/**
 * What a URL in a page may become: a place under the same key, another key, the ordinary web behind `/-/out`, or nothing.
 *
 * Shape   judge(raw) gives a kind and, unless refused, the spelling to write: own and other keys as absolute paths without a query.
 * Why     absolute paths mean the same wherever they stand, so that filtering twice changes nothing. Queries are dropped: content is
 *         static, and a page must not be able to press the buttons that the gateway offers as queries. Whatever is not understood is refused.
 * Source  ux § 3.3.
 * @module
 */
import { type KeyTarget, looksLikeKey, parseKey, parsePath } from '../url.ts';

/** Where the filtered text stands. */
export interface PageAddress {
  readonly rootPath: string;
  /** Path of the page or stylesheet itself, as in its URL. */
  readonly path: string;
  /** Loads from other keys are kept: the reader pressed "load once". */
  readonly loadOthers: boolean;
}

export type JudgedUrl =
  | { readonly type: 'own' | 'other'; readonly href: string; readonly rootPath: string }
  | { readonly type: 'fragment' | 'home'; readonly href: string }
  | { readonly type: 'out'; readonly href: string; readonly address: string }
  | { readonly type: 'refused' };

const REFUSED: JudgedUrl = { type: 'refused' };
const HERE = 'http://gateway.invalid';
const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])$/;
const OUT_URL_CHARACTERS_MAX = 4_096;

export function judgeUrl(raw: string, page: PageAddress): JudgedUrl {
  const text = raw.replace(/[\t\n\r]/g, '').replace(/^[\u0000- ]+|[\u0000- ]+$/g, '');
  if (text === '') return REFUSED;
  if (text.startsWith('#')) return { type: 'fragment', href: fragmentOf(new URL(text, HERE)) || '#' };
  // Freenet's pages link to keys as `/CHK@...`, `CHK@...` and `freenet:CHK@...`; the last two are no paths to a browser.
  if (looksLikeKey(text)) return asKey(text.replace(/[?#].*$/s, ''), fragmentAfter(text), page);
  let url: URL;
  try {
    url = new URL(text, `${HERE}${page.path}`);
  } catch {
    return REFUSED;
  }
  const ours =
    url.origin === HERE ||
    (url.protocol === 'http:' && LOOPBACK.test(url.hostname) && looksLikeKey(url.pathname.slice(1)));
  if (ours) return url.username === '' ? onGateway(url, page) : REFUSED;
  return outward(url);
}

function onGateway(url: URL, page: PageAddress): JudgedUrl {
  if (url.pathname === '/-/out') {
    const asked = url.searchParams.get('u');
    return asked !== null && URL.canParse(asked) ? outward(new URL(asked)) : REFUSED;
  }
  if (url.pathname === '/') return { type: 'home', href: '/' };
  return looksLikeKey(url.pathname.slice(1)) ? asKey(url.pathname.slice(1), fragmentOf(url), page) : REFUSED;
}

function asKey(text: string, fragment: string, page: PageAddress): JudgedUrl {
  let target: KeyTarget;
  try {
    const found = text.includes('%') ? parsePath(`/${text}`) : parseKey(text);
    if (found.type !== 'key') return REFUSED;
    target = found;
  } catch {
    return REFUSED;
  }
  const type = target.rootPath === page.rootPath ? 'own' : 'other';
  return { type, href: `${target.path}${fragment}`, rootPath: target.rootPath };
}

function outward(url: URL): JudgedUrl {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return REFUSED;
  if (url.href.length > OUT_URL_CHARACTERS_MAX) return REFUSED;
  return { type: 'out', href: `/-/out?u=${encodeURIComponent(url.href)}`, address: url.href };
}

function fragmentAfter(text: string): string {
  const at = text.indexOf('#');
  return at < 0 ? '' : fragmentOf(new URL(text.slice(at), HERE));
}

function fragmentOf(url: URL): string {
  return url.hash.replace(/['()\\]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

const DATA_CHARACTERS_MAX = 64 * 1024;
const DATA_IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]+={0,2})$/i;
const DATA_STARTS: Readonly<Record<string, RegExp>> = {
  png: /^iVBORw0KGgo/,
  jpeg: /^\/9j\//,
  gif: /^R0lGODdh|^R0lGODlh/,
  webp: /^UklGR/,
};

/** A small picture inside the page, in the one spelling we write; undefined for every other data URL. */
export function smallDataImage(raw: string): string | undefined {
  if (raw.length > DATA_CHARACTERS_MAX) return undefined;
  const match = DATA_IMAGE.exec(raw.replace(/[\s]+/g, ''));
  if (match === null) return undefined;
  const format = match[1]!.toLowerCase();
  return DATA_STARTS[format]!.test(match[2]!) ? `data:image/${format};base64,${match[2]}` : undefined;
}

/** What to write for something the browser would load by itself; undefined: nothing. */
export function loadUrl(raw: string, page: PageAddress, tally: LoadTally): string | undefined {
  if (/^[\u0000- ]*data:/i.test(raw)) {
    const image = smallDataImage(raw);
    if (image === undefined) tally.removed++;
    return image;
  }
  const judged = judgeUrl(raw, page);
  if (judged.type === 'own') return judged.href;
  if (judged.type === 'other') {
    if (page.loadOthers) {
      tally.loaded.add(judged.rootPath);
      return judged.href;
    }
    tally.others++;
    return undefined;
  }
  if (judged.type !== 'fragment') tally.removed++;
  return undefined;
}

/** Counted while filtering, for the bar and for the policy header. */
export interface LoadTally {
  /** Loads from other keys, left out. */
  others: number;
  /** Roots of other keys that the reader lets in. */
  readonly loaded: Set<string>;
  /** Everything else that was left out. */
  removed: number;
}

export function newTally(): LoadTally {
  return { others: 0, loaded: new Set(), removed: 0 };
}
