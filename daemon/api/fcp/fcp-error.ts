/**
 * What FCP says when something cannot be: the numbers of its three error messages, and which of them stands for which error of ours.
 *
 * Shape   FcpError is answered as ProtocolError (fatal: then the connection ends). getFailure and putFailure give Code, texts and Fatal of
 *         GetFailed and PutFailed for a UserErrorCode.
 * Why     clients match numbers; the texts are ours and say what to do next.
 * Source  Freenet's ProtocolErrorMessage, FetchException and InsertException.
 * @module
 */
import { USER_ERRORS, type UserErrorCode } from '../../errors.ts';

export const PROTOCOL_ERROR = {
  helloFirst: 1,
  lateHello: 2,
  parse: 3,
  uri: 4,
  missingField: 5,
  number: 6,
  invalidMessage: 7,
  invalidField: 8,
  fileNotFound: 9,
  targetExists: 10,
  cannotCreate: 12,
  cannotWrite: 13,
  noSuchIdentifier: 15,
  notSupported: 16,
  internal: 17,
  shuttingDown: 18,
  url: 20,
  nodeRef: 21,
  refFile: 22,
  notAFile: 23,
  accessDenied: 24,
  ddaDenied: 25,
  cannotRead: 26,
  refSignature: 27,
  ownRef: 28,
  duplicatePeer: 29,
  noPlugin: 32,
  tooManyFiles: 34,
  mimeType: 35,
  wrongReturnType: 36,
  io: 37,
} as const;
export type ProtocolErrorName = keyof typeof PROTOCOL_ERROR;

const DESCRIPTIONS: Readonly<Record<ProtocolErrorName, string>> = {
  helloFirst: 'ClientHello must be the first message',
  lateHello: 'ClientHello was sent already',
  parse: 'the message does not parse',
  uri: 'that is not a usable key',
  missingField: 'a field is missing',
  number: 'a field is not a number',
  invalidMessage: 'no such message',
  invalidField: 'a field has an impossible value',
  fileNotFound: 'there is no such file',
  targetExists: 'the target file exists',
  cannotCreate: 'the file cannot be made',
  cannotWrite: 'the file cannot be written',
  noSuchIdentifier: 'no request has this Identifier',
  notSupported: 'Holloway does not do this',
  internal: 'something went wrong inside Holloway',
  shuttingDown: 'the node is stopping',
  url: 'that is not a usable address',
  nodeRef: 'that is not a usable invite or descriptor',
  refFile: 'the file with the invite cannot be read',
  notAFile: 'that is not a file',
  accessDenied: 'this client may not do that',
  ddaDenied: 'the directory was not opened with TestDDARequest',
  cannotRead: 'the file cannot be read',
  refSignature: 'the signature of the descriptor does not verify',
  ownRef: 'that is this node itself',
  duplicatePeer: 'that peer is known already',
  noPlugin: 'there are no plugins here',
  tooManyFiles: 'too many files or requests',
  mimeType: 'the MIME type does not parse',
  wrongReturnType: 'the ReturnType does not fit this request',
  io: 'reading or writing failed',
};

export interface FcpErrorOptions {
  readonly fatal?: boolean;
  /** The fields of the message that is to blame: its Identifier and Global are echoed. */
  readonly of?: ReadonlyMap<string, string>;
  /** In place of the Identifier (TestDDA). */
  readonly identifier?: string;
}

/** An answer to this client and no more: never ends anything but its own message, or with `fatal` the connection. */
export class FcpError extends Error {
  readonly kind: ProtocolErrorName;
  readonly extra: string | undefined;
  readonly fatal: boolean;
  readonly of: ReadonlyMap<string, string> | undefined;
  readonly identifier: string | undefined;

  constructor(kind: ProtocolErrorName, extra?: string, options: FcpErrorOptions = {}) {
    super(DESCRIPTIONS[kind]);
    this.name = 'FcpError';
    this.kind = kind;
    this.extra = extra;
    this.fatal = options.fatal ?? false;
    this.of = options.of;
    this.identifier = options.identifier;
  }

  /** Fields of the ProtocolError message. */
  fields(message?: ReadonlyMap<string, string>): Record<string, string | number | boolean | undefined> {
    const from = this.of ?? message;
    return {
      Code: PROTOCOL_ERROR[this.kind],
      CodeDescription: DESCRIPTIONS[this.kind],
      ExtraDescription: this.extra,
      Fatal: this.fatal,
      Global: from?.get('Global')?.trim().toLowerCase() === 'true',
      Identifier: this.identifier ?? from?.get('Identifier'),
    };
  }
}

interface Failure {
  readonly Code: number;
  readonly CodeDescription: string;
  readonly ShortCodeDescription: string;
  readonly ExtraDescription: string;
  readonly Fatal: boolean;
}

type Row = readonly [code: number, short: string, fatal: boolean];

/** Fatal: the same request will never succeed. */
const GET_FAILURES: Partial<Record<UserErrorCode, Row>> = {
  bad_uri: [20, 'Invalid URI', true],
  bad_manifest: [4, 'Invalid metadata', true],
  not_found: [13, 'Data not found', false],
  recently_failed: [30, 'Recently failed', false],
  incomplete: [28, 'Not all data was found', false],
  stalled: [18, 'Transfer failed', false],
  verify_failed: [34, 'Hash failed', true],
  too_large: [21, 'Too big', true],
  is_folder: [24, 'Not enough path components', true],
  cancelled: [25, 'Cancelled', true],
  no_route: [14, 'Route not found', false],
  offline: [14, 'Route not found', false],
  connecting: [14, 'Route not found', false],
  relays_silent: [14, 'Route not found', false],
  overloaded: [15, 'Rejected for overload', false],
  busy: [15, 'Rejected for overload', false],
  disk_full: [37, 'Not enough disk space', true],
  disk_read_only: [12, 'Cannot write', true],
  disk_failed: [12, 'Cannot write', true],
  no_write: [12, 'Cannot write', true],
} as Partial<Record<UserErrorCode, Row>>;

const PUT_FAILURES: Partial<Record<UserErrorCode, Row>> = {
  bad_uri: [1, 'Invalid URI', true],
  usage: [1, 'Invalid URI', true],
  no_file: [2, 'Cannot read', true],
  disk_full: [2, 'Not enough disk space', true],
  disk_failed: [2, 'Cannot read', true],
  collision: [9, 'Collision', true],
  cancelled: [10, 'Cancelled', true],
  too_large: [14, 'Too big', true],
  publish_failed: [7, 'Too many retries', false],
  stalled: [7, 'Too many retries', false],
  no_route: [5, 'Route not found', false],
  offline: [5, 'Route not found', false],
  connecting: [5, 'Route not found', false],
  relays_silent: [5, 'Route not found', false],
  overloaded: [4, 'Rejected for overload', false],
  busy: [4, 'Rejected for overload', false],
} as Partial<Record<UserErrorCode, Row>>;

const INTERNAL: Readonly<Record<'get' | 'put', Row>> = {
  get: [17, 'Internal error', true],
  put: [3, 'Internal error', true],
};

/** Codes that a client of FCP may see for any failure of ours; anything without a number of its own is an internal error. */
export function failureOf(operation: 'get' | 'put', code: UserErrorCode, detail: string | undefined): Failure {
  const table = operation === 'get' ? GET_FAILURES : PUT_FAILURES;
  const [number, short, fatal] = table[code] ?? INTERNAL[operation];
  const { what, next } = USER_ERRORS[code];
  return {
    Code: number,
    CodeDescription: what,
    ShortCodeDescription: short,
    ExtraDescription: detail === undefined ? next : `${detail}; ${next}`,
    Fatal: fatal,
  };
}
