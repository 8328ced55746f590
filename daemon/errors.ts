/**
 * Every error a user, a program or a peer can meet: one table, three surfaces.
 *
 * Shape   USER_ERRORS: code -> exit code, HTTP status, what, cause, next. LocalError carries such a code from the inside out;
 *         ProtocolError is bad input from a peer and closes its link.
 * Why     tests, logs and scripts match codes, never sentences; the CLI, the gateway and the dashboard say the same.
 *         No text here is filled with a URI, a key or an origin: `detail` may hold only what the same user just typed.
 * Source  ux § 2.1 and § 3.5, style § 5.
 * @module
 */

interface ErrorRow {
  readonly exit: number;
  readonly http: number;
  readonly what: string;
  readonly cause: string;
  readonly next: string;
}

export const USER_ERRORS = {
  internal: {
    exit: 1,
    http: 500,
    what: 'something went wrong inside Holloway',
    cause: 'a fault of ours, not of your input',
    next: 'run again with --debug and report what it prints (it holds no keys)',
  },
  usage: {
    exit: 2,
    http: 400,
    what: 'the command line is not understood',
    cause: 'an unknown command, flag or value',
    next: 'holloway COMMAND --help',
  },
  bad_uri: {
    exit: 2,
    http: 400,
    what: 'that is not a usable key',
    cause: 'a part is missing, too long, or has a wrong character',
    next: 'copy the key again from its source, whole',
  },
  bad_invite: {
    exit: 2,
    http: 400,
    what: 'that is not a usable invite',
    cause: 'it was cut off or changed on the way',
    next: 'copy the invite again, whole: it is one line',
  },
  invite_expired: {
    exit: 7,
    http: 410,
    what: 'the invite is no longer valid',
    cause: 'invites end at a set time',
    next: 'ask for a new one; whoever invites runs: holloway peer invite --expires 24h',
  },
  bad_config: {
    exit: 2,
    http: 400,
    what: 'the configuration is not usable',
    cause: 'an unknown key or a value out of range',
    next: 'holloway config list shows every setting with its range',
  },
  daemon_unreachable: {
    exit: 3,
    http: 503,
    what: 'no daemon answers',
    cause: 'it is not running, or runs with another home',
    next: 'holloway start',
  },
  not_found: {
    exit: 4,
    http: 404,
    what: 'not found: nobody reached by this search has this key',
    cause: 'it was never published, has faded, or its holders are offline',
    next: 'try again later, or ask its author to publish it again',
  },
  is_folder: {
    exit: 2,
    http: 400,
    what: 'the key is of a folder',
    cause: 'one file was asked for, and no default document stands for the folder',
    next: 'name a file in it: KEY/path; holloway ls KEY lists them',
  },
  recently_failed: {
    exit: 4,
    http: 404,
    what: 'not found a moment ago',
    cause: 'the same key failed recently, so the network answers at once',
    next: 'wait the time shown, then try again',
  },
  incomplete: {
    exit: 5,
    http: 504,
    what: 'only part of the document arrived',
    cause: 'too few blocks of a segment could be found',
    next: 'run the same command again',
  },
  stalled: {
    exit: 5,
    http: 504,
    what: 'the transfer stalled',
    cause: 'no block arrived for the stall limit',
    next: 'run the same command again',
  },
  cancelled: {
    exit: 5,
    http: 504,
    what: 'the transfer was cancelled',
    cause: 'you or another program asked for it',
    next: 'run the same command again',
  },
  timeout: {
    exit: 5,
    http: 504,
    what: 'the time given with --timeout is over',
    cause: 'the network was slower than that',
    next: 'run the same command again, with a longer --timeout',
  },
  publish_failed: {
    exit: 5,
    http: 504,
    what: 'the document is not fully published',
    cause: 'some blocks found no node that acknowledged them',
    next: 'run the same command again',
  },
  unknown_key: {
    exit: 4,
    http: 404,
    what: 'the key ring has no key of that name',
    cause: 'it was never made here, or was removed',
    next: 'holloway key list',
  },
  key_exists: {
    exit: 7,
    http: 409,
    what: 'the key ring has a key of that name',
    cause: 'nothing is overwritten: a lost key cannot be made again',
    next: 'choose another name, or export and remove the old one first',
  },
  locked: {
    exit: 7,
    http: 403,
    what: 'the key is sealed with a passphrase',
    cause: 'it was not opened in the last ten minutes',
    next: 'run the command on a terminal, or with --passphrase-file',
  },
  wrong_passphrase: {
    exit: 7,
    http: 403,
    what: 'the passphrase does not open the key',
    cause: 'it is mistyped, or of another key',
    next: 'try again',
  },
  outdated: {
    exit: 5,
    http: 504,
    what: 'only an older edition than one read before was found',
    cause: 'the nodes asked are behind, or hold the newer one back',
    next: 'try again in a minute',
  },
  collision: {
    exit: 7,
    http: 409,
    what: 'something else stands under that name already',
    cause: 'the first record under a name stays, whoever published it',
    next: 'take another name or word, or a site (USK), whose editions count up',
  },
  verify_failed: {
    exit: 6,
    http: 502,
    what: 'the bytes did not match the key',
    cause: 'damaged or forged data; nothing of it was kept',
    next: 'try again: another route is taken',
  },
  bad_manifest: {
    exit: 6,
    http: 502,
    what: 'the document describes itself wrongly',
    cause: 'its manifest breaks a limit or contradicts itself',
    next: 'ask its author to publish it again',
  },
  exists: {
    exit: 7,
    http: 409,
    what: 'the output file exists',
    cause: 'nothing is overwritten unasked',
    next: 'choose another name with -o, or --force',
  },
  private_data: {
    exit: 7,
    http: 409,
    what: 'the file says more than it shows',
    cause: 'it carries data about its author, and --strict was given',
    next: 'leave out --strict, or take it out: --strip does that for JPEG and PNG',
  },
  read_only: {
    exit: 7,
    http: 403,
    what: 'this socket is read-only',
    cause: 'it may look, not change',
    next: 'use the socket named in `holloway config path`',
  },
  too_large: {
    exit: 7,
    http: 413,
    what: 'larger than allowed',
    cause: 'a size limit was reached',
    next: 'raise --max-size if you trust the source',
  },
  busy: {
    exit: 7,
    http: 429,
    what: 'too much at once',
    cause: 'a limit on work in progress was reached',
    next: 'wait for a transfer to end, then try again',
  },
  unsafe_content: {
    exit: 7,
    http: 403,
    what: 'this cannot be shown safely',
    cause: 'the content filter could not make it harmless',
    next: 'look at it as text, or download it',
  },
  cross_site: {
    exit: 7,
    http: 403,
    what: 'another site asked for this',
    cause: 'web pages may not probe or use the gateway behind your back',
    next: 'open the address yourself, by typing or pasting it',
  },
  bad_host: {
    exit: 7,
    http: 421,
    what: 'the gateway does not go by that name',
    cause: 'the Host of the request is not an address it listens on',
    next: 'use http://127.0.0.1:PORT/',
  },
  bad_method: {
    exit: 7,
    http: 405,
    what: 'the gateway only shows things',
    cause: 'it answers GET and HEAD',
    next: 'publish with the command line: holloway publish FILE',
  },
  no_token: {
    exit: 7,
    http: 401,
    what: 'the gateway wants its access token',
    cause: 'it listens to more than this machine',
    next: 'give the token as password, with any user name',
  },
  not_local: {
    exit: 7,
    http: 412,
    what: 'not held here',
    cause: 'the request allows no search in the network',
    next: 'ask again without Cache-Control: only-if-cached',
  },
  bad_range: {
    exit: 7,
    http: 416,
    what: 'that range lies outside the document',
    cause: 'it begins after the last byte',
    next: 'ask for bytes below the size given in Content-Range',
  },
  no_page: {
    exit: 7,
    http: 404,
    what: 'there is no such page',
    cause: 'the address names neither a key nor a page of the gateway',
    next: 'paste a key on the home page',
  },
  unknown_transfer: {
    exit: 2,
    http: 404,
    what: 'there is no transfer of that id',
    cause: 'it was removed, or the id is mistyped',
    next: 'holloway transfers lists them',
  },
  running: {
    exit: 8,
    http: 409,
    what: 'already running',
    cause: 'a daemon holds the lock of this home',
    next: 'holloway status, or another --home',
  },
  no_file: {
    exit: 8,
    http: 400,
    what: 'the file cannot be read',
    cause: 'it is missing, not a file, or not yours to read',
    next: 'check the path',
  },
  no_write: {
    exit: 8,
    http: 400,
    what: 'the output cannot be written there',
    cause: 'its folder is missing or not yours to write, or the name is of something else than a file',
    next: 'choose another place with -o',
  },
  bad_home: {
    exit: 8,
    http: 500,
    what: 'the home directory is not usable',
    cause: 'it cannot be made, or others can read the keys in it',
    next: 'chmod 700 it, or choose another --home',
  },
  other_network: {
    exit: 8,
    http: 500,
    what: 'this home holds the data of another network',
    cause: 'blocks and identity of one network never go to another',
    next: 'set network.name back, or choose another --home for the other network',
  },
  port_in_use: {
    exit: 8,
    http: 500,
    what: 'the address is taken',
    cause: 'another program listens there',
    next: 'choose another port, or stop that program',
  },
  listen_failed: {
    exit: 8,
    http: 500,
    what: 'cannot listen on the address',
    cause: 'this machine does not have it, or forbids it',
    next: 'check network.listen',
  },
  disk_full: {
    exit: 8,
    http: 507,
    what: 'the disk is full',
    cause: 'no room for another write',
    next: 'free some space; the daemon goes on by itself',
  },
  disk_read_only: {
    exit: 8,
    http: 507,
    what: 'the disk refuses writes',
    cause: 'it is mounted read-only',
    next: 'remount it; the daemon goes on by itself',
  },
  disk_failed: {
    exit: 8,
    http: 507,
    what: 'the disk failed',
    cause: 'the system reported an input/output error',
    next: 'check the disk; the daemon goes on by itself',
  },
  store_format: {
    exit: 8,
    http: 500,
    what: 'the store is not readable by this version',
    cause: 'a newer Holloway wrote it, or it is not a store',
    next: 'upgrade Holloway, or choose another --home',
  },
  bad_passphrase: {
    exit: 8,
    http: 500,
    what: 'the store cannot be unsealed',
    cause: 'its passphrase is missing or wrong',
    next: 'check store.passphrase_file; without the passphrase nothing in the store can be read',
  },
  offline: {
    exit: 9,
    http: 503,
    what: 'no usable network yet',
    cause: 'no peer is connected',
    next: 'holloway status names the reason',
  },
  connecting: {
    exit: 9,
    http: 503,
    what: 'still connecting',
    cause: 'too few relays are known for a circuit of three',
    next: 'wait a few seconds; holloway status shows progress',
  },
  relays_silent: {
    exit: 9,
    http: 503,
    what: 'no circuit held',
    cause: 'the relays that were tried did not answer, or ended it',
    next: 'run the same command again: other relays are tried then',
  },
  overloaded: {
    exit: 9,
    http: 503,
    what: 'the network is overloaded',
    cause: 'every route refused for load',
    next: 'try again in a minute',
  },
  no_route: {
    exit: 9,
    http: 503,
    what: 'no route to the place of this key',
    cause: 'the exits reached had no peer to hand it to',
    next: 'try again; holloway status shows peers',
  },
} as const satisfies Record<string, ErrorRow>;

export type UserErrorCode = keyof typeof USER_ERRORS;

/** An expected failure on its way to a person: a row of the table plus what only this case knows. */
export class LocalError extends Error {
  readonly code: UserErrorCode;
  /** One extra sentence for this case; may repeat the user's own input, never anybody else's. */
  readonly detail: string | undefined;

  constructor(code: UserErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? USER_ERRORS[code].what : `${USER_ERRORS[code].what}: ${detail}`, options);
    this.name = 'LocalError';
    this.code = code;
    this.detail = detail;
  }
}

/** Why a peer's bytes were refused. The peer never learns which. */
export const PROTOCOL_ERRORS = {
  ERR_MALFORMED: 'the bytes do not parse',
  ERR_FIELD: 'a field is missing, of the wrong type, or out of its bounds',
  ERR_VERSION: 'no version in common',
  ERR_HANDSHAKE: 'the handshake does not verify',
  ERR_RECORD: 'a link record does not verify',
  ERR_SIGNATURE: 'a signature does not verify',
  ERR_BINDING: 'a location or address is not what its owner may claim',
  ERR_EXPIRED: 'a descriptor is too old, or from the future',
  ERR_BLOCK: 'a block does not match its key',
  ERR_UNEXPECTED: 'a message that nothing asked for',
  ERR_LIMIT: 'a cap of ours was reached',
  ERR_PEER_SILENT: 'nothing was heard for too long',
  ERR_DIAL: 'the connection could not be made',
  ERR_CLOSED: 'the link is closed',
} as const;
export type ProtocolErrorCode = keyof typeof PROTOCOL_ERRORS;

/** Bad input from outside the machine: closes the link it came from, never the process. */
export class ProtocolError extends Error {
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string = PROTOCOL_ERRORS[code], options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProtocolError';
    this.code = code;
  }
}

/** A broken invariant of ours. No bytes from a peer may reach one. */
export function assert(holds: boolean, invariant: string): asserts holds {
  if (!holds) throw new Error(`invariant broken: ${invariant}`);
}
