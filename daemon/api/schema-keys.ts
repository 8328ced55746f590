/**
 * What the control API says of signing keys, sites and searches.
 * @module
 */

/** GET /v1/keys, and what the making of one answers. */
export interface KeyDocument {
  readonly name: string;
  /** SSK@ for readers, without the name of a document. */
  readonly requestUri: string;
  /** USK@ of the site that has the key's name, at its newest edition. */
  readonly siteUri: string;
  readonly hasPassphrase: boolean;
  /** Days since 1970. */
  readonly createdDay: number;
}

export interface KeysDocument {
  readonly v: 1;
  readonly keys: readonly KeyDocument[];
}

/** The private form: only on the explicit request to export. */
export interface KeyExport {
  readonly v: 1;
  readonly name: string;
  readonly insertUri: string;
}

/** POST /v1/editions/newest. */
export interface EditionDocument {
  readonly v: 1;
  readonly edition: number;
  readonly uri: string;
  readonly documentUri: string;
  readonly isForked: boolean;
}

/** Event `edition` of GET /v1/watch. */
export interface WatchEvent {
  readonly v: 1;
  readonly edition: number;
  readonly uri: string;
  readonly isForked: boolean;
}

/** One hit of a search, best first. */
export interface SearchHit {
  readonly uri: string;
  /** How many of the words asked for lead to it. */
  readonly words: number;
  readonly title: string | null;
  readonly contentType: string | null;
  readonly sizeBytes: number;
  /** Since it was announced. */
  readonly ageDays: number;
  /** Leading zero bits of work, of the best of its records. */
  readonly workBits: number;
}

export interface SearchDocument {
  readonly v: 1;
  readonly hits: readonly SearchHit[];
  /** Buckets asked, and those that answered with anything. */
  readonly buckets: number;
  readonly answered: number;
}
