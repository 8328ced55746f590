/**
 * Names for documents: what SSK@, USK@ and KSK@ lead to, and how a document gets such a name.
 *
 * Shape   resolveUri: any key -> the CHK key of the document, with the path below it. nameDocument: a CHK key and an insert form -> the request form.
 *         A site is a pointer under its name and one SSK record `NAME-EDITION` for each edition, so that old editions stay readable.
 * Errors  LocalError bad_uri (an insert form where a request form belongs, or the reverse), collision, outdated, not_found and its kin.
 * Why     a negative edition asks the pointer: one round of requests, however many editions there are. Edition and pointer are written in this
 *         order, so that the pointer never names an edition that cannot be read.
 * Source  design § 6; the editions of a USK as SSK@.../NAME-EDITION: Freenet's own rule, which its clients rely on.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import { KIND } from '../ids.ts';
import { pointerVersion } from '../keys/node-ssk.ts';
import { type FoundPointer, fetchPointer, fetchSsk, type RecordContext } from './record-fetch.ts';
import { insertRecord, type RecordInsertContext } from './record-insert.ts';
import type { SeenEditions } from './seen-editions.ts';
import {
  decodeTarget,
  encodeTarget,
  kskSubspace,
  type OwnSubspace,
  ownSubspace,
  recordRef,
  type Subspace,
  sealRecord,
  type Target,
} from './signed-record.ts';
import { type ChkUri, CODEC, parseUri, printUri, type SskUri, URI_KEY_TYPE, type Uri, type UskUri } from './uri.ts';

export interface ResolvedUri {
  readonly chk: ChkUri;
  /** With a USK. */
  readonly edition?: number;
  readonly isForked?: boolean;
}

const NOT_A_FOLDER = 'it names a part of a folder, and the key is of a single file';
/** Editions tried one after the other when others with the same key publish at the same time. */
const EDITIONS_TRIED_MAX = 16;
const EDITION_MAX = 2 ** 48;

/** A key that can be fetched. @throws LocalError bad_uri */
export function fetchableUri(text: string): Uri {
  const uri = parseUri(text);
  if (uri.type === 'CHK') {
    if (uri.codec !== CODEC.none && uri.keyType === URI_KEY_TYPE.data)
      throw new LocalError('bad_uri', 'it names a single block as compressed, which no block is');
    if (uri.path.length > 1 && uri.keyType === URI_KEY_TYPE.data) throw new LocalError('bad_uri', NOT_A_FOLDER);
  } else if (uri.type !== 'KSK') {
    if (uri.keyType === URI_KEY_TYPE.insert)
      throw new LocalError('bad_uri', 'it is the private form of a key, which publishes; readers get the other one');
    if (uri.type === 'SSK' && uri.name === '')
      throw new LocalError('bad_uri', 'the name of a document after the key is missing: SSK@.../name');
  }
  return uri;
}

/** The document that a key leads to now; only a CHK needs no request. */
export async function resolveUri(context: RecordContext, uri: Uri, seen: SeenEditions): Promise<ResolvedUri> {
  const { crypto } = context;
  switch (uri.type) {
    case 'CHK':
      return { chk: uri };
    case 'KSK': {
      const content = await fetchSsk(context, kskSubspace(crypto, uri.word), uri.word);
      return { chk: chkOf(decodeTarget(content), uri.path) };
    }
    case 'SSK': {
      const content = await fetchSsk(context, readersSubspace(uri), uri.name);
      return { chk: chkOf(decodeTarget(content), uri.path) };
    }
    case 'USK':
      return uri.edition < 0 ? newest(context, uri, seen) : exactEdition(context, uri, seen);
    default:
      return uri satisfies never;
  }
}

async function newest(context: RecordContext, uri: UskUri, seen: SeenEditions): Promise<ResolvedUri> {
  const found = await fetchPointer(context, readersSubspace(uri), uri.site, seen);
  return { chk: chkOf(decodeTarget(found.content), uri.path), edition: found.version, isForked: found.isForked };
}

/** As its SSK says; when that has faded, as the pointer says if it stands at this very edition. */
async function exactEdition(context: RecordContext, uri: UskUri, seen: SeenEditions): Promise<ResolvedUri> {
  const { edition } = uri;
  try {
    const content = await fetchSsk(context, readersSubspace(uri), editionName(uri.site, edition));
    return { chk: chkOf(decodeTarget(content), uri.path), edition };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const pointed = await newest(context, uri, seen).catch(() => undefined);
    if (pointed?.edition === edition) return pointed;
    throw error;
  }
}

export interface NamingContext {
  readonly crypto: Crypto;
  readonly fetch: RecordContext;
  readonly insert: RecordInsertContext;
  readonly seen: SeenEditions;
}

/** A key that a document can be published under. @throws LocalError bad_uri */
export function insertableUri(text: string): Uri {
  const uri = parseUri(text);
  if (uri.type === 'CHK')
    throw new LocalError('bad_uri', 'a CHK follows from the content: nothing is published as one');
  if (uri.path.length > 0) throw new LocalError('bad_uri', 'a whole document gets a name, not a path inside of one');
  if (uri.type === 'KSK') return uri;
  if (uri.keyType !== URI_KEY_TYPE.insert)
    throw new LocalError(
      'bad_uri',
      'this is the form for readers; publishing needs the private one (holloway key list)',
    );
  if (uri.type === 'SSK' && uri.name === '')
    throw new LocalError('bad_uri', 'the name of the document after the key is missing: SSK@.../name');
  return uri;
}

/** The insert form's other half. A KSK is its own. */
export function requestForm(crypto: Crypto, uri: Uri): Uri {
  if (uri.type === 'CHK' || uri.type === 'KSK' || uri.keyType !== URI_KEY_TYPE.insert) return uri;
  const { publicKeyHash } = ownersSubspace(crypto, uri);
  return { ...uri, subspace: publicKeyHash, keyType: URI_KEY_TYPE.request };
}

/** Resolves to the request form, once the name leads to `document`. */
export async function nameDocument(context: NamingContext, as: Uri, document: Target): Promise<Uri> {
  const { crypto } = context;
  const content = encodeTarget(document);
  if (as.type === 'KSK') {
    await insertSsk(context, kskSubspace(crypto, as.word), as.word, content);
    return as;
  }
  if (as.type === 'SSK') {
    await insertSsk(context, ownersSubspace(crypto, as), as.name, content);
    return requestForm(crypto, as);
  }
  if (as.type === 'USK') {
    const edition = await insertEdition(context, as, content);
    return { ...(requestForm(crypto, as) as UskUri), edition };
  }
  throw new LocalError('bad_uri', 'a CHK follows from the content: nothing is published as one');
}

async function insertSsk(
  { insert }: NamingContext,
  space: OwnSubspace,
  name: string,
  content: Uint8Array,
): Promise<void> {
  const { ref, bytes } = sealRecord(insert.crypto, KIND.ssk, space, name, 0, content);
  const outcome = await insertRecord(insert, ref, bytes);
  if (outcome.type === 'collision') throw new LocalError('collision');
}

/** @returns the edition that now stands */
async function insertEdition(context: NamingContext, uri: UskUri, content: Uint8Array): Promise<number> {
  const { insert, seen, crypto } = context;
  const space = ownersSubspace(crypto, uri);
  let edition = Math.max(uri.edition, (await newestKnown(context, space, uri.site)) + 1, 0);
  for (let tries = 0; tries < EDITIONS_TRIED_MAX && edition <= EDITION_MAX; tries++) {
    try {
      await insertSsk(context, space, editionName(uri.site, edition), content);
    } catch (error) {
      if (!(error instanceof LocalError) || error.code !== 'collision') throw error;
      edition++;
      continue;
    }
    const { ref, bytes } = sealRecord(crypto, KIND.pointer, space, uri.site, edition, content);
    const outcome = await insertRecord(insert, ref, bytes);
    if (outcome.type === 'placed') {
      seen.note(ref.key, edition, bytes);
      return edition;
    }
    // Somebody with the same key was faster: theirs stands, ours comes after it.
    edition = Math.max(edition, pointerVersion(outcome.existing) ?? 0) + 1;
  }
  throw new LocalError('collision', `${EDITIONS_TRIED_MAX} editions in a row were taken by others with the same key`);
}

/** -1 when there is none. What this node saw before counts too: a pointer that nobody finds now was there all the same. */
async function newestKnown({ fetch, seen, crypto }: NamingContext, space: Subspace, site: string): Promise<number> {
  const known = seen.get(recordRef(crypto, KIND.pointer, space, site).key)?.version ?? -1;
  try {
    return Math.max(known, (await fetchPointer(fetch, space, site, seen)).version);
  } catch (error) {
    if (isNotFound(error) || (error instanceof LocalError && error.code === 'outdated')) return known;
    throw error;
  }
}

/** What the pointer says, without the document. */
export function findNewest(context: RecordContext, uri: UskUri, seen: SeenEditions): Promise<FoundPointer> {
  const space = uri.keyType === URI_KEY_TYPE.insert ? ownersSubspace(context.crypto, uri) : readersSubspace(uri);
  return fetchPointer(context, space, uri.site, seen);
}

export function editionName(site: string, edition: number): string {
  return `${site}-${edition}`;
}

/** @returns insert and request form of a new key pair, both without a name */
export function generateKeyPair(crypto: Crypto): { readonly insertUri: string; readonly requestUri: string } {
  const insert: SskUri = {
    type: 'SSK',
    subspace: crypto.randomBytes(32),
    cryptoKey: crypto.randomBytes(32),
    keyType: URI_KEY_TYPE.insert,
    codec: CODEC.none,
    name: '',
    path: [],
  };
  return { insertUri: printUri(insert), requestUri: printUri(requestForm(crypto, insert)) };
}

function chkOf(target: Target, path: readonly string[]): ChkUri {
  if (path.length > 1 && target.keyType === URI_KEY_TYPE.data) throw new LocalError('bad_uri', NOT_A_FOLDER);
  return { type: 'CHK', ...target, path };
}

function readersSubspace(uri: SskUri | UskUri): Subspace {
  return { publicKeyHash: uri.subspace, cryptoKey: uri.cryptoKey };
}

function ownersSubspace(crypto: Crypto, uri: SskUri | UskUri): OwnSubspace {
  return ownSubspace(crypto, uri.subspace, uri.cryptoKey);
}

function isNotFound(error: unknown): boolean {
  return error instanceof LocalError && (error.code === 'not_found' || error.code === 'recently_failed');
}
