/**
 * The other end of the control API: what the command line and the devnet ask a daemon with.
 *
 * Shape   one ApiClient per socket path; every call is one request. Streams are async iterables and end with their signal.
 * Errors  LocalError with the code of the ApiErrorBody, or `daemon_unreachable` when nobody listens.
 * Why     beside schema.ts, so that whoever may know the schema may also speak it, and nothing of the daemon comes along.
 * @module
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { LocalError, USER_ERRORS, type UserErrorCode } from '../errors.ts';
import type { ApiErrorBody, TransferResult, TransferStatus } from './schema.ts';

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

export interface PublishQuery {
  readonly class?: string;
  readonly type?: string;
  readonly name?: string;
  readonly convergent?: boolean;
  readonly compress?: boolean;
  readonly verify?: boolean;
  /** Words with commas between them. */
  readonly keywords?: string;
  /** Name in the key ring, NAME/DOCUMENT, or KSK@word. */
  readonly as?: string;
  /** Of a tree. */
  readonly default?: string;
  readonly hashes?: boolean;
}

export interface ApiClient {
  readonly socketPath: string;
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  post<T>(path: string, body?: object, signal?: AbortSignal): Promise<T>;
  /** An answer that is no JSON. */
  text(path: string, signal?: AbortSignal): Promise<string>;
  events(path: string, signal?: AbortSignal): AsyncIterable<ServerEvent>;
  /** Resolves with the id while the upload goes on; `uploaded` settles with it. */
  publish(
    source: AsyncIterable<Uint8Array>,
    query: PublishQuery,
    signal?: AbortSignal,
    /** `publish-tree`: the source is as schema.ts describes it, made with `treeHeader`. */
    endpoint?: 'publish' | 'publish-tree',
  ): Promise<{ readonly id: string; readonly uploaded: Promise<void> }>;
  content(id: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Follows a transfer to its end. */
  follow(
    id: string,
    onProgress: (progress: TransferStatus) => void,
    signal?: AbortSignal,
    /** `queue`: an entry of it. */
    kind?: 'transfers' | 'queue',
  ): Promise<TransferResult>;
}

export function createApiClient(socketPath: string): ApiClient {
  function start(
    method: string,
    path: string,
    headers: Record<string, string | number>,
    signal: AbortSignal | undefined,
  ): { readonly outgoing: ClientRequest; readonly answer: Promise<IncomingMessage> } {
    const outgoing = request({ socketPath, method, path, headers, ...(signal === undefined ? {} : { signal }) });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('error', (error) => reject(signal?.aborted ? signal.reason : unreachable(error)));
      outgoing.on('response', (response) => {
        if ((response.statusCode ?? 500) < 400) resolve(response);
        else readAll(response).then((text) => reject(failureOf(text)), reject);
      });
    });
    answer.catch(() => {}); // whoever awaits it later still sees the failure
    return { outgoing, answer };
  }

  async function json<T>(method: string, path: string, body: object | undefined, signal?: AbortSignal): Promise<T> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const { outgoing, answer } = start(method, path, body === undefined ? {} : headers, signal);
    outgoing.end(text);
    return parse<T>(await readAll(await answer));
  }

  async function* events(path: string, signal?: AbortSignal): AsyncGenerator<ServerEvent> {
    const { outgoing, answer } = start('GET', path, {}, signal);
    outgoing.end();
    const response = await answer;
    response.setEncoding('utf8');
    let text = '';
    try {
      for await (const part of response as AsyncIterable<string>) {
        text += part;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const event = /^event: (.*)$/m.exec(text.slice(0, end))?.[1];
          const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
          text = text.slice(end + 2);
          if (event !== undefined && data !== undefined) yield { event, data };
        }
      }
    } catch (error) {
      throw signal?.aborted ? signal.reason : unreachable(error as Error);
    }
  }

  return {
    socketPath,
    get: (path, signal) => json('GET', path, undefined, signal),
    post: (path, body, signal) => json('POST', path, body ?? {}, signal),
    async text(path, signal) {
      const { outgoing, answer } = start('GET', path, {}, signal);
      outgoing.end();
      return readAll(await answer);
    },
    events,
    async publish(source, query, signal, endpoint = 'publish') {
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
      const { outgoing, answer } = start('POST', `/v1/${endpoint}?${search}`, {}, signal);
      const uploaded = upload(source, outgoing);
      uploaded.catch(() => {});
      outgoing.flushHeaders();
      const response = await Promise.race([answer, uploaded.then(() => answer)]);
      const id = await new Promise<string>((resolve, reject) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
          if (text.includes('\n')) resolve(parse<{ id: string }>(text).id);
        });
        response.on('error', (error) => reject(signal?.aborted ? signal.reason : unreachable(error)));
        response.on('close', () => reject(new LocalError('daemon_unreachable', 'it went away')));
      });
      return { id, uploaded };
    },
    async content(id, signal) {
      const { outgoing, answer } = start('GET', `/v1/transfers/${id}/content`, {}, signal);
      outgoing.end();
      return chunks(await answer, signal);
    },
    async follow(id, onProgress, signal, kind = 'transfers') {
      for await (const { event, data } of events(`/v1/${kind}/${id}/events`, signal)) {
        if (event === 'progress') onProgress(parse<TransferStatus>(data));
        if (event === 'result') return parse<TransferResult>(data);
        if (event === 'error') throw failureOf(data);
      }
      throw new LocalError('daemon_unreachable', 'it went away during the transfer');
    },
  };
}

/** What precedes the bytes of each file in the body of publish-tree. */
export function treeHeader(path: string, sizeBytes: number, sha256: Uint8Array = new Uint8Array(0)): Uint8Array {
  const name = Buffer.from(path);
  const header = Buffer.alloc(2 + name.length + 8 + sha256.length);
  header.set(sha256, 2 + name.length + 8);
  header.writeUInt16BE(name.length);
  name.copy(header, 2);
  header.writeBigUInt64BE(BigInt(sizeBytes), 2 + name.length);
  return header;
}

/** Writes as fast as the daemon takes it. A source that fails destroys the request: the daemon then drops the transfer. */
async function upload(source: AsyncIterable<Uint8Array>, outgoing: ClientRequest): Promise<void> {
  try {
    for await (const bytes of source) {
      if (outgoing.destroyed) throw new LocalError('cancelled', 'the daemon ended the upload');
      if (!outgoing.write(bytes)) await writable(outgoing);
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy(error as Error);
    throw error;
  }
}

function writable(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done);
      outgoing.off('close', done);
      resolve();
    };
    outgoing.on('drain', done);
    outgoing.on('close', done);
  });
}

async function* chunks(response: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    for await (const part of response as AsyncIterable<Buffer>) yield part;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    // The cause stands in the transfer's events; this only says that the bytes ended early.
    throw new LocalError('incomplete', 'the content was cut off', { cause: error });
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new LocalError('internal', 'the daemon answered something that is not JSON', { cause: error });
  }
}

function failureOf(text: string): LocalError {
  const { error } = parse<ApiErrorBody>(text);
  const code: UserErrorCode = Object.hasOwn(USER_ERRORS, error.code) ? (error.code as UserErrorCode) : 'internal';
  return new LocalError(code, error.detail ?? undefined);
}

function unreachable(error: Error): Error {
  if (error instanceof LocalError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return new LocalError('daemon_unreachable', code === undefined ? undefined : `the control socket says ${code}`, {
    cause: error,
  });
}
