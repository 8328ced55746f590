/**
 * Who may ask: the decision about a request from its head alone, before any key is looked at.
 *
 * Shape   judge(head, address) -> pass, confirm (a page asks the reader first) or refuse (status and code).
 * Why     web pages can make a browser send requests to this machine. A page that could tell by answer, time or side effect whether a key is
 *         held here would learn what was read; so nothing that follows this file runs for such a request, and its answer is the same bytes for
 *         every key. An answer cannot be read across sites (no CORS), so a header that is missing (old browsers, programs) is let pass unless
 *         Origin or Referer name another site. Host must be a name of ours, else a page could make its own name lead here (DNS rebinding).
 * Source  ux § 3.1; Fetch Metadata Request Headers.
 * @module
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { UserErrorCode } from '../../errors.ts';
import { GATEWAY_URL_CHARACTERS_MAX } from '../../limits.ts';

export interface RequestHead {
  readonly method: string;
  /** As in the request line. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

export type GuardVerdict =
  | { readonly type: 'pass'; readonly isPerson: boolean; readonly destination: string | undefined }
  | { readonly type: 'confirm' }
  | { readonly type: 'refuse'; readonly status: number; readonly code: UserErrorCode };

const SITES = ['none', 'same-origin', 'same-site', 'cross-site'];
/** What a page without scripts and frames can ask for. */
const DESTINATIONS = ['document', 'image', 'style', 'font', 'audio', 'video', 'track', 'empty'];
const FORM_PATH = '/-/transfers';
/** Headers that decide something here and must come once. */
const SINGLE = ['host', 'origin', 'referer', 'sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest'];

/** @param hosts the names this gateway goes by, with ports, lower case */
export function judge(head: RequestHead, hosts: ReadonlySet<string>): GuardVerdict {
  const { headers } = head;
  for (const name of SINGLE)
    if (countOf(head.rawHeaders, name) > 1) return refuse(name === 'host' ? 'bad_host' : 'cross_site');
  const host = headers.host?.toLowerCase();
  if (host === undefined || !hosts.has(host) || !head.url.startsWith('/')) return refuse('bad_host');
  if (head.url.length > GATEWAY_URL_CHARACTERS_MAX) return refuse('bad_uri', 414);
  const isForm = head.method === 'POST' && head.url === FORM_PATH;
  if (head.method !== 'GET' && head.method !== 'HEAD' && !isForm) return refuse('bad_method');
  // A worker would stand between the reader and every later answer. An upgrade leaves HTTP, and with it all that is said below.
  if (headers['service-worker'] !== undefined || headers.upgrade !== undefined) return refuse('cross_site', 400);
  // A fetch that runs ahead of a click starts what nobody asked for.
  const ahead = `${headers['sec-purpose'] ?? ''} ${headers.purpose ?? ''} ${headers['x-moz'] ?? ''}`;
  if (/prefetch|prerender|preview/i.test(ahead)) return refuse('cross_site');

  const site = headers['sec-fetch-site'];
  const mode = headers['sec-fetch-mode'];
  const destination = headers['sec-fetch-dest'];
  const own = `http://${host}`;
  const { origin } = headers;
  // A form of ours comes with `null`, because of our own Referrer-Policy; its token is what proves it.
  const originIsOurs = origin === undefined || origin.toLowerCase() === own || (isForm && origin === 'null');
  if (!originIsOurs) return refuse('cross_site');
  if (typeof site === 'string') {
    if (!SITES.includes(site)) return refuse('cross_site');
    if (typeof destination === 'string' && !DESTINATIONS.includes(destination)) return refuse('cross_site');
    if (site === 'cross-site' || site === 'same-site') {
      const isNavigation = mode === 'navigate' && destination === 'document' && head.method === 'GET';
      return isNavigation ? { type: 'confirm' } : refuse('cross_site');
    }
    if (isForm && site !== 'same-origin') return refuse('cross_site');
  } else if (mode !== undefined || destination !== undefined || !refererIsOurs(headers.referer, own)) {
    return refuse('cross_site');
  }
  const navigates = mode === undefined || (mode === 'navigate' && destination === 'document');
  const accepts = /\btext\/html\b/i.test(headers.accept ?? '');
  return { type: 'pass', isPerson: navigates && accepts, destination };
}

function refererIsOurs(referer: string | undefined, own: string): boolean {
  if (referer === undefined) return true;
  return URL.canParse(referer) && new URL(referer).origin === own;
}

function countOf(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]!.toLowerCase() === name) count++;
  return count;
}

function refuse(code: UserErrorCode, status?: number): GuardVerdict {
  return { type: 'refuse', code, status: status ?? STATUS[code] ?? 403 };
}

const STATUS: Partial<Record<UserErrorCode, number>> = { bad_host: 421, bad_method: 405, cross_site: 403 };
