/**
 * Pages around content: waiting for it, a folder's list, a document that is better downloaded, one that is large, a picture on its own, and the bar.
 * @module
 */
import type { TransferProgress } from '../../../client/client-types.ts';
import { encodeName } from '../url.ts';
import { html, type Markup } from './html.ts';
import { type Action, actions, durationText, page, sizeText } from './layout.ts';

export interface WaitingFacts {
  readonly progress: TransferProgress | undefined;
  readonly elapsedMs: number;
  readonly path: string;
  readonly uri: string;
  /** It goes on without this page. */
  readonly inBackground: boolean;
  /** Until the next attempt, when the last one failed. */
  readonly nextAttemptMs: number | undefined;
  readonly canQueue: boolean;
  readonly token: string;
  readonly verdict: string;
}

const NEXT_STAGE: Readonly<Record<string, string>> = {
  waiting: 'other transfers run first; this one starts when a place is free',
  connecting: 'circuits of three relays are made, then the first block is searched',
  'searching top block': 'the block that describes the document is searched at eight places of the network',
  'reading metadata': 'the parts of the document are looked up, then fetched',
  fetching: 'blocks arrive in any order; each group is checked, then shown',
  decoding: 'missing blocks are computed from those that came',
  checking: 'the whole is compared with its key',
};

export function waitingPage(facts: WaitingFacts): string {
  const { progress, elapsedMs } = facts;
  const stage = facts.nextAttemptMs === undefined ? (progress?.stage ?? 'waiting') : 'not found yet';
  const next =
    facts.nextAttemptMs === undefined
      ? (NEXT_STAGE[stage] ?? 'it is shown as soon as it is here')
      : `another attempt in ${durationText(Math.max(0, facts.nextAttemptMs))}`;
  const offers: Action[] = [];
  if (!facts.inBackground) {
    if (facts.canQueue) {
      offers.push({ label: 'Fetch in the background', act: { do: 'background', uri: facts.uri }, quiet: true });
    }
    offers.push({ label: 'Stop', act: { do: 'cancel', uri: facts.uri }, quiet: true });
  }
  const have = progress?.blocksHave ?? 0;
  const needed = progress?.blocksNeeded;
  const body = html`<h1>Fetching</h1><div class="card">
${needed === undefined ? html`<progress></progress>` : html`<progress max="${needed}" value="${Math.min(have, needed)}"></progress>`}
<dl><dt>Stage</dt><dd>${stage}</dd>
<dt>Blocks</dt><dd>${needed === undefined ? `${have} so far` : `${Math.min(have, needed)} of ${needed}`}${(progress?.blocksMissed ?? 0) > 0 && html` <span class="soft">(${progress!.blocksMissed} missed)</span>`}</dd>
${progress?.totalBytes !== undefined && html`<dt>Size</dt><dd>${sizeText(progress.totalBytes)}</dd>`}
<dt>Elapsed</dt><dd>${durationText(elapsedMs)}</dd>
<dt>Left</dt><dd>${estimate(progress, elapsedMs)}</dd>
<dt>Next</dt><dd>${next}</dd></dl>${actions([{ label: 'Look now', href: facts.path }, ...offers], facts.token)}</div>
<p class="soft">This page looks again every two seconds. ${facts.inBackground ? 'It goes on in the background; this page may be closed.' : 'Closed for a minute, the search stops.'}</p>`;
  return page({ title: 'Fetching', body, verdict: facts.verdict });
}

function estimate(progress: TransferProgress | undefined, elapsedMs: number): string {
  const { blocksHave = 0, blocksNeeded } = progress ?? {};
  if (blocksNeeded === undefined || blocksHave < 3 || elapsedMs < 1_000) return 'not known yet';
  const left = (elapsedMs * Math.max(0, blocksNeeded - blocksHave)) / blocksHave;
  return `about ${durationText(left)}`;
}

export interface ListedEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  readonly type: string;
}

export function listingPage(inside: readonly string[], entries: readonly ListedEntry[], verdict: string): string {
  const row = ({ name, isFolder, sizeBytes, type }: ListedEntry): Markup =>
    html`<tr><td><a href="./${encodeName(name)}${isFolder ? '/' : ''}">${name}${isFolder ? '/' : ''}</a></td><td class="num">${sizeText(sizeBytes)}</td><td class="soft wide">${type}</td></tr>`;
  const total = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const body = html`<h1>Folder${inside.length > 0 && html` ${inside.join('/')}/`}</h1>
<table><thead><tr><th>Name</th><th class="num">Size</th><th class="wide">Type</th></tr></thead><tbody>
${inside.length > 0 && html`<tr><td><a href="../">../</a></td><td></td><td class="wide"></td></tr>`}
${entries.map(row)}</tbody></table><p class="soft">${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}, ${sizeText(total)}</p>`;
  return page({ title: 'Folder', body, verdict });
}

export interface DownloadFacts {
  readonly name: string | undefined;
  readonly declared: string | undefined;
  readonly found: string | undefined;
  readonly sizeBytes: number;
  readonly path: string;
  readonly verdict: string;
}

export function downloadPage(facts: DownloadFacts): string {
  const { declared, found } = facts;
  const differs =
    found !== undefined && declared !== undefined && found !== declared && !declared.endsWith('/octet-stream');
  const body = html`<h1>A file to download</h1><div class="card"><dl>
${facts.name !== undefined && html`<dt>Name</dt><dd>${facts.name}</dd>`}
<dt>Size</dt><dd>${sizeText(facts.sizeBytes)}</dd>
<dt>Said to be</dt><dd>${declared ?? 'nothing'}</dd>
<dt>Looks like</dt><dd>${found ?? 'nothing that is known here'}${differs && html` <span class="warn">(not what it is said to be)</span>`}</dd></dl>
${actions([{ label: 'Download', href: `${facts.path}?download` }], '')}</div>
<h2>Before you open it</h2><p>A program that opens this file may connect to the network by itself, outside Holloway, and show who you are: office files and PDFs load pictures and addresses, players fetch lists and licences, and programs do as they like. Open it on a machine without network, or not at all.</p>`;
  return page({ title: 'Download', body, verdict: facts.verdict });
}

export function largePage(facts: {
  readonly type: string;
  readonly sizeBytes: number;
  readonly path: string;
  readonly uri: string;
  readonly canQueue: boolean;
  readonly token: string;
  readonly verdict: string;
}): string {
  const offers: Action[] = [{ label: 'Open anyway', href: `${facts.path}?open` }];
  if (facts.canQueue) {
    offers.push({ label: 'Fetch in the background', act: { do: 'background', uri: facts.uri }, quiet: true });
  }
  offers.push(
    { label: 'Download', href: `${facts.path}?download`, quiet: true },
    { label: 'Home page', href: '/', quiet: true },
  );
  const body = html`<h1>This is large</h1><div class="card"><dl><dt>Size</dt><dd>${sizeText(facts.sizeBytes)}</dd><dt>Type</dt><dd>${facts.type}</dd></dl>${actions(offers, facts.token)}</div>
<p class="soft">Nothing of it has been fetched but its beginning.</p>`;
  return page({ title: 'Large', body, verdict: facts.verdict });
}

/** An SVG opened alone: the browser draws it as a picture, which runs nothing. */
export function picturePage(path: string, verdict: string): string {
  const body = html`<h1>A drawing</h1><p><img class="shown" src="${path}" alt=""></p>${actions(
    [
      { label: 'As text', href: `${path}?type=text/plain`, quiet: true },
      { label: 'Download', href: `${path}?download`, quiet: true },
    ],
    '',
  )}`;
  return page({ title: 'Drawing', body, verdict });
}

/** On top of a page that wanted more than it may. Its style is written out, because the page's own style sheets come after it. */
export function bar(others: number, loadOnceHref: string): string {
  const style =
    'all:initial;display:block;position:static;font:14px/1.5 system-ui,sans-serif;color:#1c2430;background:#fff1d6;border-bottom:1px solid #c98a1b;padding:6px 12px';
  return html`<div style="${style}">${others} ${others === 1 ? 'item' : 'items'} from other keys not loaded. <a href="${loadOnceHref}" style="all:initial;font:inherit;color:#1d5fa8;text-decoration:underline;cursor:pointer">Load once</a></div>`
    .text;
}
