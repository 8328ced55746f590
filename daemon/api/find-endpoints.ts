/**
 * Finding things over the control API: documents by keyword, the newest edition of a site, and following it.
 *
 * Unit    at most WATCHES_MAX sites are followed at once, each until its connection ends.
 * Errors  LocalError as JSON, or as the last event `error`.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Client } from '../client/client-types.ts';
import { watchEditions } from '../client/watch.ts';
import { LocalError } from '../errors.ts';
import { WATCHES_MAX } from '../limits.ts';
import type { Clock, Random } from '../ports.ts';
import type { NodeSettings } from '../settings.ts';
import { errorBodyOf, openEventStream, readJson, sendJson } from './http.ts';
import type { EditionDocument, SearchDocument, WatchEvent } from './schema-keys.ts';

export interface FindDeps {
  readonly client: Client;
  readonly settings: NodeSettings;
  readonly clock: Clock;
}

export interface FindEndpoints {
  search(request: IncomingMessage, response: ServerResponse): Promise<void>;
  newest(request: IncomingMessage, response: ServerResponse): Promise<void>;
  watch(response: ServerResponse, query: URLSearchParams): Promise<void>;
}

export function createFindEndpoints({ client, settings, clock }: FindDeps): FindEndpoints {
  const trafficClass = settings.fetchClass;
  let watches = 0;
  return {
    async search(request, response) {
      const { words } = await readJson(request);
      if (!Array.isArray(words) || !words.every((word) => typeof word === 'string'))
        throw new LocalError('usage', 'words is a list of texts');
      const gone = new AbortController();
      response.on('close', () => gone.abort(new LocalError('cancelled')));
      const { hits, buckets, answered } = await client.search(words, { trafficClass }, gone.signal);
      const document: SearchDocument = {
        v: 1,
        hits: hits.map(({ title, contentType, ...hit }) => ({
          ...hit,
          title: title ?? null,
          contentType: contentType ?? null,
        })),
        buckets,
        answered,
      };
      sendJson(response, 200, document);
    },

    async newest(request, response) {
      const { uri } = await readJson(request);
      if (typeof uri !== 'string') throw new LocalError('bad_uri', 'the body names no uri');
      const gone = new AbortController();
      response.on('close', () => gone.abort(new LocalError('cancelled')));
      const found = await client.newestEdition(uri, { trafficClass }, gone.signal);
      const document: EditionDocument = { v: 1, ...found };
      sendJson(response, 200, document);
    },

    async watch(response, query) {
      const uri = query.get('uri');
      if (uri === null) throw new LocalError('bad_uri', 'the query names no uri');
      if (watches >= WATCHES_MAX) throw new LocalError('busy', `at most ${WATCHES_MAX} sites are followed at once`);
      watches++;
      const gone = new AbortController();
      const stream = openEventStream(response);
      response.on('close', () => gone.abort(new LocalError('cancelled')));
      try {
        const deps = { client, clock, random: clientRandom() };
        for await (const { edition, uri: found, isForked } of watchEditions(deps, uri, { trafficClass }, gone.signal)) {
          const event: WatchEvent = { v: 1, edition, uri: found, isForked };
          stream.send('edition', JSON.stringify(event));
        }
      } catch (error) {
        stream.finish('error', JSON.stringify(errorBodyOf(error)));
      } finally {
        watches--;
      }
    },
  };
}

/** The surface is no part of the simulated core; still, the wait must not be guessable. */
function clientRandom(): Random {
  const random: Random = {
    bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    unit: () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32,
    fork: () => random,
  };
  return random;
}
