/**
 * Our own pages that show the node: home, status, transfers, the way out, and the question before another site's link is followed.
 *
 * Why     no page shows a key, not even in the list of transfers: whoever looks over a shoulder learns that something is read, not what.
 * Source  ux §§ 3.1, 3.5.
 * @module
 */
import type { QueueEntry } from '../../../client/queue-types.ts';
import type { Status, TransferStatus } from '../../schema.ts';
import { html, type Markup } from './html.ts';
import { actions, durationText, keyBox, page, sizeText } from './layout.ts';

const GLYPHS = { HEALTHY: '●', DEGRADED: '▲', CONNECTING: '◌', TROUBLE: '✖', OFFLINE: '○' } as const;

export function verdictText(status: Status): string {
  return `${GLYPHS[status.verdict.word]} ${status.verdict.word}`;
}

function verdictCard(status: Status): Markup {
  const { verdict, network } = status;
  return html`<div class="card"><dl><dt>This node</dt><dd><strong>${verdictText(status)}</strong>${verdict.reason !== '' && html` - ${verdict.reason}`}</dd>
${verdict.next !== '' && html`<dt>Next</dt><dd>${verdict.next}</dd>`}<dt>Network</dt><dd>${network}${network === 'devnet' && html`: <span class="warn">all nodes are yours, nothing here is anonymous</span>`}</dd></dl></div>`;
}

export function homePage(status: Status): string {
  const body = html`<h1>Open a key</h1>${keyBox()}
<p class="soft">Paste a whole key. Prefixes like holloway: and line breaks in it do not matter.</p>
${verdictCard(status)}
<h2>Publish</h2><p>In a terminal:</p><p class="code">holloway publish photo.jpg</p><p class="code">holloway publish ./site</p>
<p>It prints a key. Whoever has the key can open it here, on any node of this network.</p>
<h2>What stays on this machine</h2>
<p>This gateway keeps nothing of what you read on the disk. Your browser does: its history records the addresses that you open. Use a private window or a profile of its own.</p>
<p>Pages are shown without scripts, and load nothing from outside their own key. Links to the ordinary web lead to a page that asks first.</p>`;
  return page({ title: 'Home', body, verdict: verdictText(status) });
}

export function statusPage(status: Status): string {
  const { peers, circuits, store, requests, traffic } = status;
  const row = (name: string, text: string): Markup => html`<dt>${name}</dt><dd>${text}</dd>`;
  const body = html`<h1>Status</h1>${verdictCard(status)}
<div class="card"><dl>
${row('Peers', `${peers.up} of ${peers.max}: ${peers.in} in, ${peers.out} out, ${peers.ringNeighbours} on the ring`)}
${row('Circuits', `${circuits.ready} ready, ${circuits.building} building; ${circuits.usableRelays} relays known`)}
${row('Store', `${store.store.blocks} blocks kept, ${store.cache.blocks} cached; ${sizeText(store.store.bytes + store.cache.bytes)} of ${sizeText(store.store.bytesMax + store.cache.bytesMax)}`)}
${row('Requests of others', `${requests.found} found, ${requests.notFound} not found, ${requests.failed} failed`)}
${row('Traffic', `${sizeText(traffic.inBytes)} in, ${sizeText(traffic.outBytes)} out`)}
${row('Up', durationText(status.uptimeMs))}
${row('Version', status.version)}</dl></div>
<p class="soft">More in a terminal: holloway top</p>`;
  return page({ title: 'Status', body, verdict: verdictText(status) });
}

export function transfersPage(status: Status, queue: readonly QueueEntry[], token: string): string {
  const queued = new Set(queue.map(({ id }) => id));
  const running = status.transfers.filter((transfer) => isRunning(transfer) && !queued.has(transfer.id));
  const body = html`<h1>Transfers</h1>
${running.length === 0 ? html`<p class="soft">Nothing is being transferred. Open a key on the <a href="/">home page</a>.</p>` : html`<table><thead><tr><th>Transfer</th><th>Stage</th><th class="num">Done</th><th class="num wide">Rate</th><th></th></tr></thead><tbody>${running.map(transferRow(token))}</tbody></table>`}
${queue.length > 0 && html`<h2>In the background</h2><table><thead><tr><th>Kind</th><th>State</th><th class="num">Done</th><th></th></tr></thead><tbody>${queue.map(queueRow(token))}</tbody></table>`}
<p class="soft">What is fetched for a page stops a minute after the last tab with it was closed. What runs in the background goes on, also after a restart.</p>`;
  return page({ title: 'Transfers', body, verdict: verdictText(status) });
}

const ENDED = new Set(['done', 'failed', 'cancelled']);

function isRunning(transfer: TransferStatus): boolean {
  return !ENDED.has(transfer.stage);
}

function transferRow(token: string): (transfer: TransferStatus) => Markup {
  return ({ alias, id, kind, stage, bytes, totalBytes, bytesPerSec }) =>
    html`<tr><td>${alias} <span class="soft">${kind}</span></td><td>${stage}</td><td class="num">${totalBytes === null ? sizeText(bytes) : `${Math.floor((bytes * 100) / Math.max(1, totalBytes))}% of ${sizeText(totalBytes)}`}</td><td class="num wide">${sizeText(bytesPerSec)}/s</td><td>${actions([{ label: 'Stop', act: { do: 'stop', id }, quiet: true }], token)}</td></tr>`;
}

function queueRow(token: string): (entry: QueueEntry) => Markup {
  return ({ id, kind, state, progress }) =>
    html`<tr><td>${kind}</td><td>${state}</td><td class="num">${progress.totalBytes === undefined ? sizeText(progress.bytes) : `${Math.floor((progress.bytes * 100) / Math.max(1, progress.totalBytes))}% of ${sizeText(progress.totalBytes)}`}</td><td>${actions([{ label: state === 'done' ? 'Forget' : 'Stop', act: { do: 'forget', id }, quiet: true }], token)}</td></tr>`;
}

/** @param address checked to be http or https; undefined: it was not */
export function outPage(address: string | undefined): string {
  const body =
    address === undefined
      ? html`<h1>This link leads nowhere safe</h1><p>It is no address of the ordinary web.</p>`
      : html`<h1>This link leaves Holloway</h1><div class="card"><p class="code">${address}</p><p>If you go on, your browser connects to that server directly. It sees your address, and that you came at this moment; it is not told from where.</p><div class="actions"><a class="button" href="${address}" rel="noreferrer noopener nofollow">Go there</a></div></div><p class="soft">To stay, go back.</p>`;
  return page({ title: 'Leaving', body });
}

/** The same bytes whatever the key: the link is to this very address. */
export function confirmPage(): string {
  const body = html`<h1>Another site sent you to this key. Open it?</h1><div class="card"><p>Nothing has been fetched yet. If you open it, this node looks for it in the network, and the site that sent you here may learn that somebody did.</p><div class="actions"><a class="button" href="">Open it</a><a class="button quiet" href="/">Home page</a></div></div>`;
  return page({ title: 'Open this?', body });
}
