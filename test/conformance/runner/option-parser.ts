/**
 * The options of a packet: names, and the fields each may have. Knows the words of the language and nothing of what
 * they mean on the wire.
 */
import { parseInteger, parseRange, type TokenReader } from './lexer.js';
import type { FieldValue, ScriptOption, Token } from './script.js';

/** What a field may be: kinds of value, or one of some words. */
interface FieldSpec {
  readonly number?: true;
  readonly range?: true;
  readonly hex?: true;
  readonly flag?: true;
  /** Any word, or one of these. */
  readonly words?: readonly string[] | 'any';
}

interface OptionSpec {
  readonly fields?: Readonly<Record<string, FieldSpec>>;
  /** What values without a name may be. */
  readonly values?: FieldSpec;
}

const number: FieldSpec = { number: true };
const flag: FieldSpec = { flag: true };
const proof: FieldSpec = { words: ['good', 'bad', 'none'] };
const key: FieldSpec = { words: ['good', 'bad', 'none', 'zero'] };

const specs: Readonly<Record<string, OptionSpec>> = {
  mss: { values: number },
  ws: { values: number },
  'sack-ok': {},
  sack: { values: { range: true } },
  ts: { fields: { val: number, ecr: { number: true, words: ['last'] } } },
  tfo: { fields: { request: flag, experimental: flag, cookie: { hex: true, words: ['learned', 'any'] } } },
  nop: {},
  raw: { values: { hex: true } },
  capable: {
    fields: {
      v: number,
      flags: { words: 'any' },
      key,
      'peer-key': key,
      len: { number: true, words: ['none'] },
      csum: proof,
    },
  },
  join: {
    fields: {
      token: { words: ['good', 'bad'] },
      nonce: number,
      id: number,
      backup: flag,
      regular: flag,
      hmac: proof,
    },
  },
  dss: {
    fields: {
      ack: { number: true, words: ['none'] },
      ack4: flag,
      ack8: flag,
      map: { range: true, words: ['none'] },
      map4: flag,
      map8: flag,
      at: number,
      fin: { flag: true, number: true, words: ['none'] },
      infinite: number,
      csum: proof,
    },
  },
  'add-addr': {
    fields: {
      id: number,
      addr: { words: 'any' },
      port: { number: true, words: ['none'] },
      echo: flag,
      hmac: proof,
    },
  },
  'remove-addr': { values: number },
  prio: { fields: { backup: flag, regular: flag, id: number } },
  fail: { fields: { at: number } },
  fastclose: { fields: { key } },
  tcprst: { fields: { reason: number, transient: flag, permanent: flag, flags: number } },
  experimental: { values: { hex: true } },
  subtype: { fields: { code: number }, values: { hex: true } },
  mptcp: {},
};

/** Names of options that travel inside option 30. */
export const mptcpOptionNames: ReadonlySet<string> = new Set([
  'capable',
  'join',
  'dss',
  'add-addr',
  'remove-addr',
  'prio',
  'fail',
  'fastclose',
  'tcprst',
  'experimental',
  'subtype',
]);

/** Reads `[ option, option, ... ]`; the opening bracket is the next token. */
export function parseOptions(reader: TokenReader): ScriptOption[] {
  const options: ScriptOption[] = [];
  const open = reader.next('[');
  if (reader.skip(']')) return options;
  for (;;) {
    if (reader.isAtEnd) throw reader.error('the bracket is not closed', open.column);
    options.push(parseOption(reader));
    if (reader.skip(']')) return options;
    if (!reader.skip(',')) throw reader.error('a comma or ] is missing');
  }
}

function parseOption(reader: TokenReader): ScriptOption {
  const isAbsent = reader.skip('no');
  const name = reader.next('the name of an option');
  const spec = specs[name.text];
  if (spec === undefined) {
    throw reader.error(
      `"${name.text}" is no option; there are ${Object.keys(specs).join(', ')}`,
      name.column,
    );
  }
  const fields = new Map<string, FieldValue>();
  const values: FieldValue[] = [];
  for (let text = reader.peek(); text !== undefined && text !== ',' && text !== ']'; text = reader.peek()) {
    const token = reader.next('a field');
    const equals = text.indexOf('=');
    if (equals < 0) parseBare(reader, name.text, spec, token, fields, values);
    else parseField(reader, name.text, spec, token, equals, fields);
  }
  if (name.text === 'mptcp' && !isAbsent) throw reader.error('only "no mptcp" makes sense', name.column);
  if (isAbsent && fields.size + values.length > 0) {
    throw reader.error('an option that must not be there has no fields', name.column);
  }
  return { name: name.text, column: name.column, isAbsent, fields, values };
}

/** A word without `=`: a flag of the option, or one of its values. */
function parseBare(
  reader: TokenReader,
  option: string,
  spec: OptionSpec,
  token: Token,
  fields: Map<string, FieldValue>,
  values: FieldValue[],
): void {
  if (spec.fields?.[token.text]?.flag === true) {
    fields.set(token.text, { kind: 'word', value: 'true' });
    return;
  }
  const value = spec.values === undefined ? undefined : parseValue(token.text, spec.values);
  if (value === undefined) throw reader.error(`"${option}" does not take "${token.text}"`, token.column);
  values.push(value);
}

function parseField(
  reader: TokenReader,
  option: string,
  spec: OptionSpec,
  token: Token,
  equals: number,
  fields: Map<string, FieldValue>,
): void {
  const name = token.text.slice(0, equals);
  const fieldSpec = spec.fields?.[name];
  if (fieldSpec === undefined) {
    const known = Object.keys(spec.fields ?? {}).join(', ');
    throw reader.error(`"${option}" has no field "${name}"; it has ${known || 'none'}`, token.column);
  }
  if (fields.has(name)) throw reader.error(`"${name}" stands here twice`, token.column);
  const value = parseValue(token.text.slice(equals + 1), fieldSpec);
  if (value === undefined) {
    throw reader.error(
      `"${token.text.slice(equals + 1)}" is nothing that "${name}" can be${describe(fieldSpec)}`,
      token.column + equals + 1,
    );
  }
  fields.set(name, value);
}

function describe(spec: FieldSpec): string {
  const kinds = [
    ...(spec.number ? ['a number'] : []),
    ...(spec.range ? ['a range like 1:101'] : []),
    ...(spec.hex ? ['bytes in hex'] : []),
    ...(Array.isArray(spec.words) ? (spec.words as string[]) : []),
  ];
  return kinds.length > 0 ? ` (${kinds.join(', ')})` : '';
}

function parseValue(text: string, spec: FieldSpec): FieldValue | undefined {
  if (spec.words === 'any' || spec.words?.includes(text) === true) return { kind: 'word', value: text };
  if (spec.range) {
    const range = parseRange(text);
    if (range !== undefined) return { kind: 'range', value: range };
  }
  if (spec.number) {
    const value = parseInteger(text);
    if (value !== undefined) return { kind: 'number', value };
  }
  if (spec.hex && /^([0-9a-fA-F]{2})+$/.test(text)) {
    return { kind: 'hex', value: Uint8Array.from(Buffer.from(text, 'hex')) };
  }
  return undefined;
}
