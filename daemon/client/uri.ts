/**
 * Keys as people see and paste them: CHK@, SSK@, USK@ and KSK@, in Freenet's text form with fields of our own.
 *
 * Shape   TYPE@<43>,<43>,<7>[/part...]: 32-byte first key, 32-byte crypto key, 5 extra bytes (0x48, cipher 1, type, codec, format 1).
 *         SSK: the first part after the slash is the document's name. USK: site, then edition. KSK@word[/part...].
 * Errors  LocalError bad_uri for anything else; its detail says which part is wrong, where, and what to do. It quotes at most one
 *         printable character of the input.
 * Why     a key comes through mail, chat and shells: prefixes, gateway addresses, line breaks, spaces, percent signs and a trailing dot or
 *         slash are forgiven. Spare bits are not: each key has exactly one spelling, else lists and caches would hold it twice.
 * Source  design § 6, formats.md "URI extra"; what clients send: Freenet's FreenetURI and FCP.
 * @module
 */
import { LocalError } from '../errors.ts';
import { ROUTING_KEY_BYTES, type RoutingKey, routingKey } from '../ids.ts';
import { URI_CHARACTERS_MAX } from '../limits.ts';
import { charactersFor, decodeKeyText, encodeKeyText, findForeignCharacter } from './base64.ts';

/** Byte 2 of the extra field: what the key names, and what may be done with it. */
export const URI_KEY_TYPE = { data: 0, manifest: 1, request: 2, insert: 3, pointer: 4 } as const;
export const CODEC = { none: 0, zstd: 1 } as const;
export type Codec = (typeof CODEC)[keyof typeof CODEC];

interface KeyFields {
  readonly cryptoKey: Uint8Array; // 32
  readonly codec: Codec;
  /** Names below the document, outermost first: a path inside a manifest. */
  readonly path: readonly string[];
}

export interface ChkUri extends KeyFields {
  readonly type: 'CHK';
  readonly routingKey: RoutingKey;
  readonly keyType: 0 | 1;
}

/** `subspace` is SHA-256 of the public key; in insert form it is the private seed. */
export interface SskUri extends KeyFields {
  readonly type: 'SSK';
  readonly subspace: Uint8Array; // 32
  readonly keyType: 2 | 3;
  /** Empty for the subspace itself. */
  readonly name: string;
}

export interface UskUri extends KeyFields {
  readonly type: 'USK';
  readonly subspace: Uint8Array; // 32
  readonly keyType: 2 | 3 | 4;
  readonly site: string;
  /** Negative: look for the newest, and wait for it. */
  readonly edition: number;
}

export interface KskUri {
  readonly type: 'KSK';
  readonly word: string; // NFC
  readonly path: readonly string[];
}

export type Uri = ChkUri | SskUri | UskUri | KskUri;

const EXTRA_BYTES = 5;
const EXTRA_MARK = 0x48; // 'H': Freenet's own nodes refuse it instead of misreading it
const CIPHER = 1;
const FORMAT = 1;
/** A pointer's version has at most 48 bits (formats.md). */
const EDITION_MAX = 2 ** 48;
const KEY_TYPES: Readonly<Record<'CHK' | 'SSK' | 'USK', readonly number[]>> = {
  CHK: [URI_KEY_TYPE.data, URI_KEY_TYPE.manifest],
  SSK: [URI_KEY_TYPE.request, URI_KEY_TYPE.insert],
  // Clients make USKs by rewriting the letters of an SSK, so its extra stays as it was.
  USK: [URI_KEY_TYPE.request, URI_KEY_TYPE.insert, URI_KEY_TYPE.pointer],
};

export function parseUri(text: string): Uri {
  if (text.length > URI_CHARACTERS_MAX)
    fail(`it has ${text.length} characters; no key has more than ${URI_CHARACTERS_MAX}`);
  if (!text.isWellFormed()) fail('it holds half of a character: copy it again as plain text');
  const bare = unwrap(text);
  const at = bare.indexOf('@');
  if (at < 0) fail(missingTypeHint(bare, text));
  const type = bare.slice(0, at).replace(/\s+/g, '').toUpperCase();
  const rest = bare.slice(at + 1);
  switch (type) {
    case 'KSK':
      return parseKsk(rest);
    case 'CHK':
    case 'SSK':
    case 'USK':
      return parseKeyed(type, rest);
    default:
      return fail('it begins with none of CHK@, SSK@, USK@ and KSK@');
  }
}

/** The one spelling of a key; `parseUri` gives the same value back. */
export function printUri(uri: Uri): string {
  if (uri.type === 'KSK') return `KSK@${[uri.word, ...uri.path].map(encodePart).join('/')}`;
  const extra = Uint8Array.of(EXTRA_MARK, CIPHER, uri.keyType, uri.codec, FORMAT);
  const first = uri.type === 'CHK' ? uri.routingKey : uri.subspace;
  const keys = [first, uri.cryptoKey, extra].map(encodeKeyText).join(',');
  const names =
    uri.type === 'SSK' && uri.name !== '' ? [uri.name] : uri.type === 'USK' ? [uri.site, `${uri.edition}`] : [];
  return [`${uri.type}@${keys}`, ...[...names, ...uri.path].map(encodePart)].join('/');
}

/** Takes off what surrounds a pasted key: quotes, line breaks, gateway address, scheme, query. */
function unwrap(text: string): string {
  let rest = text
    .replace(/[\r\n\t]+ */g, '')
    .trim()
    .replace(/^[<"'([]+/, '')
    .trimStart();
  const gateway = /^https?:\/\/[^/?#]*/i.exec(rest);
  if (gateway !== null) rest = rest.slice(gateway[0].length).replace(/#.*$/s, '');
  const asked = /^\/*\?(?:[^&]*&)*?key=([^&]*)/i.exec(rest);
  if (asked !== null) rest = asked[1]!;
  // A whole key percent-encoded once, as browsers do in a query.
  if (!rest.includes('@') && /%40/i.test(rest)) rest = decodePart(rest);
  rest = rest.replace(/^\/+/, '');
  for (let scheme = SCHEME.exec(rest); scheme !== null; scheme = SCHEME.exec(rest)) rest = rest.slice(scheme[0].length);
  const query = rest.indexOf('?');
  return query < 0 ? rest : rest.slice(0, query);
}

const SCHEME = /^\s*(?:web\+|ext\+)?(?:freenet|hyphanet|hypha|holloway)\s*:\/{0,2}/i;

function parseKeyed(type: 'CHK' | 'SSK' | 'USK', rest: string): Uri {
  const [head, ...tail] = rest.split('/');
  const fields = head!
    .replace(/%2c/gi, ',')
    .replace(/%7e/gi, '~')
    .replace(/%2d/gi, '-')
    .replace(/\s+/g, '')
    .replace(tail.length === 0 ? /[.,;:!)\]>'"]+$/ : /[,.]+$/, '')
    .split(',');
  if (fields.length === 1 && fields[0] === '') fail(`nothing follows ${type}@: the key itself is missing`);
  if (fields.length > 3) fail(`${type}@ has three parts with commas between them, here are ${fields.length}`);
  const first = decodeField(fields[0]!, 'first part', ROUTING_KEY_BYTES, fields.length === 1);
  if (fields.length < 2) fail('the second and third part are missing: the end of the key was cut off');
  const cryptoKey = decodeField(fields[1]!, 'second part', 32, fields.length === 2);
  if (fields.length < 3) fail('the third part (7 characters) is missing: the end of the key was cut off');
  const { keyType, codec } = readExtra(type, decodeField(fields[2]!, 'third part', EXTRA_BYTES, tail.length === 0));
  const parts = tail.map(decodePart).filter((part) => part !== '');
  const common = { cryptoKey, codec };
  if (type === 'CHK') return { type, routingKey: routingKey(first), keyType: keyType as 0 | 1, ...common, path: parts };
  if (type === 'SSK') {
    const [name = '', ...path] = parts;
    return { type, subspace: first, keyType: keyType as 2 | 3, ...common, name, path };
  }
  const [site, edition, ...path] = parts;
  if (site === undefined) fail('USK@ needs a site name and an edition after the key: USK@.../site/0/');
  return {
    type,
    subspace: first,
    keyType: keyType as 2 | 3 | 4,
    ...common,
    site: site!,
    edition: readEdition(edition),
    path,
  };
}

function parseKsk(rest: string): KskUri {
  const [word = '', ...path] = rest
    .split('/')
    .map(decodePart)
    .map((part) => part.normalize('NFC'))
    .filter((part) => part !== '');
  if (word === '') fail('KSK@ needs a word after it: KSK@word');
  return { type: 'KSK', word, path };
}

/** @param last nothing follows this part, so that a short one was probably cut off */
function decodeField(text: string, name: string, byteCount: number, last: boolean): Uint8Array {
  const wanted = charactersFor(byteCount);
  const foreign = findForeignCharacter(text);
  if (foreign >= 0)
    fail(`${show(text, foreign)} at position ${foreign + 1} of the ${name} ${foreignHint(text, foreign)}`);
  const missing = wanted - text.length;
  if (missing > 0) {
    const repair = last ? 'the end of the key was cut off' : 'some of it was lost while copying';
    fail(`the ${name} has ${text.length} of ${wanted} characters, ${missing} too short: ${repair}`);
  }
  if (missing < 0)
    fail(
      `the ${name} has ${text.length} characters, ${-missing} too long (it has ${wanted}): something was added to it`,
    );
  return decodeKeyText(text) ?? fail(`the last character of the ${name} cannot stand there: it was probably mistyped`);
}

function readExtra(type: 'CHK' | 'SSK' | 'USK', extra: Uint8Array): { keyType: number; codec: Codec } {
  const [mark, cipher, keyType, codec, format] = extra as unknown as [number, number, number, number, number];
  if (mark === 0 || mark === 1)
    fail('the third part is that of a Freenet (Hyphanet) key: only its own nodes can fetch it');
  if (mark !== EXTRA_MARK)
    fail('the third part does not begin like that of any Holloway key: it was probably mistyped');
  if (cipher !== CIPHER || format !== FORMAT)
    fail('the third part asks for a cipher or format unknown here: mistyped, or made by a newer Holloway');
  if (!KEY_TYPES[type].includes(keyType))
    fail(`the third part belongs to another kind of key than ${type}@: mistyped, or the letters before @ were changed`);
  if (codec !== CODEC.none && codec !== CODEC.zstd)
    fail('the third part names an unknown compression: mistyped, or made by a newer Holloway');
  return { keyType, codec: codec as Codec };
}

function readEdition(text: string | undefined): number {
  if (text === undefined) fail('the edition is missing: USK@.../site/0/ (or -1 for the newest)');
  const edition = /^-?\d{1,15}$/.test(text!) ? Number(text) : Number.NaN;
  if (!(Math.abs(edition) <= EDITION_MAX)) fail('the edition after the site name is not a whole number in range');
  return edition === 0 ? 0 : edition; // "-0" is 0
}

function decodePart(part: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(part);
  } catch {
    return fail(
      'a % sign in it is not followed by two hexadecimal digits of UTF-8 text: write %25 for the sign itself',
    );
  }
  if (/[\u0000-\u001f\u007f]/.test(plain)) fail('a name in it holds a control character');
  return plain;
}

/** Marks at the very end could be taken for punctuation of the sentence around the key, so all of them are spelled out. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(/[.!'()*]/g, (mark) =>
    mark === '.' && !part.endsWith('.') ? mark : `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function missingTypeHint(text: string, given: string): string {
  if (/^\s*https?:\/\//i.test(given)) return 'it is a web address, and no key stands in it';
  if (given.trim() === '') return 'nothing was given';
  if (text.trim() === '') return 'there is no key in it';
  const looksLikeKey = text.includes(',') && findForeignCharacter(text.slice(0, text.indexOf(','))) < 0;
  return looksLikeKey
    ? 'its beginning (CHK@, SSK@, USK@ or KSK@) is missing'
    : 'it has no @: a key begins with CHK@, SSK@, USK@ or KSK@';
}

function show(text: string, at: number): string {
  const character = text[at]!;
  if (character > ' ' && character <= '~') return `the character ${character}`;
  return `the character U+${text.codePointAt(at)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

function foreignHint(text: string, at: number): string {
  const character = text[at]!;
  if (character === '…' || text.startsWith('...', at))
    return 'shows that the key was shortened for display: copy it whole';
  if (character === '_' || character === '+') return 'is of another base64: keys have ~ and - in its place';
  if (character === '@') return 'begins a second key: give one at a time';
  return 'is not one of A-Z a-z 0-9 ~ -';
}

function fail(detail: string): never {
  throw new LocalError('bad_uri', detail);
}
