/**
 * FCPv2 messages as bytes: a name line, `key=value` lines, a terminator line, and after `Data` so many raw bytes.
 *
 * Shape   encodeMessage writes LF and UTF-8. MessageReader pulls messages out of a byte stream; the bytes of one message are read to
 *         their end, or skipped, before the next is given.
 * Unit    a line has at most FCP_LINE_BYTES_MAX bytes, a name FCP_NAME_BYTES_MAX, a message FCP_MESSAGE_BYTES_MAX before its data.
 * Errors  FcpError parse: `fatal` where the place of the next message is not known any more.
 * Why     pulled, not pushed: while nobody asks for more, the socket is not read, and a client is slowed instead of buffered.
 * Source  Freenet's FCPv2 as its clients speak it: CRLF, blank lines, stray `EndMessage` lines and glued lines are forgiven.
 * @module
 */
import { FCP_LINE_BYTES_MAX, FCP_MESSAGE_BYTES_MAX, FCP_NAME_BYTES_MAX } from '../../limits.ts';
import { FcpError } from './fcp-error.ts';

export type FieldValue = string | number | boolean | undefined;

export interface FcpMessage {
  readonly name: string;
  /** Later lines win over earlier ones with the same key. */
  readonly fields: ReadonlyMap<string, string>;
  /** Bytes that follow the message; undefined where it ended with EndMessage. */
  readonly dataLength: number | undefined;
}

/** Values lose their line ends: one field can never become two. Undefined ones are left out. */
export function encodeMessage(name: string, fields: Readonly<Record<string, FieldValue>>, dataLength?: number): Buffer {
  const lines = [name];
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) lines.push(`${key}=${String(value).replace(/[\r\n\0]+/g, ' ')}`);
  }
  if (dataLength === undefined) lines.push('EndMessage');
  else lines.push(`DataLength=${dataLength}`, 'Data');
  return Buffer.from(`${lines.join('\n')}\n`, 'utf8');
}

const LF = 0x0a;
const UTF8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

export class MessageReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Bytes of the last message's data that nobody has read. */
  #dataLeft = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next message, or undefined at the end of the stream (also within a message: there is nobody left to tell). */
  async next(): Promise<FcpMessage | undefined> {
    while (this.#dataLeft > 0) if ((await this.#takeData()) === undefined) return undefined;
    let name: string | undefined;
    // A stray terminator after data, and blank lines, stand between messages of some clients.
    do name = await this.#line();
    while (name !== undefined && (name.trim() === '' || name.trim() === 'EndMessage'));
    if (name === undefined) return undefined;
    name = name.trim();
    return this.#rest(name);
  }

  async #rest(name: string): Promise<FcpMessage | undefined> {
    const fields = new Map<string, string>();
    let bytes = name.length;
    for (;;) {
      const line = await this.#line();
      if (line === undefined) return undefined;
      bytes += line.length + 1;
      if (bytes > FCP_MESSAGE_BYTES_MAX) throw new FcpError('parse', 'the message is too long', { fatal: true });
      const equals = line.indexOf('=');
      if (equals > 0) {
        const [key, value] = readField(line, equals);
        fields.set(key, value);
        continue;
      }
      const terminator = line.trim();
      if (terminator === '') continue;
      if (Buffer.byteLength(name) > FCP_NAME_BYTES_MAX)
        throw new FcpError('parse', 'the name of the message is too long');
      if (terminator === 'EndMessage' || terminator === 'End') return { name, fields, dataLength: undefined };
      if (terminator === 'Data') return { name, fields, dataLength: this.#beginData(fields) };
      throw new FcpError('parse', 'a line is neither a field nor EndMessage nor Data', { of: fields });
    }
  }

  #beginData(fields: ReadonlyMap<string, string>): number | undefined {
    const text = fields.get('DataLength');
    const length = text === undefined ? Number.NaN : readSize(text);
    // ClientPutComplexDir says the length of each file instead, and the bytes follow one another.
    const sum = text === undefined ? sumOfFiles(fields) : length;
    if (!Number.isSafeInteger(sum)) {
      throw new FcpError('parse', 'Data without a usable DataLength', { of: fields, fatal: true });
    }
    this.#dataLeft = sum;
    return sum;
  }

  /** The data of the message that was given last. Ends early only when the stream does: then it throws. */
  async *data(length: number): AsyncGenerator<Uint8Array> {
    let left = Math.min(length, this.#dataLeft);
    while (left > 0) {
      const bytes = await this.#takeData(left);
      if (bytes === undefined) throw new FcpError('io', 'the connection ended within the data', { fatal: true });
      left -= bytes.length;
      yield bytes;
    }
  }

  async #takeData(max = this.#dataLeft): Promise<Uint8Array | undefined> {
    if (this.#buffer.length === 0 && !(await this.#fill())) return undefined;
    const bytes = this.#buffer.subarray(0, Math.min(this.#dataLeft, max));
    this.#buffer = this.#buffer.subarray(bytes.length);
    this.#dataLeft -= bytes.length;
    return bytes;
  }

  async #line(): Promise<string | undefined> {
    let searched = 0;
    for (;;) {
      const end = this.#buffer.indexOf(LF, searched);
      if (end > FCP_LINE_BYTES_MAX || (end < 0 && this.#buffer.length > FCP_LINE_BYTES_MAX)) {
        throw new FcpError('parse', `a line is longer than ${FCP_LINE_BYTES_MAX} bytes`, { fatal: true });
      }
      if (end >= 0) {
        const line = this.#buffer.subarray(0, this.#buffer[end - 1] === 0x0d ? end - 1 : end);
        this.#buffer = this.#buffer.subarray(end + 1);
        return UTF8.decode(line);
      }
      searched = this.#buffer.length;
      if (!(await this.#fill())) return undefined;
    }
  }

  async #fill(): Promise<boolean> {
    if (this.#ended) return false;
    const { done, value } = await this.#source.next();
    if (done === true) {
      this.#ended = true;
      return false;
    }
    this.#buffer =
      this.#buffer.length === 0
        ? Buffer.from(value.buffer, value.byteOffset, value.length)
        : Buffer.concat([this.#buffer, value]);
    return true;
  }
}

/** `key==value`: the value is Base64. */
function readField(line: string, equals: number): [key: string, value: string] {
  const key = line.slice(0, equals).trim();
  const value = line.slice(equals + 1);
  if (!value.startsWith('=') || !/^=[A-Za-z0-9+/~-]*=*$/.test(value)) return [key, value];
  const bytes = Buffer.from(value.slice(1).replace(/~/g, '+').replace(/-/g, '/'), 'base64');
  return [key, UTF8.decode(bytes)];
}

function readSize(text: string): number {
  return /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
}

function sumOfFiles(fields: ReadonlyMap<string, string>): number {
  let sum = Number.NaN;
  for (const [key, value] of fields) {
    if (/^Files\.\d+\.DataLength$/.test(key)) sum = (Number.isNaN(sum) ? 0 : sum) + readSize(value);
  }
  return sum;
}
