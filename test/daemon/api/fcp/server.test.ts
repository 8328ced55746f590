import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { FCP_CONNECTIONS_MAX, FCP_REQUESTS_PER_CONNECTION_MAX } from '../../../../daemon/limits.ts';
import { documentBytes } from '../../client/fake-circuits.ts';
import { type FcpWorld, RawClient, startFcpWorld } from './fcp-world.ts';

const world = test as import('ava').TestFn<{ fcp: FcpWorld; clients: RawClient[] }>;

world.beforeEach(async (t) => {
  t.context = { fcp: await startFcpWorld(), clients: [] };
});
world.afterEach.always(async (t) => {
  for (const client of t.context.clients) client.close();
  await t.context.fcp.close();
});

function connected(context: { fcp: FcpWorld; clients: RawClient[] }): RawClient {
  const client = new RawClient(context.fcp);
  context.clients.push(client);
  return client;
}

async function greeted(context: { fcp: FcpWorld; clients: RawClient[] }, name = 'tester'): Promise<RawClient> {
  const client = connected(context);
  await client.hello(name);
  return client;
}

function message(name: string, fields: Record<string, string | number | boolean>, data?: Uint8Array | string): Buffer {
  const lines = [name, ...Object.entries(fields).map(([key, value]) => `${key}=${value}`)];
  if (data === undefined) return Buffer.from([...lines, 'EndMessage', ''].join('\n'));
  const bytes = Buffer.from(data as string);
  return Buffer.concat([Buffer.from([...lines, `DataLength=${bytes.length}`, 'Data', ''].join('\n')), bytes]);
}

async function putDirect(
  client: RawClient,
  identifier: string,
  data: Uint8Array | string,
  fields: Record<string, string | number | boolean> = {},
): Promise<string> {
  client.write(message('ClientPut', { URI: 'CHK@', Identifier: identifier, UploadFrom: 'direct', ...fields }, data));
  const last = (await client.until('PutSuccessful', 'PutFailed', 'ProtocolError')).at(-1)!;
  if (last.name !== 'PutSuccessful') throw new Error(JSON.stringify(last));
  return last.fields.URI!;
}

world('ClientHello comes first, once, and is answered honestly', async (t) => {
  const early = connected(t.context);
  early.write('Void\nEndMessage\n');
  t.like((await early.next())?.fields, { Code: '1', Fatal: 'true' });
  t.is(await early.next(), undefined);
  const client = connected(t.context);
  const hello = await client.hello();
  t.like(hello.fields, { FCPVersion: '2.0', Node: 'Holloway', Build: '1506', Testnet: 'false' });
  client.write('ClientHello\nName=again\nEndMessage\nVoid\nEndMessage\nNoSuchThing\nIdentifier=7\nEndMessage\n');
  t.like((await client.next())?.fields, { Code: '2', Fatal: 'false' });
  t.like((await client.next())?.fields, { Code: '7', Identifier: '7', Fatal: 'false' });
});

world('a new connection of a name ends the older one', async (t) => {
  const first = await greeted(t.context, 'same');
  await greeted(t.context, 'same');
  t.is((await first.next())?.name, 'CloseConnectionDuplicateClientName');
  t.is(await first.next(), undefined);
});

world('put and get direct: the same bytes and type, in the order clients expect', async (t) => {
  const client = await greeted(t.context);
  const bytes = documentBytes(70_000);
  client.write(
    message(
      'ClientPut',
      { URI: 'CHK@', Identifier: 'p', UploadFrom: 'direct', 'Metadata.ContentType': 'text/x-a', Verbosity: 257 },
      bytes,
    ),
  );
  const put = await client.until('PutSuccessful', 'PutFailed');
  const names = put.map(({ name }) => name).filter((name, i, all) => all[i - 1] !== name);
  t.deepEqual(
    names.filter((name) => name !== 'SimpleProgress'),
    ['URIGenerated', 'PutFetchable', 'PutSuccessful'],
  );
  t.true(names.includes('SimpleProgress'));
  const { URI } = put.at(-1)!.fields;
  client.write(message('ClientGet', { URI: URI!, Identifier: 'g', ReturnType: 'direct', Verbosity: 97 }));
  const got = await client.until('AllData', 'GetFailed');
  const found = got.find(({ name }) => name === 'DataFound');
  t.like(found?.fields, { 'Metadata.ContentType': 'text/x-a', DataLength: '70000', Identifier: 'g', Global: 'false' });
  t.true(got.some(({ name }) => name === 'ExpectedMIME') && got.some(({ name }) => name === 'ExpectedDataLength'));
  t.like(got.at(-1)?.fields, { 'Metadata.ContentType': 'text/x-a', DataLength: '70000' });
  t.deepEqual(got.at(-1)?.data, Buffer.from(bytes));
  t.deepEqual(t.context.fcp.queue.entries(), [], 'what was for this connection only is over');
});

world('GetCHKOnly says the key that a later put has, and sends nothing', async (t) => {
  const client = await greeted(t.context);
  const only = await putDirect(client, 'k', 'some text', { GetCHKOnly: true, TargetFilename: 'a b.txt' });
  t.is(t.context.fcp.world.inserts.length, 0);
  t.regex(only, /^CHK@.*\/a%20b\.txt$/);
  t.is(await putDirect(client, 'p', 'some text', { TargetFilename: 'a b.txt' }), only);
  t.not(await putDirect(client, 'q', 'some texT', { TargetFilename: 'a b.txt' }), only);
  const other = await startFcpWorld(2);
  const stranger = new RawClient(other);
  await stranger.hello();
  t.not(await putDirect(stranger, 'k', 'some text', { GetCHKOnly: true, TargetFilename: 'a b.txt' }), only);
  stranger.close();
  await other.close();
});

world('GenerateSSK, puts under SSK, USK and KSK, redirects, and what leads to them', async (t) => {
  const client = await greeted(t.context);
  client.write(message('GenerateSSK', { Identifier: 's' }));
  const pair = (await client.next())!.fields;
  t.regex(pair.InsertURI!, /^SSK@.{43},.{43},.{7}\/$/);
  const ssk = await putDirect(client, '1', 'in an ssk', { URI: `${pair.InsertURI}doc` });
  t.is(ssk, `${pair.RequestURI}doc`);
  client.write(message('ClientGet', { URI: ssk, Identifier: '1g' }));
  t.is((await client.until('AllData', 'GetFailed')).at(-1)?.data?.toString(), 'in an ssk');
  await t.throwsAsync(putDirect(client, '1b', 'something else', { URI: `${pair.InsertURI}doc` }), {
    message: /"Code":"9"/,
  });

  t.is(
    await putDirect(client, '1c', 'bar', { URI: `${pair.InsertURI}foo`, GetCHKOnly: true }),
    `${pair.RequestURI}foo`,
  );

  const usk = `USK${pair.InsertURI!.slice(3)}site/0`;
  t.regex(await putDirect(client, '2', 'edition 0', { URI: usk }), /^USK@.*\/site\/0$/);
  const newer = await putDirect(client, '3', 'edition 1', { URI: usk });
  t.regex(newer, /\/site\/1$/);
  client.write(message('ClientGet', { URI: newer.replace(/1$/, '0'), Identifier: '2g' }));
  t.like((await client.until('AllData', 'GetFailed')).at(-1)?.fields, { Code: '27', RedirectURI: newer });
  client.write(message('ClientGet', { URI: newer.replace(/1$/, '-1'), Identifier: '3g' }));
  t.is((await client.until('AllData', 'GetFailed')).at(-1)?.data?.toString(), 'edition 1');

  t.is(await putDirect(client, '4', 'word', { URI: 'KSK@gpl.txt' }), 'KSK@gpl.txt');
  const target = await putDirect(client, '5', 'far away');
  client.write(message('ClientPut', { URI: 'KSK@there', Identifier: '6', UploadFrom: 'redirect', TargetURI: target }));
  t.is((await client.until('PutSuccessful', 'PutFailed')).at(-1)?.fields.URI, 'KSK@there');
  client.write(message('ClientGet', { URI: 'KSK@there', Identifier: '6g' }));
  t.is((await client.until('AllData', 'GetFailed')).at(-1)?.data?.toString(), 'far away');
});

world('a directory of direct, disk and redirected files; its default document and its parts', async (t) => {
  const { fcp } = t.context;
  const client = await greeted(t.context);
  const disk = join(fcp.dir, 'mine');
  mkdirSync(disk);
  writeFileSync(join(disk, 'style.css'), 'body{}');
  client.write(message('TestDDARequest', { Directory: disk, WantReadDirectory: 'true', WantWriteDirectory: 'true' }));
  const asked = (await client.next())!.fields;
  writeFileSync(asked.WriteFilename!, asked.ContentToWrite!);
  const ReadContent = readFileSync(asked.ReadFilename!, 'utf8');
  client.write(message('TestDDAResponse', { Directory: disk, ReadContent }));
  t.like((await client.next())?.fields, { ReadDirectoryAllowed: 'true', WriteDirectoryAllowed: 'true' });
  const big = await putDirect(client, 'big', documentBytes(50_000));
  const head = {
    URI: 'CHK@',
    Identifier: 'd',
    DefaultName: 'index.html',
    'Files.0.Name': 'index.html',
    'Files.0.UploadFrom': 'direct',
    'Files.0.DataLength': 5,
    'Files.1.Name': 'css/style.css',
    'Files.1.UploadFrom': 'disk',
    'Files.1.Filename': join(disk, 'style.css'),
    'Files.2.Name': 'sub/note.txt',
    'Files.2.UploadFrom': 'direct',
    'Files.2.DataLength': 4,
    'Files.3.Name': 'big.bin',
    'Files.3.UploadFrom': 'redirect',
    'Files.3.TargetURI': big,
  };
  const lines = Object.entries(head).map(([key, value]) => `${key}=${value}`);
  client.write(Buffer.from(['ClientPutComplexDir', ...lines, 'Data', 'indexnote'].join('\n')));
  const uri = (await client.until('PutSuccessful', 'PutFailed', 'ProtocolError')).at(-1)!.fields.URI!;
  for (const [path, text, type] of [
    ['', 'index', 'text/html'],
    ['/css/style.css', 'body{}', 'text/css'],
    ['/sub/note.txt', 'note', 'text/plain'],
  ] as const) {
    client.write(message('ClientGet', { URI: uri + path, Identifier: `g${path}` }));
    const got = (await client.until('AllData', 'GetFailed')).at(-1)!;
    t.is(got.data?.toString(), text);
    t.is(got.fields['Metadata.ContentType'], type);
  }
  client.write(message('ClientGet', { URI: `${uri}/big.bin`, Identifier: 'gb' }));
  t.deepEqual((await client.until('AllData', 'GetFailed')).at(-1)?.data, Buffer.from(documentBytes(50_000)));
  client.write(message('ClientGet', { URI: `${uri}/sub`, Identifier: 'gs' }));
  t.like((await client.until('AllData', 'GetFailed')).at(-1)?.fields, { Code: '24' });

  const out = join(disk, 'out.bin');
  client.write(message('ClientGet', { URI: big, Identifier: 'disk', ReturnType: 'disk', Filename: out }));
  await client.until('DataFound');
  t.deepEqual(readFileSync(out), Buffer.from(documentBytes(50_000)));
  client.write(message('ClientGet', { URI: big, Identifier: 'disk2', ReturnType: 'disk', Filename: out }));
  t.like((await client.next())?.fields, { Code: '10', Identifier: 'disk2' });
  client.write(message('ClientPutDiskDir', { URI: 'CHK@', Identifier: 'dd', Filename: disk }));
  t.is((await client.until('PutSuccessful', 'PutFailed', 'ProtocolError')).at(-1)?.name, 'PutSuccessful');
});

world('without the test of a directory nothing of the disk is read or written', async (t) => {
  const { fcp } = t.context;
  const client = await greeted(t.context);
  const path = join(fcp.dir, 'secret');
  writeFileSync(path, 'x');
  for (const fields of [
    { name: 'ClientPut', UploadFrom: 'disk', Filename: path, URI: 'CHK@' },
    { name: 'ClientPutDiskDir', Filename: fcp.dir, URI: 'CHK@' },
    { name: 'ClientGet', ReturnType: 'disk', Filename: join(fcp.dir, 'new'), URI: 'KSK@a' },
  ]) {
    const { name, ...rest } = fields;
    client.write(message(name, { Identifier: 'i', ...rest }));
    t.like((await client.next())?.fields, { Code: '25', Identifier: 'i' }, name);
  }
  t.false(existsSync(join(fcp.dir, 'new')));
});

world('errors have their numbers and their Identifier, and the connection goes on', async (t) => {
  const client = await greeted(t.context);
  const cases: readonly (readonly [string, Record<string, string>, number])[] = [
    ['ClientGet', { URI: 'KSK@a' }, 5],
    ['ClientGet', { Identifier: 'i', URI: 'nonsense' }, 4],
    ['ClientGet', { Identifier: 'i', URI: 'KSK@a', PriorityClass: 'high' }, 6],
    ['ClientGet', { Identifier: 'i', URI: 'KSK@a', PriorityClass: '9' }, 8],
    ['ClientGet', { Identifier: 'i', URI: 'KSK@a', Persistence: 'always' }, 8],
    ['ClientGet', { Identifier: 'i', URI: 'KSK@a', Global: 'true', Persistence: 'connection' }, 8],
    ['ClientGet', { Identifier: 'i', URI: 'KSK@a', ReturnType: 'elsewhere' }, 8],
    ['ClientPut', { Identifier: 'i', URI: 'CHK@', UploadFrom: 'disk' }, 5],
    ['ClientPut', { Identifier: 'i', URI: 'CHK@', UploadFrom: 'disk', Filename: '/nonexistent/x' }, 9],
    ['ClientPut', { Identifier: 'i', URI: 'KSK@x', UploadFrom: 'redirect', TargetURI: 'KSK@y' }, 16],
    ['ClientPut', { Identifier: 'i', URI: 'CHK@', LocalRequestOnly: 'true', UploadFrom: 'direct' }, 16],
    ['ClientPut', { Identifier: 'i', URI: 'CHK@', OverrideSplitfileCryptoKey: '00ff', UploadFrom: 'direct' }, 16],
    ['ClientPut', { Identifier: 'i', URI: 'CHK@', 'Metadata.ContentType': 'no type', UploadFrom: 'direct' }, 35],
    ['GetRequestStatus', { Identifier: 'i' }, 15],
    ['RemoveRequest', { Identifier: 'i' }, 15],
    ['ModifyPersistentRequest', { Identifier: 'i' }, 15],
    ['SubscribeUSK', { Identifier: 'i', URI: 'KSK@a' }, 4],
    ['UnsubscribeUSK', { Identifier: 'i' }, 15],
    ['FCPPluginMessage', { Identifier: 'i', PluginName: 'x' }, 32],
    ['ProbeRequest', { Identifier: 'i' }, 16],
    ['ModifyPeer', { Identifier: 'i', NodeIdentifier: 'x', AllowLocalAddresses: 'true' }, 16],
    ['AddPeer', { URL: 'http://x/' }, 16],
  ];
  for (const [name, fields, code] of cases) {
    client.write(message(name, fields));
    const answer = await client.next();
    t.like(answer, { name: 'ProtocolError', fields: { Code: `${code}` } }, `${name} ${JSON.stringify(fields)}`);
    t.is(answer?.fields.Identifier, fields.Identifier);
  }
  client.write(message('ClientGet', { URI: 'KSK@nothing-here', Identifier: 'nf' }));
  t.like((await client.until('AllData', 'GetFailed')).at(-1)?.fields, { Code: '13', Fatal: 'false' });
  client.write(message('ClientGet', { URI: 'KSK@nothing-here', Identifier: 'ds', DSOnly: 'true' }));
  t.like((await client.next())?.fields, { Code: '13' });
});

world('jSite glues two lines together, and pyFreenet writes False: both get the default', async (t) => {
  const client = await greeted(t.context);
  client.write(
    Buffer.from(
      'ClientPut\nURI=CHK@\nIdentifier=glued\nUploadFrom=direct\nEarlyEncode=falsePriorityClass=1\nGlobal=False\nLocalRequestOnly=False\nDataLength=2\nData\nhiEndMessage\n',
    ),
  );
  t.is((await client.until('PutSuccessful', 'PutFailed', 'ProtocolError')).at(-1)?.name, 'PutSuccessful');
});

world('too big, and a type that was not allowed', async (t) => {
  const client = await greeted(t.context);
  const uri = await putDirect(client, 'p', documentBytes(40_000), { 'Metadata.ContentType': 'image/png' });
  client.write(message('ClientGet', { URI: uri, Identifier: 'big', MaxSize: 1_000 }));
  t.like((await client.until('AllData', 'GetFailed')).at(-1)?.fields, { Code: '21' });
  client.write(message('ClientGet', { URI: uri, Identifier: 'type', AllowedMIMETypes: 'text/plain text/html' }));
  t.like((await client.until('AllData', 'GetFailed')).at(-1)?.fields, { Code: '29' });
  client.write(message('ClientGet', { URI: uri, Identifier: 'ok', AllowedMIMETypes: 'image/png' }));
  t.is((await client.until('AllData', 'GetFailed')).at(-1)?.name, 'AllData');
});

world('persistent requests: told again on return and after a restart, asked for, changed, removed', async (t) => {
  const client = await greeted(t.context, 'keeper');
  const fields = { Persistence: 'forever', ClientToken: 'tok', Verbosity: 1 };
  const uri = await putDirect(client, 'p', 'kept', fields);
  client.write(message('ClientGet', { URI: uri, Identifier: 'g', ...fields }));
  const got = await client.until('DataFound', 'GetFailed');
  t.is(got[0]?.name, 'PersistentGet');
  client.write(message('ClientGet', { URI: uri, Identifier: 'g', ...fields }));
  t.like(await client.next(), { name: 'IdentifierCollision', fields: { Identifier: 'g' } });
  client.close();

  t.context.fcp = await t.context.fcp.restart();
  const back = await greeted(t.context, 'keeper');
  const told = await back.until('DataFound');
  const names = told.map(({ name }) => name);
  t.deepEqual(
    names.filter((name) => name !== 'SimpleProgress'),
    ['PersistentPut', 'URIGenerated', 'PutSuccessful', 'PersistentGet', 'DataFound'],
  );
  t.like(told[0]?.fields, { Identifier: 'p', ClientToken: 'tok', Persistence: 'forever', UploadFrom: 'direct' });
  back.write(message('GetRequestStatus', { Identifier: 'g', OnlyData: 'true' }));
  t.is((await back.next())?.data?.toString(), 'kept');
  back.write(message('ModifyPersistentRequest', { Identifier: 'p', PriorityClass: 4, ClientToken: 'new' }));
  t.like(await back.next(), { name: 'PersistentRequestModified', fields: { PriorityClass: '4', ClientToken: 'new' } });
  back.write(message('RemovePersistentRequest', { Identifier: 'p' }));
  t.like(await back.next(), { name: 'PersistentRequestRemoved', fields: { Identifier: 'p' } });
  back.write(message('ListPersistentRequests', {}));
  const list = await back.until('EndListPersistentRequests');
  t.deepEqual(
    list.map(({ fields: { Identifier } }) => Identifier).filter((id) => id === 'p'),
    [],
  );
  const other = await greeted(t.context, 'somebody else');
  other.write(message('ListPersistentRequests', { Identifier: 'x' }));
  t.deepEqual(
    (await other.until('EndListPersistentRequests')).map(({ name }) => name),
    ['EndListPersistentRequests'],
  );
});

world('the global queue is told to who watches it, with the watcher’s own mask', async (t) => {
  const watcher = await greeted(t.context, 'watcher');
  watcher.write(message('WatchGlobal', { Enabled: 'true', VerbosityMask: 0 }));
  watcher.write(message('ListPersistentRequests', {}));
  await watcher.until('EndListPersistentRequests');
  const client = await greeted(t.context, 'asker');
  await putDirect(client, 'freesitemgr|site|__manifest', 'x', { Global: 'true', Persistence: 'forever' });
  const told = await watcher.until('PutSuccessful');
  t.deepEqual(
    told.map(({ name }) => name),
    ['PersistentPut', 'URIGenerated', 'PutSuccessful'],
  );
  t.is(told[0]?.fields.Global, 'true');
  client.write(message('RemoveRequest', { Identifier: 'freesitemgr|site|__manifest', Global: 'true' }));
  t.is((await watcher.next())?.name, 'PersistentRequestRemoved');
});

world('a subscription hears of the newest edition at once and of a later one in time', async (t) => {
  const client = await greeted(t.context);
  client.write(message('GenerateSSK', {}));
  const pair = (await client.next())!.fields;
  const usk = await putDirect(client, '0', 'first', { URI: `USK${pair.InsertURI!.slice(3)}site/0` });
  client.write(message('SubscribeUSK', { URI: usk, Identifier: 'w' }));
  const first = await client.until('SubscribedUSKUpdate');
  t.is(first[0]?.name, 'SubscribedUSK');
  t.like(first.at(-1)?.fields, { Edition: '0', Identifier: 'w' });
  await putDirect(client, '1', 'second', { URI: `USK${pair.InsertURI!.slice(3)}site/0` });
  await t.context.fcp.world.clock.advance(16 * 60_000);
  t.like((await client.until('SubscribedUSKUpdate')).at(-1)?.fields, { Edition: '1' });
});

world('node, peers and configuration have our facts in the fields clients know', async (t) => {
  const client = await greeted(t.context);
  client.write(message('GetNode', { WithVolatile: 'true', Identifier: 'n' }));
  t.like(await client.next(), { name: 'NodeData', fields: { Identifier: 'n', 'volatile.numberOfConnected': '3' } });
  client.write(message('ListPeers', { WithVolatile: 'true', Identifier: 'l' }));
  const peers = await client.until('EndListPeers');
  t.is(peers.length, 4);
  t.is(peers[0]?.fields['volatile.status'], 'CONNECTED');
  client.write(message('ListPeer', { NodeIdentifier: 'nobody' }));
  t.is((await client.next())?.name, 'UnknownNodeIdentifier');
  client.write(message('GetConfig', { WithCurrent: 'true', WithShortDescription: 'true' }));
  t.like((await client.next())?.fields, { 'current.log.level': 'info' });
  client.write(message('ModifyConfig', { 'store.size': '1GiB' }));
  t.like((await client.next())?.fields, { Code: '8' });
  client.write(message('AddPeer', { invite: 'holloway-invite:abc', Trust: 'HIGH', Visibility: 'NO' }));
  t.is((await client.next())?.name, 'Peer');
  t.deepEqual(t.context.fcp.addedPeers, ['holloway-invite:abc']);
  client.write(message('Shutdown', {}));
  t.like((await client.next())?.fields, { Code: '18' });
  t.true(t.context.fcp.stopped());
});

world(`at most ${FCP_REQUESTS_PER_CONNECTION_MAX} requests and ${FCP_CONNECTIONS_MAX} connections`, async (t) => {
  const { fcp } = t.context;
  fcp.world.onFetch = () => new Promise(() => {});
  const client = await greeted(t.context);
  for (let i = 0; i <= FCP_REQUESTS_PER_CONNECTION_MAX; i++) {
    client.write(message('ClientGet', { URI: `KSK@${i}`, Identifier: `${i}` }));
  }
  t.like((await client.until('ProtocolError')).at(-1)?.fields, {
    Code: '34',
    Identifier: `${FCP_REQUESTS_PER_CONNECTION_MAX}`,
  });
  const many = Array.from({ length: FCP_CONNECTIONS_MAX }, () => connected(t.context));
  const last = many.at(-1)!;
  last.write('ClientHello\nName=last\nEndMessage\n');
  t.is(await last.next(), undefined);
});
