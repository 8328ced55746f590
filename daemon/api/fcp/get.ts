/**
 * ClientGet: from the fields of a message to an entry of the queue.
 *
 * Errors  FcpError for what cannot be understood or is not allowed; what fails later is a GetFailed.
 * Why     IgnoreDS has nothing to act on: an own request never looks into the own store. DSOnly is therefore answered at once with
 *         "data not found", the same for every key.
 * Source  FCPv2 ClientGet.
 * @module
 */
import { lstat } from 'node:fs/promises';
import type { FetchRequest } from '../../client/queue-types.ts';
import type { TrafficClass } from '../../ids.ts';
import type { DirectAccess } from './dda.ts';
import { FcpError } from './fcp-error.ts';
import { booleanOf, commonOf, keyOf, required, sizeOf } from './fields.ts';
import type { FcpMessage } from './message.ts';
import type { RequestMeta } from './request-record.ts';

export interface GetDeps {
  readonly access: DirectAccess;
  readonly client: string;
  readonly trafficClass: TrafficClass;
  readonly wallMs: () => number;
}

export interface PreparedGet {
  readonly meta: RequestMeta;
  readonly request: FetchRequest;
  /** The client wants no request to leave this node. */
  readonly localOnly: boolean;
}

const PRIORITY_GET = 2;

export async function prepareGet(deps: GetDeps, message: FcpMessage): Promise<PreparedGet> {
  const { fields } = message;
  const common = commonOf(message, PRIORITY_GET);
  keyOf(fields);
  const uri = required(fields, 'URI').trim();
  if (booleanOf(fields, 'BinaryBlob', false)) throw new FcpError('notSupported', 'BinaryBlob', { of: fields });
  if (booleanOf(fields, 'FilterData', false)) {
    throw new FcpError('notSupported', 'FilterData: pages are made safe by the gateway', { of: fields });
  }
  const returnType = (fields.get('ReturnType') ?? 'direct').trim().toLowerCase();
  const maxBytes = sizeOf(fields, 'MaxSize');
  const allowed = fields.get('AllowedMIMETypes');
  return {
    localOnly: booleanOf(fields, 'DSOnly', false),
    meta: {
      type: 'get',
      client: common.global ? undefined : deps.client,
      global: common.global,
      identifier: common.identifier,
      verbosity: common.verbosity,
      clientToken: common.clientToken,
      shown: {
        URI: uri,
        ReturnType: returnType,
        Filename: returnType === 'disk' ? fields.get('Filename') : undefined,
        MaxRetries: common.retries,
        RealTime: common.realTime,
      },
      fileName: undefined,
      allowedTypes: allowed === undefined || allowed.trim() === '' ? undefined : typesOf(allowed),
      askedAtMs: deps.wallMs(),
    },
    request: {
      uri,
      options: { trafficClass: deps.trafficClass, asFile: true, ...(maxBytes === undefined ? {} : { maxBytes }) },
      priority: common.priority,
      persistence: common.persistence,
      retries: common.retries,
      to: await placeFor(deps, message, returnType),
    },
  };
}

async function placeFor(deps: GetDeps, { fields }: FcpMessage, returnType: string): Promise<FetchRequest['to']> {
  if (returnType === 'direct') return { type: 'spool' };
  if (returnType === 'none') return { type: 'none' };
  if (returnType !== 'disk') throw new FcpError('invalidField', 'ReturnType', { of: fields });
  try {
    const path = await deps.access.requireWrite(required(fields, 'Filename'));
    if ((await lstat(path).catch(() => undefined)) !== undefined) throw new FcpError('targetExists');
    return { type: 'disk', path };
  } catch (error) {
    throw error instanceof FcpError ? new FcpError(error.kind, error.extra, { of: fields }) : error;
  }
}

function typesOf(text: string): string[] {
  return text
    .split(/[\s,;]+/)
    .map((type) => type.trim().toLowerCase())
    .filter((type) => type !== '');
}
