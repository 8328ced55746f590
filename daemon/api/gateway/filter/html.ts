/**
 * Pages: parsed by the HTML standard's own algorithm, and written anew from an allow-list.
 *
 * Shape   filterHtml(text, page) -> the page, how many loads from other keys were left out, which other keys were let in.
 * Errors  UnsafePage when the text does not come to rest: what a browser would make of it is then not what we looked at.
 * Why     nothing of the input is copied: every tag, attribute and escape is written by us. The page that comes out is filtered again until it
 *         does not change, so that filter(filter(x)) = filter(x) holds by construction; what parses differently the second time
 *         (mutation XSS) never leaves. `base` is dropped, so that addresses mean what the page's own URL makes of them.
 * Source  ux § 3.3; decision 0013.
 * @module
 */
import { html as htmlNames, parse, type DefaultTreeAdapterTypes as Tree } from 'parse5';
import { filterCss } from './css.ts';
import {
  ATTRIBUTE_VALUES,
  BOOLEAN_ATTRIBUTES,
  DROPPED,
  ELEMENTS,
  GLOBAL_ATTRIBUTES,
  META_NAMES,
  RENAMED,
  URL_LOADS,
  VOID_ELEMENTS,
} from './html-rules.ts';
import { judgeUrl, type LoadTally, loadUrl, newTally, type PageAddress } from './urls.ts';

export class UnsafePage extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'UnsafePage';
  }
}

export interface FilteredPage {
  readonly html: string;
  readonly tally: LoadTally;
}

const PASSES_MAX = 8;
/** Browsers flatten what is nested deeper than 512. */
const DEPTH_MAX = 256;
const CSS_IN_PAGE_MAX = 1_048_576;

export function filterHtml(text: string, page: PageAddress): FilteredPage {
  const tally = newTally();
  let before = onePass(text, page, tally);
  for (let pass = 1; pass < PASSES_MAX; pass++) {
    const after = onePass(before, page, newTally());
    if (after === before) return { html: after, tally };
    before = after;
  }
  throw new UnsafePage('its tags are nested so that they mean something else each time they are read');
}

function onePass(text: string, page: PageAddress, tally: LoadTally): string {
  // Scripts never run on these pages, so the browser reads <noscript> as we do.
  const document = parse(text, { scriptingEnabled: false });
  return new Writer(page, tally).document(document);
}

class Writer {
  readonly #page: PageAddress;
  readonly #tally: LoadTally;
  readonly #out: string[] = [];
  /** Links that stand for a `meta refresh`, written at the top of the body. */
  readonly #wishes: { href: string; text: string }[] = [];
  #cssLeft = CSS_IN_PAGE_MAX;

  constructor(page: PageAddress, tally: LoadTally) {
    this.#page = page;
    this.#tally = tally;
  }

  document(document: Tree.Document): string {
    const root = document.childNodes.find(isElement);
    const head = root?.childNodes.find((node) => isElement(node) && node.tagName === 'head');
    const body = root?.childNodes.find((node) => isElement(node) && node.tagName === 'body');
    this.#out.push('<!DOCTYPE html>\n<html', this.#attributes('html', root), '><head><meta charset="utf-8">');
    if (isElement(head)) this.#head(head);
    this.#out.push('</head><body', this.#attributes('body', isElement(body) ? body : undefined), '>');
    for (const { href, text } of this.#wishes) {
      this.#out.push('<p>This page asks to be replaced by another: ', `<a href="${escapeAttribute(href)}"`);
      this.#out.push(` rel="noreferrer noopener">${escapeText(text)}</a></p>`);
    }
    if (isElement(body)) this.#children(body, 0);
    this.#out.push('</body></html>');
    return this.#out.join('');
  }

  #head(head: Tree.Element): void {
    let titled = false;
    for (const node of head.childNodes) {
      if (!isElement(node)) continue;
      if (node.tagName === 'title' && !titled) {
        titled = true;
        this.#out.push('<title>', escapeText(textOf(node)), '</title>');
      } else {
        this.#metadata(node);
      }
    }
  }

  /** style, link and meta; whatever else stands in a head is not written. */
  #metadata(element: Tree.Element): void {
    if (element.tagName === 'style') this.#style(element);
    else if (element.tagName === 'link') this.#link(element);
    else if (element.tagName === 'meta') this.#meta(element);
    else if (element.tagName !== 'title') this.#tally.removed++;
  }

  #style(element: Tree.Element): void {
    const text = textOf(element);
    this.#cssLeft -= text.length;
    if (this.#cssLeft < 0) {
      this.#tally.removed++;
      return;
    }
    const css = filterCss(text, this.#page, 'stylesheet', this.#tally);
    if (css === '') return;
    const media = attributeOf(element, 'media');
    this.#out.push('<style', isMedia(media) ? ` media="${escapeAttribute(media)}"` : '', '>', css, '</style>');
  }

  #link(element: Tree.Element): void {
    const relations = (attributeOf(element, 'rel') ?? '')
      .toLowerCase()
      .split(/[\t\n\f\r ]+/)
      .filter(Boolean);
    const isSheet = relations.includes('stylesheet') && !relations.includes('alternate');
    const isIcon = relations.includes('icon');
    const raw = attributeOf(element, 'href');
    if ((!isSheet && !isIcon) || raw === undefined) {
      this.#tally.removed++;
      return;
    }
    const href = loadUrl(raw, this.#page, this.#tally);
    if (href === undefined || href.startsWith('data:')) return;
    // One relation only: `rel="icon preconnect"` is one of the ways in.
    const media = attributeOf(element, 'media');
    this.#out.push(`<link rel="${isSheet ? 'stylesheet' : 'icon'}" href="${escapeAttribute(href)}"`);
    this.#out.push(isMedia(media) ? ` media="${escapeAttribute(media)}">` : '>');
  }

  #meta(element: Tree.Element): void {
    const name = attributeOf(element, 'name')?.toLowerCase();
    const content = attributeOf(element, 'content') ?? '';
    if (name !== undefined && META_NAMES.has(name)) {
      this.#out.push(`<meta name="${name}" content="${escapeAttribute(content)}">`);
      return;
    }
    if (attributeOf(element, 'http-equiv')?.trim().toLowerCase() !== 'refresh') return;
    this.#tally.removed++;
    const address = /^[\s\d.]*[;,]?\s*(?:url\s*=\s*)?["']?([^"']+)/i.exec(content)?.[1];
    const judged = address === undefined ? undefined : judgeUrl(address, this.#page);
    if (judged === undefined || judged.type === 'refused') return;
    this.#wishes.push({ href: judged.href, text: judged.type === 'out' ? judged.address : judged.href });
  }

  #children(parent: Tree.ParentNode, depth: number): void {
    for (const node of parent.childNodes) {
      if (node.nodeName === '#text') this.#out.push(escapeText((node as Tree.TextNode).value));
      else if (isElement(node)) this.#element(node, depth + 1);
      // Comments, doctypes and processing instructions are not written.
    }
  }

  #element(element: Tree.Element, depth: number): void {
    const foreign = element.namespaceURI !== htmlNames.NS.HTML;
    const name = RENAMED[element.tagName] ?? element.tagName;
    if (depth > DEPTH_MAX) {
      this.#tally.removed++;
      return;
    }
    if (!foreign && (name === 'style' || name === 'link' || name === 'meta')) {
      this.#metadata(element);
      return;
    }
    // In a page without scripts what stands in <noscript> is what its author wants to be seen.
    if (!foreign && name === 'noscript') {
      this.#children(element, depth);
      return;
    }
    if (DROPPED.has(name)) {
      this.#tally.removed++;
      return;
    }
    if (foreign || ELEMENTS[name] === undefined || name === 'html' || name === 'body') {
      this.#children(element, depth);
      return;
    }
    this.#out.push('<', name, this.#attributes(name, element), '>');
    if (VOID_ELEMENTS.has(name)) return;
    // A parser drops the first line break after <pre>.
    if (name === 'pre' && startsWithBreak(element)) this.#out.push('\n');
    this.#children(element, depth);
    this.#out.push('</', name, '>');
  }

  #attributes(name: string, element: Tree.Element | undefined): string {
    let text = '';
    const allowed = ELEMENTS[name]!;
    for (const attribute of element?.attrs ?? []) {
      const key = attribute.name;
      if (attribute.namespace !== undefined && attribute.namespace !== '') continue;
      if (!allowed.has(key) && !GLOBAL_ATTRIBUTES.has(key) && !/^aria-[a-z]{2,20}$/.test(key)) {
        if (/^(?:on|ping|formaction|action|srcdoc)/.test(key)) this.#tally.removed++;
        continue;
      }
      const value = this.#value(key, attribute.value);
      if (value !== undefined)
        text += BOOLEAN_ATTRIBUTES.has(key) ? ` ${key}=""` : ` ${key}="${escapeAttribute(value)}"`;
    }
    if ((name === 'a' || name === 'area') && text.includes(' href="')) text += ' rel="noreferrer noopener"';
    // Playing is the reader's to start, so the buttons are always there.
    if ((name === 'video' || name === 'audio') && !text.includes(' controls=""')) text += ' controls=""';
    return text;
  }

  #value(key: string, value: string): string | undefined {
    if (key === 'href') return this.#linkHref(value);
    if (URL_LOADS.has(key)) return loadUrl(value, this.#page, this.#tally);
    if (key === 'srcset') return this.#srcset(value);
    if (key === 'usemap') return value.startsWith('#') ? value : undefined;
    if (key === 'media') return isMedia(value) ? value : undefined;
    if (key === 'style') {
      this.#cssLeft -= value.length;
      if (this.#cssLeft < 0) return undefined;
      return filterCss(value, this.#page, 'declarationList', this.#tally) || undefined;
    }
    const choices = ATTRIBUTE_VALUES[key];
    return choices === undefined || choices.has(value.toLowerCase()) ? value : undefined;
  }

  #linkHref(raw: string): string | undefined {
    const judged = judgeUrl(raw, this.#page);
    if (judged.type !== 'refused') return judged.href;
    this.#tally.removed++;
    return undefined;
  }

  /** Candidates of the same key only. Ours never hold a comma or a space, so that there is one way to read what is written. */
  #srcset(value: string): string | undefined {
    const kept: string[] = [];
    for (const candidate of splitSrcset(value)) {
      const href = loadUrl(candidate.url, this.#page, this.#tally);
      if (href === undefined || href.startsWith('data:')) continue;
      kept.push(`${href.replaceAll(',', '%2C')}${candidate.size === '' ? '' : ` ${candidate.size}`}`);
    }
    return kept.length === 0 ? undefined : kept.join(', ');
  }
}

/** The standard's way to cut a srcset: a URL ends at white space; commas belong to it unless they end it. */
function splitSrcset(value: string): { url: string; size: string }[] {
  const found: { url: string; size: string }[] = [];
  let rest = value;
  while (found.length < 32) {
    rest = rest.replace(/^[\s,]+/, '');
    if (rest === '') break;
    const url = /^\S+/.exec(rest)![0];
    rest = rest.slice(url.length);
    if (url.endsWith(',')) {
      found.push({ url: url.replace(/,+$/, ''), size: '' });
      continue;
    }
    const descriptor = /^[^,]*/.exec(rest)![0];
    rest = rest.slice(descriptor.length);
    const size = descriptor.trim();
    if (/^(?:\d{1,5}(?:\.\d{1,3})?[wx])?$/.test(size)) found.push({ url, size });
  }
  return found;
}

function isElement(node: Tree.Node | undefined): node is Tree.Element {
  return node !== undefined && 'tagName' in node;
}

function attributeOf(element: Tree.Element, name: string): string | undefined {
  return element.attrs.find((attribute) => attribute.name === name)?.value;
}

function textOf(element: Tree.Element): string {
  return element.childNodes.map((node) => (node.nodeName === '#text' ? (node as Tree.TextNode).value : '')).join('');
}

function startsWithBreak(element: Tree.Element): boolean {
  const first = element.childNodes[0];
  return first?.nodeName === '#text' && (first as Tree.TextNode).value.startsWith('\n');
}

function isMedia(text: string | undefined): text is string {
  return text !== undefined && /^[\w\s(),.:<>=/-]{1,200}$/.test(text);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
  '\u00a0': '&nbsp;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>\r\u00a0]/g, (mark) => ESCAPES[mark]!);
}

function escapeAttribute(text: string): string {
  return text.replace(/[&<>"\r\u00a0]/g, (mark) => ESCAPES[mark]!);
}
