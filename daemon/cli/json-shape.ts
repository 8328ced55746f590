/**
 * The shape of a --json document, short enough to stand in the command table, and as JSON Schema for programs.
 *
 * Shape   a word ('text', 'integer', 'number', 'boolean', 'object', each also with '|null'), a list of one shape, or a record of members;
 *         a member whose name ends in '?' may be absent. Members beyond those named are allowed: documents only grow.
 * Source  ux § 2.1 "schemas carry "v":1 and only grow".
 * @module
 */

type Word = 'text' | 'integer' | 'number' | 'boolean' | 'object';
export type JsonShape = Word | `${Word}|null` | readonly [JsonShape] | { readonly [member: string]: JsonShape };

const SCHEMA_TYPES: Readonly<Record<Word, string>> = {
  text: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  object: 'object',
};

/** JSON Schema (draft 2020-12) of a shape. */
export function jsonSchemaOf(shape: JsonShape): Readonly<Record<string, unknown>> {
  if (typeof shape === 'string') {
    const [word, orNull] = shape.split('|') as [Word, string | undefined];
    return { type: orNull === undefined ? SCHEMA_TYPES[word] : [SCHEMA_TYPES[word], 'null'] };
  }
  if (isList(shape)) return { type: 'array', items: jsonSchemaOf(shape[0]) };
  const members = Object.entries(shape);
  return {
    type: 'object',
    required: members.map(([name]) => name).filter((name) => !name.endsWith('?')),
    properties: Object.fromEntries(
      members.map(([name, inner]) => [name.replace(/\?$/, ''), name === 'v' ? { const: 1 } : jsonSchemaOf(inner)]),
    ),
  };
}

/** Where a value is not of the shape, as a path and what was expected; undefined when it is. */
export function misshapen(shape: JsonShape, value: unknown, path = '$'): string | undefined {
  if (typeof shape === 'string') {
    const [word, orNull] = shape.split('|') as [Word, string | undefined];
    if (value === null && orNull !== undefined) return undefined;
    return isWord(word, value) ? undefined : `${path}: expected ${shape}`;
  }
  if (isList(shape)) {
    if (!Array.isArray(value)) return `${path}: expected a list`;
    return value
      .map((item, index) => misshapen(shape[0], item, `${path}[${index}]`))
      .find((found) => found !== undefined);
  }
  if (!isWord('object', value)) return `${path}: expected an object`;
  for (const [name, inner] of Object.entries(shape)) {
    const bare = name.replace(/\?$/, '');
    const member = (value as Record<string, unknown>)[bare];
    if (member === undefined && bare !== name) continue;
    const found = misshapen(inner, member, `${path}.${bare}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isList(shape: JsonShape): shape is readonly [JsonShape] {
  return Array.isArray(shape);
}

function isWord(word: Word, value: unknown): boolean {
  if (word === 'text') return typeof value === 'string';
  if (word === 'integer') return Number.isInteger(value);
  if (word === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === word;
}
