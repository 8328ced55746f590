/**
 * Failures: a page for people, problem+json for programs, with the same code, cause and next step.
 *
 * Why     every failure says what, why and what to do, in the words of the one table of codes; the offers on the page are the next steps as buttons.
 * Source  ux § 3.5; RFC 9457 for the JSON.
 * @module
 */
import { LocalError, USER_ERRORS, type UserErrorCode } from '../../../errors.ts';
import { html, type Markup } from './html.ts';
import { type Action, actions, keyBox, page } from './layout.ts';

export interface Problem {
  readonly status: number;
  readonly code: UserErrorCode;
  readonly detail: string | undefined;
  readonly retryAfterS: number | undefined;
}

/** A file that a folder lacks: searching again would not help. */
export function missingFilePage(folderPath: string, verdict: string): string {
  const body = html`<h1>The folder has no such file</h1><div class="card"><dl><dt>Why</dt><dd>The folder was found and is complete. The link is broken, or the name was mistyped.</dd><dt>Next</dt><dd>Look at what there is</dd><dt>Code</dt><dd class="code">not_found</dd></dl>${actions([{ label: 'Open the folder', href: folderPath }], '')}</div>`;
  return page({ title: 'Problem', body, verdict });
}

/** Where the failure happened, for the offers. */
export interface ProblemPlace {
  /** This page's own address, for "try again"; undefined where that helps nobody. */
  readonly path?: string | undefined;
  /** The key, when it can go on in the background. */
  readonly uri?: string | undefined;
  readonly canQueue: boolean;
  readonly token: string;
  readonly verdict?: string | undefined;
  /** What was typed, to be shown with a broken key. */
  readonly given?: string | undefined;
}

/** The command line's next steps name commands; in a browser these are nearer. */
const NEXT_HERE: Partial<Record<UserErrorCode, string>> = {
  not_found: 'check the key; try again later, let it be tried in the background, or ask its author to publish it again',
  recently_failed: 'the network remembers a failed search for three minutes: try again after that',
  incomplete: 'go on: what was found is quick to find again; or let it be tried in the background',
  stalled: 'go on, or let it be tried in the background',
  timeout: 'try again, with a longer ?timeout= or none',
  cancelled: 'open it again',
  verify_failed: 'try again: another route is taken. Nothing of it was shown or kept',
  overloaded: 'try again in a minute; fewer transfers at one time help',
  no_route: 'try again in a minute; the status page shows the peers',
  relays_silent: 'try again: other relays are tried then',
  offline: 'the status page names the reason; this page looks again by itself',
  connecting: 'this page looks again by itself',
  busy: 'wait for one of them to end, or end one on the page Transfers',
  internal: 'try again; if it stays: holloway doctor',
};
const RETRY_S: Partial<Record<UserErrorCode, number>> = {
  not_found: 180,
  recently_failed: 180,
  incomplete: 30,
  stalled: 30,
  timeout: 30,
  cancelled: 1,
  offline: 10,
  connecting: 3,
  overloaded: 60,
  no_route: 30,
  relays_silent: 10,
  busy: 15,
};
const AGAIN = new Set<UserErrorCode>([
  'not_found',
  'recently_failed',
  'incomplete',
  'stalled',
  'timeout',
  'cancelled',
  'verify_failed',
  'overloaded',
  'no_route',
  'relays_silent',
  'busy',
  'internal',
  'offline',
  'connecting',
]);
const BACKGROUND = new Set<UserErrorCode>(['not_found', 'incomplete', 'stalled', 'timeout', 'overloaded', 'no_route']);

export function problemOf(error: unknown, status?: number): Problem {
  const code: UserErrorCode = error instanceof LocalError ? error.code : 'internal';
  const detail = error instanceof LocalError ? error.detail : undefined;
  return { status: status ?? USER_ERRORS[code].http, code, detail, retryAfterS: RETRY_S[code] };
}

export function problemJson(problem: Problem): string {
  const { what, cause, next } = USER_ERRORS[problem.code];
  const { status, code, detail } = problem;
  return `${JSON.stringify({ type: 'about:blank', title: what, status, code, cause, next, detail: detail ?? null })}\n`;
}

/** While there is no network, the page looks again by itself: nothing is asked of anybody. */
export function refreshesItself(code: UserErrorCode): boolean {
  return code === 'offline' || code === 'connecting';
}

export function problemPage(problem: Problem, place: ProblemPlace): string {
  const { code, detail, retryAfterS } = problem;
  const { what, cause, next } = USER_ERRORS[code];
  const offers: Action[] = [];
  if (AGAIN.has(code) && place.path !== undefined) offers.push({ label: 'Try again', href: place.path });
  if (BACKGROUND.has(code) && place.canQueue && place.uri !== undefined) {
    offers.push({ label: 'Keep trying in the background', act: { do: 'background', uri: place.uri }, quiet: true });
  }
  if (code === 'unsafe_content' && place.path !== undefined) {
    offers.push({ label: 'Look at it as text', href: `${place.path}?type=text/plain` });
    offers.push({ label: 'Download', href: `${place.path}?download`, quiet: true });
  }
  const body = html`<h1>${capital(what)}</h1>
<div class="card"><dl><dt>Why</dt><dd>${capital(cause)}${detail !== undefined && html`<br><span class="soft">${detail}</span>`}</dd>
<dt>Next</dt><dd>${capital(NEXT_HERE[code] ?? next)}</dd>
${retryAfterS !== undefined && code === 'recently_failed' && html`<dt>Wait</dt><dd>${retryAfterS} seconds</dd>`}
<dt>Code</dt><dd class="code">${code}</dd></dl>${offers.length > 0 && actions(offers, place.token)}</div>
${code === 'bad_uri' && place.given !== undefined && markedKey(place.given, detail)}
${(code === 'bad_uri' || code === 'no_page' || code === 'not_found') && html`<h2>Another key</h2>${keyBox()}`}`;
  return page({ title: 'Problem', body, verdict: place.verdict });
}

/** What was read, with the place marked that the detail speaks of, if it says where. */
function markedKey(given: string, detail: string | undefined): Markup {
  const found = /^the character (\S+|U\+\S+) at position (\d+) of the (first|second|third) part/.exec(detail ?? '');
  const head = html`<h2>What was read</h2>`;
  if (found === null) return html`${head}<p class="code">${given.slice(0, 400)}</p>`;
  const part = ['first', 'second', 'third'].indexOf(found[3]!);
  const at = startOfPart(given, part) + Number(found[2]) - 1;
  return html`${head}<p class="code">${given.slice(0, at)}<mark>${given.slice(at, at + 1)}</mark>${given.slice(at + 1, 400)}</p>`;
}

function startOfPart(given: string, part: number): number {
  let at = given.indexOf('@') + 1;
  for (let i = 0; i < part; i++) at = given.indexOf(',', at) + 1;
  return at;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
