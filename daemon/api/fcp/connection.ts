/**
 * One FCP client: reads its messages one after the other, and answers each.
 *
 * Shape   `run` resolves when the connection has ended, whoever ended it. ClientHello comes first, and once.
 * Errors  FcpError becomes ProtocolError, and ends the connection if it is fatal; anything unexpected is ProtocolError 17 without its text.
 *         None of them reaches the server.
 * Why     a message is read only when the answers to the earlier ones are on their way: a client that does not read is not read either.
 * Source  FCPv2.
 * @module
 */
import type { Socket } from 'node:net';
import type { ConfigDocument } from '../../../config/document.ts';
import type { TransferQueue } from '../../client/queue-types.ts';
import { LocalError } from '../../errors.ts';
import { FCP_DATA_STALL_MS, FCP_HELLO_MS } from '../../limits.ts';
import type { Node } from '../../node-types.ts';
import type { Clock, Log, Random, Timer } from '../../ports.ts';
import { DirectAccess } from './dda.ts';
import { FcpError, failureOf } from './fcp-error.ts';
import { booleanOf, type Fields, identifierOf, integerOf, keyOf, priorityOf, required } from './fields.ts';
import { prepareGet } from './get.ts';
import type { KeyServices } from './keys.ts';
import { type FcpMessage, MessageReader } from './message.ts';
import { configFields, findPeer, helloFields, nodeDataFields, peerFields } from './node-messages.ts';
import { FcpOutput } from './output.ts';
import { type PreparedPut, type PutDeps, preparePut, preparePutDirectory, preparePutDiskDirectory } from './put.ts';
import type { FcpParty, FcpRequests } from './requests.ts';
import { Subscriptions } from './subscriptions.ts';

export interface FcpDeps {
  readonly node: Node;
  readonly queue: TransferQueue;
  readonly keys: KeyServices;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  readonly config: () => ConfigDocument;
  /** Rejects with LocalError. */
  readonly setConfig: (key: string, value: string) => Promise<void>;
  /** Invite or descriptor as text. Rejects with LocalError. */
  readonly addPeer?: (text: string) => Promise<void>;
  /** By hexKey of the node id. */
  readonly dropPeer?: (key: string) => Promise<void>;
  readonly stop: () => void;
}

export interface ConnectionDeps extends FcpDeps {
  readonly requests: FcpRequests;
  /** Called with the name of ClientHello: ends an older connection of the same name. */
  readonly named: (connection: FcpConnection, name: string) => void;
}

type Handler = (message: FcpMessage) => void | Promise<void>;

export class FcpConnection implements FcpParty {
  readonly output: FcpOutput;
  client = '';
  watchMask: number | undefined;
  readonly #deps: ConnectionDeps;
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  readonly #access: DirectAccess;
  readonly #subscriptions: Subscriptions;
  readonly #identifier: string;
  readonly #handlers: ReadonlyMap<string, Handler>;
  #greeted = false;
  #patience: Timer | undefined;

  constructor(deps: ConnectionDeps, socket: Socket) {
    this.#deps = deps;
    this.#socket = socket;
    this.output = new FcpOutput(socket);
    this.#access = new DirectAccess(deps.random);
    this.#identifier = Buffer.from(deps.random.bytes(16)).toString('hex');
    this.#subscriptions = new Subscriptions(deps.keys, deps.clock, deps.random, this.output);
    this.#reader = new MessageReader(this.#bytes());
    this.#handlers = this.#table();
  }

  async run(): Promise<void> {
    this.#waitFor(FCP_HELLO_MS);
    try {
      for (;;) {
        let message: FcpMessage | undefined;
        try {
          message = await this.#reader.next();
          if (message === undefined) return;
          await this.#answer(message);
        } catch (error) {
          if (!this.#explain(error, message)) return;
        }
        await this.output.drained();
      }
    } catch {
      // The socket failed: nobody is left to be told.
    } finally {
      this.#patience?.cancel();
      this.#deps.requests.leave(this);
      this.#subscriptions.close();
      this.#socket.end();
      setImmediate(() => this.#socket.destroySoon());
      await this.#access.close();
    }
  }

  /** Another connection has taken our name. */
  supersede(): void {
    this.output.send('CloseConnectionDuplicateClientName', {});
    this.close();
  }

  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  async *#bytes(): AsyncGenerator<Uint8Array> {
    for await (const bytes of this.#socket as AsyncIterable<Buffer>) {
      if (this.#patience !== undefined && this.#greeted) this.#waitFor(FCP_DATA_STALL_MS);
      yield bytes;
    }
  }

  /** Ends the connection unless something comes; only where the client owes us something. */
  #waitFor(ms: number | undefined): void {
    this.#patience?.cancel();
    this.#patience = ms === undefined ? undefined : this.#deps.clock.setTimer(ms, () => this.#socket.destroy());
  }

  async #answer(message: FcpMessage): Promise<void> {
    if (message.name === 'ClientHello') return this.#hello(message);
    if (!this.#greeted) throw new FcpError('helloFirst', undefined, { fatal: true });
    const handler = this.#handlers.get(message.name);
    if (handler === undefined) throw new FcpError('invalidMessage', message.name.slice(0, 64), { of: message.fields });
    if (message.dataLength !== undefined) this.#waitFor(FCP_DATA_STALL_MS);
    try {
      await handler(message);
    } finally {
      this.#waitFor(undefined);
    }
  }

  /** @returns whether the connection goes on */
  #explain(error: unknown, message: FcpMessage | undefined): boolean {
    const known = error instanceof FcpError ? error : explained(error);
    if (known.kind === 'internal') {
      const name = error instanceof Error ? error.name : typeof error;
      this.#deps.log.write('error', 'fcp', `a message failed on a fault of ours: ${name}`);
    }
    this.output.send('ProtocolError', known.fields(message?.fields));
    return !known.fatal;
  }

  #hello({ fields }: FcpMessage): void {
    if (this.#greeted) throw new FcpError('lateHello', undefined, { of: fields });
    const name = required(fields, 'Name');
    if (!/^2(\.\d+)?$/.test((fields.get('ExpectedVersion') ?? '2.0').trim())) {
      throw new FcpError('invalidField', 'ExpectedVersion is 2.0', { of: fields, fatal: true });
    }
    this.#greeted = true;
    this.#waitFor(undefined);
    this.client = name.slice(0, 256);
    this.#deps.named(this, this.client);
    this.output.send('NodeHello', helloFields(this.#deps.version, this.#identifier));
    this.#deps.requests.join(this);
  }

  #table(): ReadonlyMap<string, Handler> {
    const { node, requests, keys, version } = this.#deps;
    const notSupported = (what: string): Handler => {
      return ({ fields }) => {
        throw new FcpError('notSupported', what, { of: fields });
      };
    };
    return new Map<string, Handler>([
      ['Void', () => {}],
      ['Disconnect', () => this.close()],
      [
        'Shutdown',
        ({ fields }) => {
          this.output.send('ProtocolError', new FcpError('shuttingDown', undefined, { fatal: true }).fields(fields));
          this.#deps.stop();
        },
      ],
      ['ClientGet', (message) => this.#get(message)],
      [
        'ClientPut',
        async (message) => this.#put(await preparePut(this.#putDeps(), message, (n) => this.#reader.data(n)), message),
      ],
      [
        'ClientPutComplexDir',
        async (message) =>
          this.#put(await preparePutDirectory(this.#putDeps(), message, (n) => this.#reader.data(n)), message),
      ],
      [
        'ClientPutDiskDir',
        async (message) => this.#put(await preparePutDiskDirectory(this.#putDeps(), message), message),
      ],
      ['TestDDARequest', (message) => this.#testAccess(message)],
      ['TestDDAResponse', (message) => this.#answerAccess(message)],
      [
        'GenerateSSK',
        ({ fields }) => {
          const { insert, request } = keys.generate();
          this.output.send('SSKKeypair', {
            InsertURI: insert,
            RequestURI: request,
            Identifier: fields.get('Identifier'),
          });
        },
      ],
      ['SubscribeUSK', ({ fields }) => this.#subscriptions.add(identifierOf(fields), keyOf(fields), fields)],
      [
        'UnsubscribeUSK',
        ({ fields }) => {
          if (!this.#subscriptions.remove(identifierOf(fields)))
            throw new FcpError('noSuchIdentifier', undefined, { of: fields });
        },
      ],
      [
        'GetNode',
        ({ fields }) =>
          this.output.send(
            'NodeData',
            nodeDataFields(node, version, {
              withVolatile: booleanOf(fields, 'WithVolatile', false),
              identifier: fields.get('Identifier'),
            }),
          ),
      ],
      ['GetConfig', ({ fields }) => this.#config(fields)],
      ['ModifyConfig', (message) => this.#modifyConfig(message)],
      ['ListPeers', ({ fields }) => this.#listPeers(fields)],
      ['ListPeer', ({ fields }) => this.#listPeer(fields)],
      ['AddPeer', (message) => this.#addPeer(message)],
      ['ModifyPeer', notSupported('settings of single peers')],
      ['RemovePeer', ({ fields }) => this.#removePeer(fields)],
      [
        'ListPeerNotes',
        ({ fields }) => {
          const identifier = required(fields, 'NodeIdentifier');
          this.output.send('EndListPeerNotes', { NodeIdentifier: identifier, Identifier: fields.get('Identifier') });
        },
      ],
      [
        'WatchGlobal',
        ({ fields }) => {
          const mask = integerOf(fields, 'VerbosityMask', 0x7fffffff, -(2 ** 31), 2 ** 31);
          this.watchMask = booleanOf(fields, 'Enabled', true) ? mask & 0x7fffffff : undefined;
        },
      ],
      ['ListPersistentRequests', ({ fields }) => requests.list(this, fields.get('Identifier'))],
      [
        'GetRequestStatus',
        ({ fields }) =>
          requests.status(this, identifierOf(fields), globalOf(fields), booleanOf(fields, 'OnlyData', false)),
      ],
      ['RemoveRequest', ({ fields }) => requests.remove(this, identifierOf(fields), globalOf(fields))],
      ['RemovePersistentRequest', ({ fields }) => requests.remove(this, identifierOf(fields), globalOf(fields))],
      [
        'ModifyPersistentRequest',
        ({ fields }) =>
          requests.modify(this, identifierOf(fields), globalOf(fields), {
            priority: fields.has('PriorityClass') ? priorityOf(fields, 2) : undefined,
            clientToken: fields.get('ClientToken'),
          }),
      ],
      [
        'FCPPluginMessage',
        ({ fields }) => {
          throw new FcpError('noPlugin', undefined, { of: fields });
        },
      ],
      ['GetPluginInfo', notSupported('plugins')],
      ['LoadPlugin', notSupported('plugins')],
      ['ReloadPlugin', notSupported('plugins')],
      ['RemovePlugin', notSupported('plugins')],
      ['ProbeRequest', notSupported('probes: Holloway nodes do not report on each other')],
      ['Filter', notSupported('filtering: pages are made safe by the gateway')],
      ['WatchFeeds', notSupported('feeds')],
      ['SendText', notSupported('messages to peers')],
      ['SendBookmark', notSupported('messages to peers')],
      ['SendURI', notSupported('messages to peers')],
      ['ModifyPeerNote', notSupported('notes on peers')],
    ]);
  }

  #putDeps(): PutDeps {
    const { queue, keys, node, clock } = this.#deps;
    return {
      queue,
      access: this.#access,
      connectionIdentifier: this.#identifier,
      client: this.client,
      trafficClass: node.settings.publishClass,
      sizeOfKey: (uri) => keys.sizeOf(uri),
      requestForm: (uri) => keys.requestForm(uri),
      wallMs: () => clock.wallMs(),
    };
  }

  async #put({ meta, request, keyOnly }: PreparedPut, { fields }: FcpMessage): Promise<void> {
    const { queue, requests, clock, keys } = this.#deps;
    if (keyOnly) {
      const startedAt = Math.round(clock.wallMs());
      const common = { Identifier: meta.identifier, Global: meta.global };
      try {
        const { as } = request.options;
        // A name is its owner's to give: its key is known without looking at the content.
        const uri = as === undefined ? keys.named(await queue.plan(request), meta.fileName) : keys.requestForm(as);
        this.output.send('URIGenerated', { ...common, URI: uri });
        const times = { StartupTime: startedAt, CompletionTime: Math.round(clock.wallMs()) };
        this.output.send('PutSuccessful', { ...common, URI: uri, ...times });
      } catch (error) {
        if (!(error instanceof LocalError)) throw error;
        this.output.send('PutFailed', { ...common, ...failureOf('put', error.code, error.detail) });
      }
      return;
    }
    await this.#enter('put', meta, fields, () =>
      requests.open(this, meta, (tag) => queue.publish({ ...request, tag })),
    );
  }

  async #get(message: FcpMessage): Promise<void> {
    const { node, clock, requests, queue, keys } = this.#deps;
    const { meta, request, localOnly } = await prepareGet(
      {
        access: this.#access,
        client: this.client,
        trafficClass: node.settings.fetchClass,
        wallMs: () => clock.wallMs(),
      },
      message,
    );
    const common = { Identifier: meta.identifier, Global: meta.global };
    if (localOnly) {
      this.output.send('GetFailed', {
        ...common,
        ...failureOf('get', 'not_found', 'own requests are never answered from the own store'),
      });
      return;
    }
    const newer = await keys.newerThan(request.uri);
    if (newer !== undefined) {
      const texts = { CodeDescription: 'there is a newer edition', ShortCodeDescription: 'New URI' };
      this.output.send('GetFailed', { ...common, Code: 27, ...texts, RedirectURI: newer, Fatal: true });
      return;
    }
    await this.#enter('get', meta, message.fields, () =>
      requests.open(this, meta, (tag) => queue.fetch({ ...request, tag })),
    );
  }

  /** What the queue refuses at once is told like a failure later. */
  async #enter(
    operation: 'get' | 'put',
    meta: { readonly identifier: string; readonly global: boolean },
    fields: Fields,
    open: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await open();
    } catch (error) {
      if (!(error instanceof LocalError)) throw error;
      if (error.code === 'bad_uri') throw new FcpError('uri', error.detail, { of: fields });
      const name = operation === 'get' ? 'GetFailed' : 'PutFailed';
      const failure = failureOf(operation, error.code, error.detail);
      this.output.send(name, { Identifier: meta.identifier, Global: meta.global, ...failure });
    }
  }

  async #testAccess({ fields }: FcpMessage): Promise<void> {
    const reads = booleanOf(fields, 'WantReadDirectory', false);
    const writes = booleanOf(fields, 'WantWriteDirectory', false);
    const reply = await this.#access.ask(required(fields, 'Directory'), reads, writes);
    this.output.send('TestDDAReply', reply);
  }

  async #answerAccess({ fields }: FcpMessage): Promise<void> {
    const reply = await this.#access.answer(required(fields, 'Directory'), fields.get('ReadContent'));
    this.output.send('TestDDAComplete', reply);
  }

  #config(fields: Fields): void {
    const wishes = new Map([...fields.keys()].map((key) => [key, booleanOf(fields, key, false)]));
    this.output.send('ConfigData', {
      Identifier: fields.get('Identifier'),
      ...configFields(this.#deps.config(), wishes),
    });
  }

  async #modifyConfig(message: FcpMessage): Promise<void> {
    for (const [key, value] of message.fields) {
      if (key === 'Identifier') continue;
      try {
        await this.#deps.setConfig(key, value);
      } catch (error) {
        if (!(error instanceof LocalError)) throw error;
        throw new FcpError('invalidField', error.detail, { of: message.fields });
      }
    }
    this.#config(new Map([...message.fields, ['WithCurrent', 'true']]));
  }

  #listPeers(fields: Fields): void {
    const { peers, nowMs } = this.#deps.node.snapshot();
    const wishes = wishesOf(fields);
    const Identifier = fields.get('Identifier');
    for (const peer of peers) this.output.send('Peer', { ...peerFields(peer, nowMs, wishes), Identifier });
    this.output.send('EndListPeers', { Identifier });
  }

  #listPeer(fields: Fields): void {
    const { peers, nowMs } = this.#deps.node.snapshot();
    const asked = required(fields, 'NodeIdentifier');
    const peer = findPeer(peers, asked);
    const Identifier = fields.get('Identifier');
    if (peer === undefined) this.output.send('UnknownNodeIdentifier', { NodeIdentifier: asked, Identifier });
    else
      this.output.send('Peer', { ...peerFields(peer, nowMs, { withMetadata: true, withVolatile: true }), Identifier });
  }

  async #addPeer({ fields, dataLength }: FcpMessage): Promise<void> {
    if (dataLength !== undefined) throw new FcpError('invalidMessage', 'AddPeer has no data', { of: fields });
    if (fields.has('URL'))
      throw new FcpError('notSupported', 'URL: nothing is fetched from the open web', { of: fields });
    let text = fields.get('descriptor') ?? fields.get('invite');
    const file = fields.get('File');
    if (file !== undefined) {
      const { readFile } = await import('node:fs/promises');
      const path = await this.#access.requireRead(file);
      text = await readFile(path, 'utf8').catch(() => {
        throw new FcpError('refFile', undefined, { of: fields });
      });
    }
    if (text === undefined) throw new FcpError('missingField', 'descriptor', { of: fields });
    try {
      if (this.#deps.addPeer === undefined) throw new FcpError('notSupported', undefined, { of: fields });
      await this.#deps.addPeer(text.trim());
    } catch (error) {
      if (!(error instanceof LocalError)) throw error;
      throw new FcpError('nodeRef', error.detail, { of: fields });
    }
    const { peers, nowMs } = this.#deps.node.snapshot();
    const added = peers.find(({ descriptor }) => text.includes(Buffer.from(descriptor.encoded).toString('base64url')));
    const Identifier = fields.get('Identifier');
    if (added !== undefined) this.output.send('Peer', { ...peerFields(added, nowMs, wishesOf(fields)), Identifier });
    else this.output.send('Peer', { 'volatile.status': 'NEVER CONNECTED', Identifier });
  }

  async #removePeer(fields: Fields): Promise<void> {
    const asked = required(fields, 'NodeIdentifier');
    const peer = findPeer(this.#deps.node.snapshot().peers, asked);
    const Identifier = fields.get('Identifier');
    if (peer === undefined) {
      this.output.send('UnknownNodeIdentifier', { NodeIdentifier: asked, Identifier });
      return;
    }
    if (this.#deps.dropPeer === undefined) throw new FcpError('notSupported', undefined, { of: fields });
    await this.#deps.dropPeer(peer.key);
    this.output.send('PeerRemoved', { Identity: asked, NodeIdentifier: asked, Identifier });
  }
}

function globalOf(fields: Fields): boolean {
  return booleanOf(fields, 'Global', false);
}

function wishesOf(fields: Fields): { readonly withMetadata: boolean; readonly withVolatile: boolean } {
  return {
    withMetadata: booleanOf(fields, 'WithMetadata', false),
    withVolatile: booleanOf(fields, 'WithVolatile', false),
  };
}

function explained(error: unknown): FcpError {
  if (error instanceof LocalError && error.code === 'unknown_transfer') return new FcpError('noSuchIdentifier');
  if (error instanceof LocalError && error.code === 'bad_uri') return new FcpError('uri', error.detail);
  if (error instanceof LocalError && error.code === 'busy') return new FcpError('tooManyFiles', error.detail);
  return new FcpError('internal');
}
