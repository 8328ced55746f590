/**
 * HTML: paths of the author's own disk, and who made it with what.
 *
 * Shape   attributes, and the text of scripts, styles and comments, are searched for absolute local paths; a page's own text is its content.
 * Errors  none: the parser takes anything.
 * Source  WHATWG HTML (parse5).
 * @module
 */
import { parse, type DefaultTreeAdapterTypes as Tree } from 'parse5';
import type { Findings } from './finding.ts';

/** file: URLs, drive letters, shares, and the folders where people live. */
const LOCAL_PATH =
  /file:\/\/|(?:^|[\s"'(=,;])(?:[A-Za-z]:[\\/]|\\\\[\w.-]+\\|\/(?:home|Users|root|mnt|media|Volumes)\/[\w.-])/;
const SEARCHED: ReadonlySet<string> = new Set(['script', 'style']);

export function isHtml(bytes: Uint8Array): boolean {
  const head = new TextDecoder('utf-8').decode(bytes.subarray(0, 1_024)).trimStart().toLowerCase();
  return /^(?:<!doctype html|<html|<head|<body)/.test(head) || /^<!--[\s\S]*?-->\s*<(?:!doctype html|html)/.test(head);
}

export function readHtml(bytes: Uint8Array, findings: Findings): void {
  const open: Tree.Node[] = [parse(new TextDecoder('utf-8').decode(bytes))];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if ('childNodes' in node) for (const child of node.childNodes) open.push(child);
    if ('content' in node) open.push(node.content);
    if ('attrs' in node) lookAtElement(node, findings);
    else if (node.nodeName === '#comment') lookAtText((node as Tree.CommentNode).data, findings);
    else if (node.nodeName === '#text') {
      const { parentNode, value } = node as Tree.TextNode;
      if (parentNode !== null && SEARCHED.has(parentNode.nodeName)) lookAtText(value, findings);
    }
  }
}

function lookAtElement(node: Tree.Element, findings: Findings): void {
  for (const { value } of node.attrs) lookAtText(value, findings);
  if (node.nodeName !== 'meta') return;
  const name = node.attrs.find((attribute) => attribute.name === 'name')?.value.toLowerCase();
  if (name === 'author' || name === 'copyright') findings.add('author', 'the name of an author or owner');
  if (name === 'generator') findings.add('software', 'the name of a program or computer');
}

function lookAtText(text: string, findings: Findings): void {
  if (LOCAL_PATH.test(text)) findings.add('path', 'an absolute path of your disk');
}
