/**
 * Small pieces of HTTP that every endpoint shares: JSON answers, typed errors, bounded bodies, event streams.
 *
 * Errors  whatever a handler throws becomes an ApiErrorBody with the HTTP status of its row in USER_ERRORS; anything unexpected is
 *         `internal`, without its message (it might hold what it should not).
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LocalError, USER_ERRORS, type UserErrorCode } from '../errors.ts';
import { API_BODY_JSON_MAX } from '../limits.ts';
import type { ApiErrorBody } from './schema.ts';

export function errorBody(code: UserErrorCode, detail?: string): ApiErrorBody {
  const { what, cause, next } = USER_ERRORS[code];
  return { error: { code, what, cause, next, detail: detail ?? null } };
}

export function errorBodyOf(error: unknown): ApiErrorBody {
  return error instanceof LocalError ? errorBody(error.code, error.detail) : errorBody('internal');
}

export function sendJson(response: ServerResponse, status: number, document: unknown): void {
  const body = Buffer.from(`${JSON.stringify(document)}\n`);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}

/** @param status when it is not the row's: 404 and 405 for what is no endpoint */
export function sendError(response: ServerResponse, error: unknown, status?: number): void {
  const body = errorBodyOf(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What is left of the body would be read as the next request: end the connection instead.
  if (!response.req.complete) response.setHeader('connection', 'close');
  sendJson(response, status ?? USER_ERRORS[body.error.code as UserErrorCode].http, body);
}

export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > API_BODY_JSON_MAX)
      throw new LocalError('too_large', `a JSON body has at most ${API_BODY_JSON_MAX} bytes`);
    parts.push(part);
  }
  let document: unknown;
  try {
    document = JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new LocalError('usage', 'the body is not JSON');
  }
  if (document === null || typeof document !== 'object' || Array.isArray(document)) {
    throw new LocalError('usage', 'the body is not a JSON object');
  }
  return document as Record<string, unknown>;
}

export interface EventStream {
  /** False when the reader is behind: this event was dropped, not queued. */
  send(event: string, data: string): boolean;
  /** Sent however far behind the reader is: for the one event that ends a stream. */
  finish(event: string, data: string): void;
  readonly open: boolean;
}

export function openEventStream(response: ServerResponse): EventStream {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  return {
    send(event, data) {
      if (!this.open || response.writableNeedDrain) return false;
      response.write(`event: ${event}\ndata: ${data}\n\n`);
      return true;
    },
    finish(event, data) {
      if (this.open) response.end(`event: ${event}\ndata: ${data}\n\n`);
    },
    get open() {
      return !response.destroyed && !response.writableEnded;
    },
  };
}
