/**
 * Publishing and fetching through the control API, as any program would: what benches time, without the start of a command.
 * @module
 */
import { type IncomingMessage, request } from 'node:http';
import type { ApiErrorBody, TransferResult } from '../../daemon/api/schema.ts';
import { socketOf } from './devnet.ts';

export class ApiFailure extends Error {
  readonly code: string;
  constructor(body: ApiErrorBody) {
    super(`${body.error.what} [${body.error.code}]`);
    this.code = body.error.code;
  }
}

function call(home: string, method: string, path: string, body?: Uint8Array | string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: socketOf(home),
        path,
        method,
        headers: body === undefined ? {} : { 'content-length': Buffer.byteLength(body) },
      },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function bytesOf(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function jsonOf<T>(response: IncomingMessage): Promise<T> {
  const body = JSON.parse((await bytesOf(response)).toString('utf8')) as T | ApiErrorBody;
  if ((response.statusCode ?? 500) >= 400) throw new ApiFailure(body as ApiErrorBody);
  return body as T;
}

/** Follows the event stream of one transfer to its end. */
async function outcome(home: string, id: string): Promise<TransferResult> {
  const response = await call(home, 'GET', `/v1/transfers/${id}/events`);
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) {
    text += part as string;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = /^event: (\w+)$/m.exec(text.slice(0, end))?.[1];
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data === undefined) continue;
      if (event === 'result') return JSON.parse(data) as TransferResult;
      if (event === 'error') throw new ApiFailure(JSON.parse(data) as ApiErrorBody);
    }
  }
  throw new Error('the event stream ended without a result');
}

export async function publishBytes(
  home: string,
  bytes: Uint8Array,
  query = 'class=fast',
): Promise<TransferResult & { uri: string }> {
  const { id } = await jsonOf<{ id: string }>(await call(home, 'POST', `/v1/publish?${query}`, bytes));
  const result = await outcome(home, id);
  if (result.uri === undefined) throw new Error('a publish ended without a URI');
  return { ...result, uri: result.uri };
}

export async function fetchBytes(home: string, uri: string): Promise<TransferResult & { content: Buffer }> {
  const { id } = await jsonOf<{ id: string }>(
    await call(home, 'POST', '/v1/fetch', JSON.stringify({ uri, class: 'fast' })),
  );
  const ended = outcome(home, id);
  ended.catch(() => {}); // the content's failure is the one to report
  const response = await call(home, 'GET', `/v1/transfers/${id}/content`);
  if ((response.statusCode ?? 500) >= 400) throw new ApiFailure(await jsonOf(response));
  const content = await bytesOf(response);
  return { ...(await ended), content };
}
