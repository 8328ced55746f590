/**
 * What all pages of ours have in common: one stylesheet, inside the page, known to the policy by its hash; no scripts, nothing from elsewhere.
 * @module
 */
import { createHash } from 'node:crypto';
import { html, Markup } from './html.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5a6675;--paper:#f7f8fa;--card:#fff;--line:#d8dde4;--accent:#1d5fa8;--warn:#9a5b00;--mark:#fff1d6}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b5;--paper:#12161c;--card:#1a2028;--line:#303947;--accent:#7db4f0;--warn:#f0b45a;--mark:#3a2f16}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
a{color:var(--accent)}
header{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;align-items:baseline;padding:.7rem 1.2rem;border-bottom:1px solid var(--line);background:var(--card)}
header .name{font-weight:650;color:var(--ink);text-decoration:none}
header nav{display:flex;gap:1rem}
header .verdict{margin-left:auto;color:var(--soft)}
main{max-width:52rem;margin:0 auto;padding:1.4rem 1.2rem 3rem}
h1{font-size:1.5rem;line-height:1.25;margin:.4rem 0 .8rem;overflow-wrap:anywhere}
h2{font-size:1.08rem;margin:1.8rem 0 .5rem}
p{margin:.5rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.2rem;margin:1rem 0}
.soft{color:var(--soft)}
.warn{color:var(--warn)}
.code{font:.88em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
mark{background:var(--mark);color:inherit;border-bottom:2px solid var(--warn);padding:0 .1em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.2rem;margin:.6rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;margin:.6rem 0}
th{text-align:left;font-weight:600;color:var(--soft)}
th,td{padding:.38rem .7rem .38rem 0;border-bottom:1px solid var(--line);vertical-align:baseline;overflow-wrap:anywhere}
td.num,th.num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
form{margin:0}
form.key{display:flex;flex-wrap:wrap;gap:.5rem;margin:.6rem 0}
input{flex:1 1 18rem;min-width:0;font:inherit;padding:.5rem .7rem;border:1px solid var(--line);border-radius:.35rem;background:var(--paper);color:inherit}
button,a.button{display:inline-block;font:inherit;padding:.45rem 1rem;border:1px solid var(--accent);border-radius:.35rem;background:var(--accent);color:var(--card);text-decoration:none;cursor:pointer}
button.quiet,a.quiet{background:transparent;color:var(--accent)}
.actions{display:flex;flex-wrap:wrap;gap:.6rem;margin:1.1rem 0 .3rem}
td .actions{margin:0}
progress{width:100%;height:.8rem;accent-color:var(--accent)}
img.shown{max-width:100%;height:auto;background:#fff;border:1px solid var(--line)}
footer{color:var(--soft);font-size:.9rem;max-width:52rem;margin:0 auto;padding:0 1.2rem 2rem}
@media (max-width:34rem){header .verdict{margin-left:0;flex-basis:100%}main{padding:1rem .9rem 2rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}.wide{display:none}}
`.trim();

export const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;

export interface PageParts {
  /** Fixed words of ours: a key or a name has no place in a title, which history and task lists keep. */
  readonly title: string;
  readonly body: Markup;
  /** `● HEALTHY`, when it is known. */
  readonly verdict?: string | undefined;
}

export function page({ title, body, verdict }: PageParts): string {
  return html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>${title} - Holloway</title><style>${new Markup(STYLE)}</style></head>
<body><header><a class="name" href="/">Holloway</a><nav><a href="/-/status">Status</a><a href="/-/transfers">Transfers</a></nav>${verdict !== undefined && html`<span class="verdict">${verdict}</span>`}</header>
<main>${body}</main></body></html>
`.text;
}

export function keyBox(label = 'Open a key'): Markup {
  return html`<form class="key" action="/" method="get"><input name="key" aria-label="${label}" placeholder="CHK@... SSK@... USK@... KSK@word" autocomplete="off" spellcheck="false" maxlength="8192"><button>Open</button></form>`;
}

export interface Action {
  readonly label: string;
  /** GET when `href`, a form with the gateway's token when `act`. */
  readonly href?: string;
  readonly act?: { readonly do: string; readonly uri?: string; readonly id?: string };
  readonly quiet?: boolean;
}

export function actions(list: readonly Action[], token: string): Markup {
  return html`<div class="actions">${list.map((action) => {
    const look = action.quiet === true ? 'quiet' : '';
    if (action.act === undefined) return html`<a class="button ${look}" href="${action.href}">${action.label}</a>`;
    const { do: what, uri, id } = action.act;
    return html`<form action="/-/transfers" method="post"><input type="hidden" name="token" value="${token}"><input type="hidden" name="do" value="${what}">${uri !== undefined && html`<input type="hidden" name="uri" value="${uri}">`}${id !== undefined && html`<input type="hidden" name="id" value="${id}">`}<button class="${look}">${action.label}</button></form>`;
  })}</div>`;
}

export function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  let value = bytes;
  let unit = -1;
  while (value >= 1_024 && unit < 3) {
    value /= 1_024;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${['KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}

export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
