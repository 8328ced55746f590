/**
 * A client of FCPv2 for programs in TypeScript and JavaScript: publish, fetch, make keys, follow sites, look at the queue.
 *
 * Shape   connectFcp says hello and resolves; every call sends one message and resolves with what ends it. Messages that belong to no call
 *         (the global queue, other connections of one name) come through `onMessage`.
 * Unit    sizes in bytes. Data that comes in is held in memory up to `maxBytes` of the call (64 MiB unless given); fetch to disk for more.
 * Errors  FcpFailure: what the node answered (ProtocolError, GetFailed, PutFailed, ...) with its Code, or `closed` when the connection ended.
 * Source  FCPv2.
 * @module
 */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { encodeMessage, type FcpMessage, type FieldValue, MessageReader } from '../message.ts';

export type FcpFields = Readonly<Record<string, string>>;

export interface FcpReply {
  readonly name: string;
  readonly fields: FcpFields;
  /** Of AllData. */
  readonly data: Uint8Array | undefined;
}

export interface FcpConnectOptions {
  readonly host?: string;
  readonly port?: number;
  /** Requests that persist belong to this name. */
  readonly name?: string;
}

export type FcpPersistence = 'connection' | 'reboot' | 'forever';

export interface FcpRequestOptions {
  readonly identifier?: string;
  readonly priority?: 0 | 1 | 2 | 3 | 4 | 5 | 6;
  readonly persistence?: FcpPersistence;
  readonly global?: boolean;
  /** Bits: 1 SimpleProgress, 32 ExpectedMIME, 64 ExpectedDataLength, 256 PutFetchable, ... */
  readonly verbosity?: number;
  /** Attempts after the first; -1: for ever. */
  readonly maxRetries?: number;
  readonly onProgress?: (message: FcpReply) => void;
  readonly signal?: AbortSignal;
}

export interface FcpPutOptions extends FcpRequestOptions {
  readonly contentType?: string;
  readonly fileName?: string;
  readonly dontCompress?: boolean;
  /** The key only: nothing is published. */
  readonly keyOnly?: boolean;
}

export interface FcpGetOptions extends FcpRequestOptions {
  readonly maxBytes?: number;
  readonly allowedTypes?: readonly string[];
}

export interface FcpDocument {
  readonly contentType: string;
  readonly data: Uint8Array;
}

export interface FcpEdition {
  readonly edition: number;
  readonly uri: string;
}

export class FcpFailure extends Error {
  /** ProtocolError, GetFailed, PutFailed, IdentifierCollision, UnknownNodeIdentifier, or `closed`. */
  readonly kind: string;
  /** Number of the node's answer; 0 when there is none. */
  readonly code: number;
  readonly fatal: boolean;
  readonly fields: FcpFields;

  constructor(kind: string, fields: FcpFields) {
    super([fields.CodeDescription ?? kind, fields.ExtraDescription].filter(Boolean).join(': '));
    this.name = 'FcpFailure';
    this.kind = kind;
    this.code = Number(fields.Code ?? 0);
    this.fatal = fields.Fatal === 'true';
    this.fields = fields;
  }
}

export interface FcpClient {
  /** Fields of NodeHello. */
  readonly node: FcpFields;
  put(uri: string, data: Uint8Array, options?: FcpPutOptions): Promise<string>;
  /** The node reads the file itself, after a test that this program may read its directory too. */
  putFile(uri: string, path: string, options?: FcpPutOptions): Promise<string>;
  putFiles(
    uri: string,
    files: readonly { readonly name: string; readonly data: Uint8Array; readonly contentType?: string }[],
    options?: FcpPutOptions & { readonly defaultName?: string },
  ): Promise<string>;
  get(uri: string, options?: FcpGetOptions): Promise<FcpDocument>;
  /** The node writes the file itself; it must not exist. */
  getFile(uri: string, path: string, options?: FcpGetOptions): Promise<{ readonly contentType: string }>;
  generateSsk(): Promise<{ readonly insertUri: string; readonly requestUri: string }>;
  /** Calls back with every newer edition until the returned function is called. */
  subscribeUsk(uri: string, onEdition: (edition: FcpEdition) => void): Promise<() => void>;
  listPeers(): Promise<readonly FcpFields[]>;
  nodeData(): Promise<FcpFields>;
  /** Persistent requests of this name, and of the global queue when it is watched: each with its latest states. */
  listRequests(): Promise<readonly FcpReply[]>;
  watchGlobal(enabled: boolean, verbosityMask?: number): void;
  removeRequest(identifier: string, global?: boolean): Promise<void>;
  /** Any message; answers come through `onMessage`. */
  send(name: string, fields: Readonly<Record<string, FieldValue>>, data?: Uint8Array): void;
  onMessage(listener: (message: FcpReply) => void): () => void;
  close(): Promise<void>;
}

/** What a call waits for: returns true when the message ends it. */
interface Waiter {
  readonly matches: (message: FcpReply) => boolean;
  readonly take: (message: FcpReply) => boolean;
  readonly fail: (error: FcpFailure) => void;
  readonly maxBytes: number;
}

const PORT = 9_481;
const DATA_BYTES_MAX = 64 * 1024 * 1024;
const FAILURES: readonly string[] = [
  'ProtocolError',
  'GetFailed',
  'PutFailed',
  'IdentifierCollision',
  'UnknownNodeIdentifier',
];

export async function connectFcp(options: FcpConnectOptions = {}): Promise<FcpClient> {
  const { host = '127.0.0.1', port = PORT, name = `holloway-client-${randomUUID()}` } = options;
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const wire = new Wire(socket);
  const hello = wire.call('ClientHello', { Name: name, ExpectedVersion: '2.0' }, undefined, {
    matches: ({ name: got }) => got === 'NodeHello' || got === 'ProtocolError',
    ends: ({ name: got }) => got === 'NodeHello',
  });
  void wire.run();
  const { fields: node } = (await hello).at(-1)!;
  return clientOver(wire, node);
}

interface CallRule {
  readonly matches: (message: FcpReply) => boolean;
  readonly ends: (message: FcpReply) => boolean;
  /** Besides the failures of the protocol itself. */
  readonly fails?: (message: FcpReply) => boolean;
  readonly onProgress?: ((message: FcpReply) => void) | undefined;
  readonly maxBytes?: number | undefined;
}

class Wire {
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<(message: FcpReply) => void>();
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new MessageReader(socket as AsyncIterable<Buffer>);
    socket.on('error', () => {}); // the reading below ends
  }

  send(name: string, fields: Readonly<Record<string, FieldValue>>, data?: readonly Uint8Array[]): void {
    const length = data?.reduce((sum, bytes) => sum + bytes.length, 0);
    this.#socket.write(encodeMessage(name, fields, length));
    for (const bytes of data ?? []) this.#socket.write(bytes);
  }

  /** Everything that belonged to the call, the message that ended it last. */
  call(
    name: string,
    fields: Readonly<Record<string, FieldValue>>,
    data: readonly Uint8Array[] | undefined,
    rule: CallRule,
  ): Promise<FcpReply[]> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new FcpFailure('closed', {}));
      const got: FcpReply[] = [];
      this.#waiters.add({
        maxBytes: rule.maxBytes ?? DATA_BYTES_MAX,
        matches: rule.matches,
        take: (message) => {
          if (FAILURES.includes(message.name) || rule.fails?.(message) === true) {
            reject(new FcpFailure(message.name, message.fields));
            return true;
          }
          got.push(message);
          rule.onProgress?.(message);
          if (!rule.ends(message)) return false;
          resolve(got);
          return true;
        },
        fail: reject,
      });
      this.send(name, fields, data);
    });
  }

  onMessage(listener: (message: FcpReply) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async run(): Promise<void> {
    try {
      for (let message = await this.#reader.next(); message !== undefined; message = await this.#reader.next()) {
        await this.#dispatch(message);
      }
    } catch {
      // A node that speaks no FCP, or a connection that broke: either way it is over.
    }
    this.#isClosed = true;
    this.#socket.destroy();
    for (const waiter of this.#waiters) waiter.fail(new FcpFailure('closed', {}));
    this.#waiters.clear();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve();
      this.#socket.once('close', () => resolve());
      this.#socket.end();
      this.#socket.destroySoon();
    });
  }

  async #dispatch({ name, fields: map, dataLength }: FcpMessage): Promise<void> {
    const bare: FcpReply = { name, fields: Object.fromEntries(map), data: undefined };
    const waiter = [...this.#waiters].find((one) => one.matches(bare));
    const wanted = waiter !== undefined && (dataLength ?? 0) <= waiter.maxBytes;
    const data =
      dataLength === undefined || !wanted ? undefined : await collect(this.#reader.data(dataLength), dataLength);
    const reply = { ...bare, data };
    if (waiter?.take(reply) === true) this.#waiters.delete(waiter);
    for (const listener of this.#listeners) listener(reply);
  }
}

function clientOver(wire: Wire, node: FcpFields): FcpClient {
  const common = (options: FcpRequestOptions) => ({
    Identifier: options.identifier ?? randomUUID(),
    PriorityClass: options.priority,
    Persistence: options.persistence ?? (options.global === true ? 'forever' : 'connection'),
    Global: options.global ?? false,
    Verbosity: options.verbosity ?? 0,
    MaxRetries: options.maxRetries ?? 0,
  });

  async function request(
    name: string,
    fields: Readonly<Record<string, FieldValue>> & { readonly Identifier: string },
    data: readonly Uint8Array[] | undefined,
    end: string,
    options: FcpGetOptions,
  ): Promise<FcpReply> {
    const { signal } = options;
    const cancel = (): void => wire.send('RemoveRequest', { Identifier: fields.Identifier, Global: fields.Global });
    signal?.throwIfAborted();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const got = await wire.call(name, fields, data, {
        matches: ({ fields: { Identifier } }) => Identifier === fields.Identifier,
        ends: (message) => message.name === end,
        fails: (message) => message.name === 'PersistentRequestRemoved',
        onProgress: options.onProgress,
        maxBytes: options.maxBytes,
      });
      return got.at(-1)!;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  async function openDirectory(path: string, want: 'read' | 'write'): Promise<void> {
    const { dirname } = await import('node:path');
    const { readFile, writeFile } = await import('node:fs/promises');
    const Directory = dirname(path);
    const isAbout = ({ fields }: FcpReply): boolean =>
      fields.Directory === Directory || fields.Identifier === Directory;
    const asked = { Directory, WantReadDirectory: want === 'read', WantWriteDirectory: want === 'write' };
    const [reply] = await wire.call('TestDDARequest', asked, undefined, { matches: isAbout, ends: () => true });
    const { ReadFilename, WriteFilename, ContentToWrite } = reply!.fields;
    if (WriteFilename !== undefined) await writeFile(WriteFilename, ContentToWrite ?? '');
    const ReadContent = ReadFilename === undefined ? undefined : await readFile(ReadFilename, 'utf8');
    await wire.call('TestDDAResponse', { Directory, ReadContent }, undefined, { matches: isAbout, ends: () => true });
  }

  const putFields = (uri: string, options: FcpPutOptions) => ({
    URI: uri,
    ...common(options),
    'Metadata.ContentType': options.contentType,
    TargetFilename: options.fileName,
    DontCompress: options.dontCompress,
    GetCHKOnly: options.keyOnly,
  });

  const getFields = (uri: string, options: FcpGetOptions) => ({
    URI: uri,
    ...common(options),
    MaxSize: options.maxBytes,
    AllowedMIMETypes: options.allowedTypes?.join(' '),
  });

  return {
    node,
    async put(uri, data, options = {}) {
      const fields = { ...putFields(uri, options), UploadFrom: 'direct' };
      return (await request('ClientPut', fields, [data], 'PutSuccessful', options)).fields.URI!;
    },
    async putFile(uri, path, options = {}) {
      await openDirectory(path, 'read');
      const fields = { ...putFields(uri, options), UploadFrom: 'disk', Filename: path };
      return (await request('ClientPut', fields, undefined, 'PutSuccessful', options)).fields.URI!;
    },
    async putFiles(uri, files, options = {}) {
      const listed: Record<string, FieldValue> = {};
      for (const [i, { name, data, contentType }] of files.entries()) {
        listed[`Files.${i}.Name`] = name;
        listed[`Files.${i}.UploadFrom`] = 'direct';
        listed[`Files.${i}.DataLength`] = data.length;
        listed[`Files.${i}.Metadata.ContentType`] = contentType;
      }
      const fields = { ...putFields(uri, options), DefaultName: options.defaultName, ...listed };
      const data = files.map((file) => file.data);
      return (await request('ClientPutComplexDir', fields, data, 'PutSuccessful', options)).fields.URI!;
    },
    async get(uri, options = {}) {
      const fields = { ...getFields(uri, options), ReturnType: 'direct' };
      const { data, fields: found } = await request('ClientGet', fields, undefined, 'AllData', options);
      if (data === undefined)
        throw new FcpFailure('closed', { CodeDescription: 'the document is larger than maxBytes' });
      return { contentType: found['Metadata.ContentType'] ?? 'application/octet-stream', data };
    },
    async getFile(uri, path, options = {}) {
      await openDirectory(path, 'write');
      const fields = { ...getFields(uri, options), ReturnType: 'disk', Filename: path };
      const { fields: found } = await request('ClientGet', fields, undefined, 'DataFound', options);
      return { contentType: found['Metadata.ContentType'] ?? 'application/octet-stream' };
    },
    async generateSsk() {
      const { fields } = await request('GenerateSSK', { Identifier: randomUUID() }, undefined, 'SSKKeypair', {});
      return { insertUri: fields.InsertURI!, requestUri: fields.RequestURI! };
    },
    async subscribeUsk(uri, onEdition) {
      const Identifier = randomUUID();
      const stop = wire.onMessage(({ name, fields }) => {
        if (name !== 'SubscribedUSKUpdate' || fields.Identifier !== Identifier) return;
        onEdition({ edition: Number(fields.Edition), uri: fields.URI! });
      });
      try {
        await request('SubscribeUSK', { URI: uri, Identifier }, undefined, 'SubscribedUSK', {});
      } catch (error) {
        stop();
        throw error;
      }
      return () => {
        stop();
        wire.send('UnsubscribeUSK', { Identifier });
      };
    },
    async listPeers() {
      const Identifier = randomUUID();
      const asked = { Identifier, WithMetadata: true, WithVolatile: true };
      const got = await wire.call('ListPeers', asked, undefined, {
        matches: ({ fields }) => fields.Identifier === Identifier,
        ends: ({ name }) => name === 'EndListPeers',
      });
      return got.slice(0, -1).map(({ fields }) => fields);
    },
    async nodeData() {
      const asked = { Identifier: randomUUID(), WithVolatile: true };
      return (await request('GetNode', asked, undefined, 'NodeData', {})).fields;
    },
    async listRequests() {
      const Identifier = randomUUID();
      const got = await wire.call('ListPersistentRequests', { Identifier }, undefined, {
        matches: () => true,
        ends: ({ name, fields }) => name === 'EndListPersistentRequests' && fields.Identifier === Identifier,
      });
      return got.slice(0, -1);
    },
    watchGlobal(enabled, verbosityMask) {
      wire.send('WatchGlobal', { Enabled: enabled, VerbosityMask: verbosityMask });
    },
    async removeRequest(identifier, global = false) {
      await wire.call('RemoveRequest', { Identifier: identifier, Global: global }, undefined, {
        matches: ({ name, fields }) =>
          fields.Identifier === identifier && (name === 'PersistentRequestRemoved' || name === 'ProtocolError'),
        ends: () => true,
      });
    },
    send: (name, fields, data) => wire.send(name, fields, data === undefined ? undefined : [data]),
    onMessage: (listener) => wire.onMessage(listener),
    close: () => wire.close(),
  };
}

async function collect(source: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const out = new Uint8Array(length);
  let at = 0;
  for await (const bytes of source) {
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}
