/**
 * Stylesheets: parsed, judged part by part against what is allowed, and written anew.
 *
 * Shape   filterCss(text, page, context) -> text. `url()` and `@import` lead only into the same key (and to small data: pictures).
 * Errors  none: what does not parse or is not allowed is left out; a sheet that still looks wrong after that is left out whole.
 * Why     two nets: the tree is rebuilt from an allow-list, and the text that comes out of it is cut into tokens once more, each of which
 *         must be known. A fault of the parser or of the writer would have to slip through both. The two passes are repeated until nothing changes,
 *         so that the browser's reading and ours are the same.
 * Source  ux § 3.3; CSS Syntax Module Level 3, as css-tree implements it.
 * @module
 */

import type { CssNode, CssNodePlain, DeclarationPlain, FunctionNodePlain } from 'css-tree';
import * as csstree from 'css-tree';
import { CSS_AT_RULES, CSS_FUNCTIONS, CSS_PROPERTIES, CSS_SELECTOR_FUNCTIONS } from './css-rules.ts';
import { type LoadTally, loadUrl, newTally, type PageAddress } from './urls.ts';

export type CssContext = 'stylesheet' | 'declarationList';

/** Text is stable within so many passes, or left out. */
const PASSES_MAX = 5;
const DEPTH_MAX = 64;

/** @param tally counts what was left out in the first pass */
export function filterCss(text: string, page: PageAddress, context: CssContext, tally: LoadTally): string {
  let before = text;
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const after = onePass(before, page, context, pass === 0 ? tally : newTally());
    if (after === before || after === '') return after;
    before = after;
  }
  tally.removed++;
  return '';
}

function onePass(text: string, page: PageAddress, context: CssContext, tally: LoadTally): string {
  const sieve = new Sieve(page, tally);
  let written: string;
  try {
    const parsed = csstree.toPlainObject(
      csstree.parse(text, { context, parseCustomProperty: true, onParseError: () => {} }) as CssNode,
    );
    const kept = sieve.list((parsed as { children: CssNodePlain[] }).children, 0);
    written = csstree.generate(
      csstree.fromPlainObject({ ...parsed, children: kept } as unknown as CssNodePlain) as CssNode,
    );
  } catch {
    tally.removed++;
    return '';
  }
  // Inside <style> neither of the two may be seen, and neither stands in any construct that is worth a page.
  if (/<\/|<!/.test(written)) written = written.replace(/<(?=[/!])/g, '\\3c ');
  if (allTokensKnown(written, page)) return written;
  tally.removed++;
  return '';
}

class Sieve {
  readonly #page: PageAddress;
  readonly #tally: LoadTally;

  constructor(page: PageAddress, tally: LoadTally) {
    this.#page = page;
    this.#tally = tally;
  }

  /** Rules and declarations of a sheet or a block. */
  list(nodes: readonly CssNodePlain[], depth: number): CssNodePlain[] {
    const kept: CssNodePlain[] = [];
    for (const node of nodes) {
      const clean = depth > DEPTH_MAX ? undefined : this.#item(node, depth);
      if (clean !== undefined) kept.push(clean);
      else if (node.type !== 'Comment' && node.type !== 'WhiteSpace' && node.type !== 'Raw') this.#tally.removed++;
    }
    return kept;
  }

  #item(node: CssNodePlain, depth: number): CssNodePlain | undefined {
    if (node.type === 'Declaration') return this.#declaration(node);
    if (node.type === 'Rule') {
      const prelude = this.#plain(node.prelude, depth);
      if (prelude === undefined) return undefined;
      return { ...node, prelude: prelude as typeof node.prelude, block: this.#block(node.block, depth) };
    }
    if (node.type !== 'Atrule' || !CSS_AT_RULES.has(node.name.toLowerCase())) return undefined;
    if (node.name.toLowerCase() === 'import') return this.#import(node);
    const prelude = node.prelude === null ? null : this.#plain(node.prelude, depth);
    if (prelude === undefined) return undefined;
    const block = node.block === null ? null : this.#block(node.block, depth);
    return { ...node, prelude: prelude as typeof node.prelude, block };
  }

  #block<B extends { children: CssNodePlain[] }>(block: B, depth: number): B {
    return { ...block, children: this.list(block.children, depth + 1) };
  }

  /** `@import ADDRESS media`: conditions that are functions are rare, and not needed. */
  #import(node: Extract<CssNodePlain, { type: 'Atrule' }>): CssNodePlain | undefined {
    if (node.block !== null || node.prelude?.type !== 'AtrulePrelude') return undefined;
    const [address, ...rest] = node.prelude.children;
    if (address?.type !== 'String' && address?.type !== 'Url') return undefined;
    const href = loadUrl(address.value, this.#page, this.#tally);
    if (href === undefined || href.startsWith('data:')) return undefined;
    if (rest.some((part) => part.type !== 'MediaQueryList' || this.#plain(part, 0) === undefined)) return undefined;
    return { ...node, prelude: { ...node.prelude, children: [{ type: 'Url', value: href }, ...rest] } };
  }

  #declaration(node: DeclarationPlain): CssNodePlain | undefined {
    const property = node.property.toLowerCase();
    const base = property.replace(/^-(?:webkit|moz|ms|o)-/, '');
    if (!property.startsWith('--') && !CSS_PROPERTIES.has(base)) return undefined;
    if (/[^\w-]/.test(node.property)) return undefined;
    const value = this.#plain(node.value, 0);
    return value === undefined ? undefined : { ...node, value: value as typeof node.value };
  }

  /** Selectors, preludes and values: the same node with addresses rewritten; undefined when any part of it is not allowed. */
  #plain(node: CssNodePlain, depth: number): CssNodePlain | undefined {
    if (depth > DEPTH_MAX) return undefined;
    switch (node.type) {
      case 'Raw':
        return undefined;
      case 'Url': {
        const href = loadUrl(node.value, this.#page, this.#tally);
        return href === undefined ? undefined : { type: 'Url', value: href };
      }
      case 'Function':
        return this.#function(node, depth);
      case 'Declaration':
        return this.#declaration(node);
      default:
        return this.#parts(node, depth);
    }
  }

  #function(node: FunctionNodePlain, depth: number): CssNodePlain | undefined {
    const name = node.name.toLowerCase();
    if (!CSS_FUNCTIONS.has(name) && !CSS_SELECTOR_FUNCTIONS.has(name)) return undefined;
    if (name !== 'var' && name !== 'env') return this.#parts(node, depth);
    // What stands in for a missing variable comes as it was written: it is read like any other value.
    const children = node.children.flatMap((child) => (child.type === 'Raw' ? valueParts(child.value) : [child]));
    return this.#parts({ ...node, children }, depth);
  }

  /** Every child node, whatever the field is called. */
  #parts(node: CssNodePlain, depth: number): CssNodePlain | undefined {
    const clean: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(node)) {
      if (field === 'loc' || value === null || typeof value !== 'object') {
        clean[field] = value;
        continue;
      }
      const parts = Array.isArray(value) ? (value as CssNodePlain[]) : [value as CssNodePlain];
      const kept = parts.map((part) => this.#plain(part, depth + 1));
      if (kept.includes(undefined)) return undefined;
      clean[field] = Array.isArray(value) ? kept : kept[0];
    }
    return clean as unknown as CssNodePlain;
  }
}

function valueParts(text: string): CssNodePlain[] {
  const refused: CssNodePlain[] = [{ type: 'Raw', value: '' }];
  try {
    const parsed = csstree.toPlainObject(csstree.parse(text, { context: 'value', onParseError: () => {} }) as CssNode);
    return parsed.type === 'Value' ? parsed.children : refused;
  } catch {
    return refused;
  }
}

/** The second net, which knows nothing of the tree. */
function allTokensKnown(text: string, page: PageAddress): boolean {
  let known = true;
  csstree.tokenize(text, (type, start, end) => {
    const token = text.slice(start, end);
    const name = csstree.tokenNames[type];
    if (name === 'bad-url-token' || name === 'bad-string-token' || name === 'CDO-token' || name === 'CDC-token') {
      known = false;
    } else if (name === 'url-token') {
      known &&= isOwnUrl(csstree.url.decode(token), page);
    } else if (name === 'function-token') {
      const called = token.slice(0, -1).toLowerCase();
      known &&= CSS_FUNCTIONS.has(called) || CSS_SELECTOR_FUNCTIONS.has(called);
    } else if (name === 'at-keyword-token') {
      known &&= CSS_AT_RULES.has(token.slice(1).toLowerCase()) || PAGE_MARGINS.test(token);
    }
  });
  return known;
}

const PAGE_MARGINS = /^@(?:top|bottom|left|right)-[a-z-]+$/i;

function isOwnUrl(address: string, page: PageAddress): boolean {
  if (address.startsWith('data:')) return /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*$/.test(address);
  if (page.loadOthers && /^\/(?:CHK|SSK|USK|KSK)@/.test(address)) return true;
  return (
    address === page.rootPath || address.startsWith(`${page.rootPath}/`) || address.startsWith(`${page.rootPath}#`)
  );
}
