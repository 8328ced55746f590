/**
 * A gateway on a free port over a library of documents in memory, and plain requests to it.
 *
 * Why     requests are written by hand on a socket where it matters: a client library would tidy up what the test is about.
 * @module
 */
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { type Gateway, type GatewayDeps, type GatewayOptions, startGateway } from '../../daemon/api/gateway/server.ts';
import type { Client, FetchedMetadata, FetchOptions, TransferProgress } from '../../daemon/client/client-types.ts';
import { CODEC, printUri } from '../../daemon/client/uri.ts';
import { LocalError } from '../../daemon/errors.ts';
import { routingKey } from '../../daemon/ids.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import type { Clock } from '../../daemon/ports.ts';
import { fixtureStatus } from './status-fixture.ts';

export interface Shelved {
  readonly bytes?: Uint8Array;
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
  readonly contentType?: string;
  readonly name?: string;
  readonly defaultPath?: string;
  readonly uri?: string;
  readonly edition?: number;
  readonly fails?: LocalError;
  /** Nothing is told before this. */
  readonly metadataGate?: Promise<void>;
  /** No chunk is given before this. */
  readonly gate?: Promise<void>;
  /** Breaks off after so many bytes. */
  readonly breaksAt?: number;
}

export interface Library extends Pick<Client, 'fetch' | 'cancel' | 'transfers'> {
  readonly shelf: Map<string, Shelved>;
  readonly asked: { readonly uri: string; readonly options: FetchOptions }[];
  readonly cancelled: string[];
  bytesRead: number;
}

const CHUNK_BYTES = 32_768;

/** A well-formed key of its own for each number. */
export function testKey(number: number, keyType: 0 | 1 = 1): string {
  const fill = new Uint8Array(32).fill(number & 255);
  fill[0] = number >> 8;
  return printUri({ type: 'CHK', routingKey: routingKey(fill), cryptoKey: fill, keyType, codec: CODEC.none, path: [] });
}

export function createLibrary(clock: Clock): Library {
  const shelf = new Map<string, Shelved>();
  const progress = new Map<string, TransferProgress>();
  let count = 0;

  function locate(uri: string): { shelved: Shelved; file: string | undefined } {
    const whole = shelf.get(uri);
    if (whole !== undefined) return { shelved: whole, file: undefined };
    for (const [key, shelved] of shelf) {
      if (uri.startsWith(`${key}/`)) return { shelved, file: decodeURIComponent(uri.slice(key.length + 1)) };
    }
    throw new LocalError('not_found', 'eight places were asked');
  }

  const library: Library = {
    shelf,
    asked: [],
    cancelled: [],
    bytesRead: 0,
    fetch(uri, options, signal) {
      library.asked.push({ uri, options });
      const id = (++count).toString(16).padStart(16, '0');
      progress.set(id, {
        id,
        kind: 'fetch',
        stage: 'fetching',
        trafficClass: 'fast',
        startedAtMs: clock.nowMs(),
        endedAtMs: undefined,
        blocksHave: 5,
        blocksNeeded: 10,
        blocksInFlight: 0,
        blocksMissed: 0,
        bytes: 0,
        totalBytes: undefined,
        exits: 1,
        contentType: undefined,
        copiesMin: undefined,
        error: undefined,
      });
      const abort = new AbortController();
      aborts.set(id, abort);
      signal?.addEventListener('abort', () => library.cancel(id));
      const aborted = new Promise<never>((_, reject) =>
        abort.signal.addEventListener('abort', () => reject(new LocalError('cancelled'))),
      );
      aborted.catch(() => {});
      let bytes = new Uint8Array();
      let found: Shelved = {};
      const metadata = (async (): Promise<FetchedMetadata> => {
        const { shelved, file } = locate(uri);
        found = shelved;
        if (shelved.metadataGate !== undefined) await Promise.race([shelved.metadataGate, aborted]);
        if (shelved.fails !== undefined) throw shelved.fails;
        const files = Object.entries(shelved.files ?? {}).map(([path, text]) => ({ path, bytes: Buffer.from(text) }));
        const one = file === undefined ? undefined : files.find(({ path }) => path === file);
        if (file !== undefined && one === undefined) throw new LocalError('not_found');
        const all = Buffer.concat(
          one ? [one.bytes] : shelved.files ? files.map((each) => each.bytes) : [shelved.bytes!],
        );
        bytes = new Uint8Array(all).subarray(options.range?.from ?? 0, options.range?.to ?? all.length);
        return {
          sizeBytes: all.length,
          contentBytes: bytes.length,
          contentType: one ? undefined : shelved.contentType,
          name: shelved.name,
          ...(shelved.uri === undefined
            ? { uri: uri.startsWith('CHK@') ? uri : testKey(60_000) }
            : { uri: shelved.uri }),
          ...(shelved.edition === undefined ? {} : { edition: shelved.edition }),
          ...(shelved.files === undefined || one
            ? {}
            : {
                directory: {
                  files: files.map((each) => ({ path: each.path, sizeBytes: each.bytes.length })),
                  defaultPath: shelved.defaultPath,
                },
              }),
        };
      })();
      metadata.catch(() => {});
      async function* content(): AsyncGenerator<Uint8Array> {
        await metadata;
        for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
          if (found.gate !== undefined) await Promise.race([found.gate, aborted]);
          if (abort.signal.aborted) throw new LocalError('cancelled');
          if (found.breaksAt !== undefined && at >= found.breaksAt) throw new LocalError('incomplete');
          const chunk = bytes.subarray(at, at + CHUNK_BYTES);
          library.bytesRead += chunk.length;
          yield chunk;
        }
      }
      return { id, metadata, content: content() };
    },
    cancel(id) {
      if (library.cancelled.includes(id)) return false;
      library.cancelled.push(id);
      aborts.get(id)?.abort();
      return true;
    },
    transfers: () => [...progress.values()],
  };
  const aborts = new Map<string, AbortController>();
  return library;
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly library: Library;
  readonly port: number;
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Answer>;
  /** Bytes as they are, one answer until the connection closes. */
  raw(text: string): Promise<string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export const PERSON = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};

export async function startTestGateway(
  options: Partial<GatewayOptions> & { readonly clock?: Clock; readonly queue?: GatewayDeps['queue'] } = {},
): Promise<TestGateway> {
  const { clock = createSystemClock(), queue, ...rest } = options;
  const library = createLibrary(clock);
  const gateway = await startGateway(
    { client: library, clock, queue, status: { read: () => fixtureStatus() }, trafficClass: 'fast' },
    {
      listen: { host: '127.0.0.1', port: 0 },
      hosts: [],
      token: undefined,
      browserCache: false,
      anyPort: false,
      ...rest,
    },
  );
  const port = Number(gateway.address.split(':').at(-1));
  return {
    gateway,
    library,
    port,
    get: (path, headers = {}, method = 'GET') => ask(port, path, headers, method),
    raw: (text) => rawAsk(port, text),
  };
}

export function ask(
  port: number,
  path: string,
  headers: Record<string, string>,
  method: string,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(parts);
        resolve({ status: response.statusCode!, headers: response.headers, body: whole, text: whole.toString('utf8') });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

function rawAsk(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(text, 'latin1'));
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      answer += part;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', () => {});
  });
}
