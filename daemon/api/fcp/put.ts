/**
 * ClientPut, ClientPutComplexDir and ClientPutDiskDir: from the fields of a message to an entry of the queue.
 *
 * Shape   CHK@ publishes a document; KSK@, SSK@ and USK@ in insert form publish it and a record that leads there.
 * Errors  FcpError for what cannot be understood or is not allowed; what fails later is a PutFailed.
 * Why     a field that would weaken anonymity (a local-only request, a key chosen by the client) is refused by name, never ignored; one that only
 *         tunes Freenet's network (codecs, compatibility, real-time) has nothing to act on here.
 *         Documents are published under repeatable secrets: clients ask for a key with GetCHKOnly and publish under it later.
 * Source  FCPv2 ClientPut, ClientPutComplexDir, ClientPutDiskDir.
 * @module
 */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { PublishRequest, QueuedFile, TransferQueue } from '../../client/queue-types.ts';
import type { TrafficClass } from '../../ids.ts';
import { DIRECTORY_ENTRIES_MAX } from '../../limits.ts';
import { type DirectAccess, fileHashMatches, placeOf } from './dda.ts';
import { FcpError } from './fcp-error.ts';
import { booleanOf, type Common, commonOf, type Fields, integerOf, keyOf, required, sizeOf } from './fields.ts';
import type { FcpMessage, FieldValue } from './message.ts';
import { isMimeType } from './mime.ts';
import type { RequestMeta, RequestType } from './request-record.ts';

export interface PutDeps {
  readonly queue: TransferQueue;
  readonly access: DirectAccess;
  readonly connectionIdentifier: string;
  readonly client: string;
  readonly trafficClass: TrafficClass;
  /** Bytes of the document behind a CHK key; rejects with FcpError when that cannot be known. */
  readonly sizeOfKey: (uri: string) => Promise<number>;
  /** Insert form to request form; other keys stay as they are. */
  readonly requestForm: (uri: string) => string;
  readonly wallMs: () => number;
}

export interface PreparedPut {
  readonly meta: RequestMeta;
  readonly request: PublishRequest;
  /** Only the key is wanted. */
  readonly keyOnly: boolean;
}

type Data = (length: number) => AsyncIterable<Uint8Array>;

const PRIORITY_PUT = 2;
const CHK_TARGET = /^\s*(?:freenet:|hyphanet:|hypha:|holloway:)?CHK@(?:\/([^?]*))?(?:\?.*)?$/i;

export async function preparePut(deps: PutDeps, message: FcpMessage, data: Data): Promise<PreparedPut> {
  const { fields } = message;
  const common = commonOf(message, PRIORITY_PUT);
  refuseWeakening(fields);
  const target = targetOf(fields);
  const contentType = contentTypeOf(fields);
  const from = (fields.get('UploadFrom') ?? 'direct').trim().toLowerCase();
  const shown: Record<string, FieldValue> = { ...shownOf(deps, fields, target), UploadFrom: from };
  if (contentType !== undefined) shown['Metadata.ContentType'] = contentType;
  let fileName = fields.get('TargetFilename') ?? target.name;
  let source: PublishRequest['from'];
  if (from === 'direct') {
    const length = message.dataLength;
    if (length === undefined) throw new FcpError('missingField', 'Data', { of: fields });
    shown.DataLength = length;
    source = { type: 'spool', bytes: data(length) };
  } else if (from === 'disk') {
    const path = await readable(deps, fields, common, required(fields, 'Filename'));
    shown.Filename = fields.get('Filename');
    fileName ??= basename(path);
    source = { type: 'disk', path };
  } else if (from === 'redirect') {
    if (target.as === undefined)
      throw new FcpError('invalidField', 'a redirect needs a key that can lead to another', { of: fields });
    source = { type: 'redirect', uri: redirectTarget(fields, 'TargetURI') };
    shown.TargetURI = fields.get('TargetURI');
  } else {
    throw new FcpError('invalidField', 'UploadFrom', { of: fields });
  }
  return prepared(deps, 'put', common, { fields, target, contentType, source, shown, fileName });
}

/** The bytes of direct files follow each other in the order of their numbers. */
export async function preparePutDirectory(deps: PutDeps, message: FcpMessage, data: Data): Promise<PreparedPut> {
  const { fields } = message;
  const common = commonOf(message, PRIORITY_PUT);
  refuseWeakening(fields);
  const target = targetOf(fields);
  const shown: Record<string, FieldValue> = { ...shownOf(deps, fields, target), PutDirType: 'complex' };
  const files: QueuedFile[] = [];
  for (let i = 0; fields.has(`Files.${i}.Name`); i++) {
    if (i >= DIRECTORY_ENTRIES_MAX)
      throw new FcpError('tooManyFiles', `at most ${DIRECTORY_ENTRIES_MAX}`, { of: fields });
    files.push(await fileOf(deps, fields, common, i, data));
  }
  if (files.length === 0) throw new FcpError('missingField', 'Files.0.Name', { of: fields });
  const defaultPath = fields.get('DefaultName') || undefined;
  shown.DefaultName = defaultPath;
  shown['Files.Count'] = files.length;
  const source: PublishRequest['from'] = {
    type: 'spool-tree',
    files: each(files),
    ...(defaultPath !== undefined && files.some(({ path }) => path === defaultPath) ? { defaultPath } : {}),
  };
  return prepared(deps, 'putDir', common, {
    fields,
    target,
    contentType: undefined,
    source,
    shown,
    fileName: undefined,
  });
}

export async function preparePutDiskDirectory(deps: PutDeps, message: FcpMessage): Promise<PreparedPut> {
  const { fields } = message;
  const common = commonOf(message, PRIORITY_PUT);
  refuseWeakening(fields);
  const target = targetOf(fields);
  const path = await deps.access.requireReadTree(required(fields, 'Filename')).catch((error: unknown) => {
    throw error instanceof FcpError ? new FcpError(error.kind, error.extra, { of: fields }) : error;
  });
  const defaultPath = fields.get('DefaultName') || undefined;
  const shown = {
    ...shownOf(deps, fields, target),
    PutDirType: 'disk',
    DefaultName: defaultPath,
    Filename: fields.get('Filename'),
  };
  const source: PublishRequest['from'] = { type: 'disk', path, ...(defaultPath === undefined ? {} : { defaultPath }) };
  return prepared(deps, 'putDir', common, {
    fields,
    target,
    contentType: undefined,
    source,
    shown,
    fileName: undefined,
  });
}

interface Parts {
  readonly fields: Fields;
  readonly target: Target;
  readonly contentType: string | undefined;
  readonly source: PublishRequest['from'];
  readonly shown: Readonly<Record<string, FieldValue>>;
  readonly fileName: string | undefined;
}

function prepared(deps: PutDeps, type: RequestType, common: Common, parts: Parts): PreparedPut {
  const { fields, target, contentType, source, shown, fileName } = parts;
  const compress = !booleanOf(fields, 'DontCompress', false);
  return {
    keyOnly: booleanOf(fields, 'GetCHKOnly', false),
    meta: {
      type,
      client: common.global ? undefined : deps.client,
      global: common.global,
      identifier: common.identifier,
      verbosity: common.verbosity,
      clientToken: common.clientToken,
      shown,
      fileName: target.as === undefined && fileName !== undefined && fileName !== '' ? fileName : undefined,
      allowedTypes: undefined,
      askedAtMs: deps.wallMs(),
    },
    request: {
      priority: common.priority,
      persistence: common.persistence,
      retries: common.retries,
      repeatable: true,
      from: source,
      options: {
        trafficClass: deps.trafficClass,
        convergent: false,
        compress,
        ...(contentType === undefined ? {} : { contentType }),
        ...(target.as === undefined ? {} : { as: target.as }),
      },
    },
  };
}

interface Target {
  /** Key in insert form; undefined for CHK@. */
  readonly as: string | undefined;
  /** What stood after CHK@/. */
  readonly name: string | undefined;
}

function targetOf(fields: Fields): Target {
  const text = required(fields, 'URI').trim();
  const chk = CHK_TARGET.exec(text);
  if (chk !== null) return { as: undefined, name: chk[1] === undefined || chk[1] === '' ? undefined : decode(chk[1]) };
  const uri = keyOf(fields);
  if (uri.type === 'CHK') throw new FcpError('uri', 'a CHK key follows from the content: put to CHK@', { of: fields });
  if (uri.path.length > 0 && uri.type !== 'SSK') {
    throw new FcpError('uri', 'a key to put to has no path behind it', { of: fields });
  }
  if (uri.type !== 'KSK' && uri.keyType !== 3) {
    throw new FcpError('uri', 'that is the key for reading: to put, use the insert key', { of: fields });
  }
  if (uri.type === 'SSK' && uri.name === '')
    throw new FcpError('uri', 'the key needs a name behind it', { of: fields });
  return { as: text, name: undefined };
}

function shownOf(deps: PutDeps, fields: Fields, target: Target): Record<string, FieldValue> {
  return {
    URI: target.as === undefined ? 'CHK@' : deps.requestForm(target.as),
    PrivateURI: target.as,
    MaxRetries: integerOf(fields, 'MaxRetries', 0, -1, 2 ** 31),
    TargetFilename: fields.get('TargetFilename'),
    RealTime: booleanOf(fields, 'RealTimeFlag', false),
    DontCompress: booleanOf(fields, 'DontCompress', false),
  };
}

async function fileOf(deps: PutDeps, fields: Fields, common: Common, i: number, data: Data): Promise<QueuedFile> {
  const field = (name: string): string => `Files.${i}.${name}`;
  const path = required(fields, field('Name')).replace(/^\/+/, '');
  const from = (fields.get(field('UploadFrom')) ?? 'direct').trim().toLowerCase();
  if (from === 'direct') {
    const sizeBytes = sizeOf(fields, field('DataLength'));
    if (sizeBytes === undefined) throw new FcpError('missingField', field('DataLength'), { of: fields });
    return { path, from: 'bytes', sizeBytes, content: data(sizeBytes) };
  }
  if (from === 'disk') {
    const name = required(fields, field('Filename'));
    return { path, from: 'disk', diskPath: await readable(deps, fields, common, name, fields.get(field('FileHash'))) };
  }
  if (from === 'redirect') {
    const uri = redirectTarget(fields, field('TargetURI'));
    return { path, from: 'key', uri, sizeBytes: await deps.sizeOfKey(uri) };
  }
  throw new FcpError('invalidField', field('UploadFrom'), { of: fields });
}

/** The file's place, once the client has shown that it may read it. */
async function readable(
  deps: PutDeps,
  fields: Fields,
  common: Common,
  name: string,
  hash = fields.get('FileHash'),
): Promise<string> {
  try {
    const path = await placeOf(name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw new FcpError('fileNotFound');
    if (!found.isFile()) throw new FcpError('notAFile');
    const prefix = `${deps.connectionIdentifier}-${common.identifier}-`;
    if (hash !== undefined && (await fileHashMatches(path, prefix, hash).catch(() => false))) return path;
    return await deps.access.requireRead(name);
  } catch (error) {
    throw error instanceof FcpError ? new FcpError(error.kind, error.extra, { of: fields }) : error;
  }
}

function redirectTarget(fields: Fields, key: string): string {
  const uri = keyOf(fields, key);
  if (uri.type === 'CHK') return required(fields, key).trim();
  throw new FcpError('notSupported', 'a key leads to a CHK key only', { of: fields });
}

function contentTypeOf(fields: Fields): string | undefined {
  const text = fields.get('Metadata.ContentType')?.trim();
  if (text === undefined || text === '') return undefined;
  if (!isMimeType(text) || text.length > 255) throw new FcpError('mimeType', undefined, { of: fields });
  return text;
}

/** What would let others tell our requests apart, or make somebody else's guess of a key come true. */
function refuseWeakening(fields: Fields): void {
  const refused = (what: string): FcpError => new FcpError('notSupported', what, { of: fields });
  if (booleanOf(fields, 'LocalRequestOnly', false))
    throw refused('LocalRequestOnly: what is published leaves through circuits');
  if (fields.get('OverrideSplitfileCryptoKey')) throw refused('OverrideSplitfileCryptoKey: keys are drawn here');
  if (booleanOf(fields, 'BinaryBlob', false)) throw refused('BinaryBlob');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
