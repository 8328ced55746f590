/**
 * What the publisher of a site remembers of its last edition, so that only changed files are inserted again.
 *
 * Shape   table "sites": HMAC(site key, pointer's routing key) as hex -> nonce 12, sealed (listing length u32, listing, SHA-256 of each file in the
 *         listing's order). The key follows from the node's identity.
 * Errors  what cannot be read is forgotten: then all files are inserted, which is always right. A disk that refuses costs the same.
 * Why     the listing holds the keys of the documents that the files lie in: a file with the same hash keeps its place there, whatever its name is now.
 *         It is kept here and not fetched, because the hashes must be the publisher's own: readers have no need of them.
 * Source  design § 6 (Updates).
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import { hexKey, KIND } from '../ids.ts';
import type { Records } from '../ports.ts';
import type { DirectoryFile } from './client-types.ts';
import { decodeListing, encodeListing, type ListedDocument, type ListedFile, type Listing } from './listing.ts';
import { insertableUri } from './named-documents.ts';
import { ownSubspace, recordRef } from './signed-record.ts';

const TABLE = 'sites';
const NONCE_BYTES = 12;
const HASH_BYTES = 32;

/** What an edition is made of, besides what was inserted for it. */
export interface SiteReuse {
  /** Where the same content lies already; undefined: it has to be inserted. */
  find(file: DirectoryFile): { readonly document: ListedDocument; readonly offset: number } | undefined;
  /** The edition stands: `hashes` has one for each of its files, in the listing's order. */
  keep(listing: Listing, hashes: readonly Uint8Array[]): void;
}

export interface Sites {
  /** @param as a USK in insert form; undefined for anything else: then nothing is remembered */
  reuseFor(as: string | undefined): SiteReuse | undefined;
}

export function createSites(crypto: Crypto, homeKey: Uint8Array, records: Records | undefined): Sites {
  const siteKey = crypto.hmac(homeKey, 'holloway sites');

  function read(row: string): Map<string, { document: ListedDocument; offset: number }> {
    const found = new Map<string, { document: ListedDocument; offset: number }>();
    const sealed = records?.get(TABLE, row);
    if (sealed === undefined || sealed.length < NONCE_BYTES) return found;
    const aead = crypto.aeadKey(siteKey);
    const bytes = aead.open(
      sealed.subarray(0, NONCE_BYTES),
      sealed.subarray(NONCE_BYTES),
      new TextEncoder().encode(row),
    );
    aead.wipe();
    if (bytes === null || bytes.length < 4) return found;
    const listingBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const listing = decodeListing(bytes.slice(4, 4 + listingBytes));
    for (const [i, { document, offset, sizeBytes }] of listing.files.entries()) {
      const at = 4 + listingBytes + i * HASH_BYTES;
      const name = nameOf(sizeBytes, bytes.subarray(at, at + HASH_BYTES));
      if (sizeBytes > 0) found.set(name, { document: listing.documents[document]!, offset });
    }
    return found;
  }

  function write(row: string, listing: Listing, hashes: readonly Uint8Array[]): void {
    const encoded = encodeListing(listing);
    const bytes = new Uint8Array(4 + encoded.length + hashes.length * HASH_BYTES);
    new DataView(bytes.buffer).setUint32(0, encoded.length);
    bytes.set(encoded, 4);
    for (const [i, hash] of hashes.entries()) bytes.set(hash, 4 + encoded.length + i * HASH_BYTES);
    const nonce = crypto.randomBytes(NONCE_BYTES);
    const aead = crypto.aeadKey(siteKey);
    const sealed = aead.seal(nonce, bytes, new TextEncoder().encode(row));
    aead.wipe();
    const value = new Uint8Array(NONCE_BYTES + sealed.length);
    value.set(nonce);
    value.set(sealed, NONCE_BYTES);
    forgiving(() => records?.put(TABLE, row, value));
  }

  return {
    reuseFor(as) {
      if (as === undefined || records === undefined) return undefined;
      const uri = insertableUri(as);
      if (uri.type !== 'USK') return undefined;
      const space = ownSubspace(crypto, uri.subspace, uri.cryptoKey);
      const row = hexKey(crypto.hmac(siteKey, recordRef(crypto, KIND.pointer, space, uri.site).key));
      const known = forgiving(() => read(row)) ?? new Map<string, never>();
      return {
        find: ({ sizeBytes, sha256 }) => (sha256 === undefined ? undefined : known.get(nameOf(sizeBytes, sha256))),
        keep: (listing, hashes) => write(row, listing, hashes),
      };
    },
  };
}

/** A file whose content stands already. */
export interface KeptFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly document: ListedDocument;
  readonly offset: number;
}

/** What was inserted and what was kept, as the listing of one edition. */
export function joinListing(
  inserted: { readonly documents: readonly ListedDocument[]; readonly files: readonly ListedFile[] },
  kept: readonly KeptFile[],
): { documents: ListedDocument[]; files: ListedFile[] } {
  const documents = [...inserted.documents];
  const places = new Map<ListedDocument, number>();
  const files = [...inserted.files];
  for (const { path, sizeBytes, document, offset } of kept) {
    const place = places.get(document) ?? documents.push(document) - 1;
    places.set(document, place);
    files.push({ path, sizeBytes, document: place, offset });
  }
  return { documents, files };
}

function nameOf(sizeBytes: number, sha256: Uint8Array): string {
  return `${sizeBytes} ${hexKey(sha256)}`;
}

function forgiving<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof LocalError) return undefined;
    throw error;
  }
}
