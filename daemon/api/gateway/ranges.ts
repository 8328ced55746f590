/**
 * Conditional and partial requests: which status, and which bytes.
 *
 * Shape   answerFor(headers, size, etag) -> 200 whole, 206 part, 304 unchanged, 416 outside.
 * Why     one range at a time: a list of ranges buys nothing that several requests do not, and costs an answer of several parts. What is
 *         malformed is ignored, as the standard says.
 * Source  RFC 9110 §§ 13, 14.
 * @module
 */
import type { IncomingHttpHeaders } from 'node:http';

export type RangeAnswer =
  | { readonly status: 200 | 206; readonly from: number; readonly to: number }
  | { readonly status: 304 }
  | { readonly status: 416 };

export function answerFor(headers: IncomingHttpHeaders, sizeBytes: number, etag: string): RangeAnswer {
  const known = headers['if-none-match'];
  if (known !== undefined && listHas(known, etag)) return { status: 304 };
  const whole: RangeAnswer = { status: 200, from: 0, to: sizeBytes };
  const condition = headers['if-range'];
  // A date never matches: there are none here. A weak tag must not match.
  if (headers.range === undefined || (condition !== undefined && condition !== etag)) return whole;
  const match = /^bytes\s*=\s*(\d{0,16})\s*-\s*(\d{0,16})\s*$/i.exec(String(headers.range));
  if (match === null) return whole;
  const [, first, last] = match as unknown as [string, string, string];
  if (first === '') {
    if (last === '') return whole;
    const count = Math.min(Number(last), sizeBytes);
    return count === 0 ? { status: 416 } : { status: 206, from: sizeBytes - count, to: sizeBytes };
  }
  const from = Number(first);
  const to = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (last !== '' && Number(last) < from) return whole;
  return from >= sizeBytes ? { status: 416 } : { status: 206, from, to };
}

function listHas(list: string, etag: string): boolean {
  return list.split(',').some((entry) => {
    const tag = entry.trim();
    return tag === '*' || tag.replace(/^W\//, '') === etag;
  });
}
