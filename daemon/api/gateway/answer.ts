/**
 * One request and the ways to answer it. Everything that leaves the gateway leaves through here, so that no answer lacks its headers.
 *
 * Errors  after the first byte a failure can only be told by cutting the connection: a short answer must never look whole.
 * Why     bytes go out in small pieces and only as fast as the reader takes them; what it does not take is not fetched.
 * @module
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { DOWNLOAD_POLICY, ownHeaders } from './headers.ts';
import { STYLE_HASH } from './pages/layout.ts';
import { type Problem, type ProblemPlace, problemJson, problemPage, refreshesItself } from './pages/problems.ts';
import { answerFor } from './ranges.ts';

/** Something of a known length that can be sent, whole or in part. */
export interface Representation {
  readonly headers: OutgoingHttpHeaders;
  readonly sizeBytes: number;
  /** Quoted. */
  readonly etag: string;
  read(from: number, to: number): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const PIECE_BYTES = 65_536;
const OWN_REFRESH_S = 5;

export class Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Browser, and looking at a page of its own: gets pages, not JSON. */
  readonly isPerson: boolean;
  /** Sec-Fetch-Dest. */
  readonly destination: string | undefined;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly host: string;
  /** Aborted when the other end has gone, or everything was sent. */
  readonly signal: AbortSignal;

  constructor(request: IncomingMessage, response: ServerResponse, isPerson: boolean, destination: string | undefined) {
    this.request = request;
    this.response = response;
    this.isPerson = isPerson;
    this.destination = destination;
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
    this.host = request.headers.host ?? '';
    const gone = new AbortController();
    this.signal = gone.signal;
    response.on('close', () => gone.abort());
    response.on('error', () => {}); // 'close' follows
  }

  page(status: number, text: string, headers: OutgoingHttpHeaders = {}, picture = false): void {
    this.#send(status, Buffer.from(text), {
      ...ownHeaders(STYLE_HASH, picture),
      'Content-Type': 'text/html; charset=utf-8',
      ...headers,
    });
  }

  plain(status: number, text: string, headers: OutgoingHttpHeaders = {}): void {
    this.#send(status, Buffer.from(text), {
      ...ownHeaders(STYLE_HASH),
      'Content-Type': 'text/plain; charset=utf-8',
      ...headers,
    });
  }

  json(status: number, text: string, headers: OutgoingHttpHeaders = {}): void {
    this.#send(status, Buffer.from(text), {
      ...ownHeaders(STYLE_HASH),
      'Content-Type': 'application/problem+json',
      ...headers,
    });
  }

  redirect(status: 303 | 307 | 308, location: string): void {
    this.plain(status, '', { Location: location });
  }

  problem(problem: Problem, place: ProblemPlace, headers: OutgoingHttpHeaders = {}): void {
    if (this.response.headersSent) {
      this.response.destroy();
      return;
    }
    const { retryAfterS, code, status } = problem;
    const more: OutgoingHttpHeaders = {
      ...(retryAfterS === undefined ? {} : { 'Retry-After': retryAfterS }),
      ...(this.isPerson && refreshesItself(code) ? { Refresh: OWN_REFRESH_S } : {}),
      ...headers,
    };
    if (this.isPerson) this.page(status, problemPage(problem, place), more);
    else this.json(status, problemJson(problem), more);
  }

  /** GET and HEAD, conditions and ranges. */
  async deliver(found: Representation): Promise<void> {
    const { request, response } = this;
    const answer = answerFor(request.headers, found.sizeBytes, found.etag);
    const headers: OutgoingHttpHeaders = { ...found.headers, ETag: found.etag, 'Accept-Ranges': 'bytes' };
    if (answer.status === 304) {
      const { 'Content-Type': _type, 'Content-Disposition': _name, ...rest } = headers;
      response.writeHead(304, rest);
      response.end();
      return;
    }
    if (answer.status === 416) {
      headers['Content-Range'] = `bytes */${found.sizeBytes}`;
      this.#send(416, Buffer.alloc(0), headers);
      return;
    }
    const { from, to, status } = answer;
    if (status === 206) headers['Content-Range'] = `bytes ${from}-${to - 1}/${found.sizeBytes}`;
    headers['Content-Length'] = to - from;
    response.writeHead(status, headers);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    try {
      await this.#pump(found.read(from, to), to - from);
    } catch {
      response.destroy();
    }
  }

  async #pump(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, count: number): Promise<void> {
    const { response } = this;
    let left = count;
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        if (this.signal.aborted) return;
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        left -= piece.length;
        if (left < 0) return void response.destroy();
        if (!response.write(piece)) await drained(response);
      }
    }
    if (left === 0) response.end();
    else response.destroy();
  }

  #send(status: number, body: Uint8Array, headers: OutgoingHttpHeaders): void {
    const { request, response } = this;
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // What is left of a body would be read as the next request.
    if (!request.complete && request.method === 'POST') response.setHeader('Connection', 'close');
    response.writeHead(status, { ...headers, 'Content-Length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}

export function etagOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\n');
  return `"${hash.digest('base64url').slice(0, 32)}"`;
}

/** Bytes that are there already. */
export function inMemory(bytes: Uint8Array): Pick<Representation, 'sizeBytes' | 'etag' | 'read'> {
  return { sizeBytes: bytes.length, etag: etagOf(bytes), read: (from, to) => [bytes.subarray(from, to)] };
}

/** What the parser refused before there was a request: the same headers all the same. */
export function rawRefusal(status: 400 | 408 | 431): string {
  const reason = { 400: 'Bad Request', 408: 'Request Timeout', 431: 'Request Header Fields Too Large' }[status];
  const headers = Object.entries({ ...ownHeaders(STYLE_HASH), 'Content-Security-Policy': DOWNLOAD_POLICY })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return `HTTP/1.1 ${status} ${reason}\r\n${headers}Content-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    if (response.destroyed) return resolve();
    response.on('drain', done);
    response.on('close', done);
  });
}
