/**
 * What FCP needs of keys beyond puts and gets: new pairs, their public halves, newest editions, the size behind a key.
 *
 * Why     one interface, so that a connection does not reach into the client layer at ten places.
 * @module
 */

import type { Client, NewestEdition } from '../../client/client-types.ts';
import { requestForm } from '../../client/named-documents.ts';
import { parseUri, printUri } from '../../client/uri.ts';
import { LocalError } from '../../errors.ts';
import type { TrafficClass } from '../../ids.ts';
import type { Crypto } from '../../ports.ts';
import { FcpError } from './fcp-error.ts';

export interface KeyServices {
  /** As Freenet's node prints them: without a prefix, with a slash at the end. */
  generate(): { readonly insert: string; readonly request: string };
  requestForm(uri: string): string;
  /** Undefined when nothing is found. */
  newest(uri: string, signal: AbortSignal): Promise<NewestEdition | undefined>;
  /** The key of a newer edition than the one that `uri` names; undefined for other keys, for "newest", and when none is found. */
  newerThan(uri: string): Promise<string | undefined>;
  sizeOf(uri: string): Promise<number>;
  /** Hangs a file's name on a CHK key. */
  named(uri: string, name: string | undefined): string;
}

export function createKeyServices(client: Client, crypto: Crypto, trafficClass: TrafficClass): KeyServices {
  async function newest(uri: string, signal?: AbortSignal): Promise<NewestEdition | undefined> {
    try {
      return await client.newestEdition(uri, { trafficClass }, signal);
    } catch (error) {
      if (error instanceof LocalError) return undefined;
      throw error;
    }
  }
  return {
    generate() {
      const { insertUri, requestUri } = client.generateKeys();
      return { insert: closed(insertUri), request: closed(requestUri) };
    },
    requestForm: (uri) => printUri(requestForm(crypto, parseUri(uri))),
    newest,
    async newerThan(uri) {
      const asked = parseUri(uri);
      if (asked.type !== 'USK' || asked.edition < 0) return undefined;
      const found = await newest(uri);
      return found !== undefined && found.edition > asked.edition ? found.uri : undefined;
    },
    async sizeOf(uri) {
      const fetched = client.fetch(uri, { trafficClass, listOnly: true });
      try {
        return (await fetched.metadata).sizeBytes;
      } catch (error) {
        if (!(error instanceof LocalError)) throw error;
        throw new FcpError(
          'notSupported',
          'a redirect in a directory needs a document that can be fetched, or its DataLength',
        );
      } finally {
        client.cancel(fetched.id);
      }
    },
    named(uri, name) {
      if (name === undefined || !uri.startsWith('CHK@')) return uri;
      const parsed = parseUri(uri);
      return parsed.type === 'CHK' ? printUri({ ...parsed, path: [name] }) : uri;
    },
  };
}

function closed(uri: string): string {
  return uri.endsWith('/') ? uri : `${uri}/`;
}
