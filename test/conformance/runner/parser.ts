/**
 * Reads conformance scripts. Owns the grammar of lines; options stand in option-parser.ts. Whatever is wrong is a
 * ScriptError with file, line and column.
 */
import { TokenReader, parseDuration, parseInteger, parseRange } from './lexer.js';
import { parseOptions } from './option-parser.js';
import {
  ScriptError,
  type Delay,
  type FlagName,
  type IcmpForm,
  type PacketForm,
  type Script,
  type ScriptOption,
  type ScriptRequirement,
  type Setting,
  type Statement,
  type StatementBody,
  type Token,
} from './script.js';
import { callNames, eventNames, settingNames } from './words.js';

/** Longest that `+*` waits. */
const ANY_TIME_NS = 200_000_000_000;
const MAX_LINES = 2000;
const MAX_INCLUDE_DEPTH = 4;

/** Gives the text of an included file by its name, or undefined. */
export type IncludeReader = (name: string) => { file: string; text: string } | undefined;

interface Draft {
  requirements: ScriptRequirement[];
  settings: Map<string, Setting>;
  statements: Statement[];
}

/** Reads the script in `text`; `file` is for complaints. */
export function parseScript(file: string, text: string, include: IncludeReader): Script {
  const draft: Draft = { requirements: [], settings: new Map(), statements: [] };
  parseLines(file, text, include, draft, 0);
  if (draft.statements.length === 0) throw new ScriptError(file, 1, 1, 'the script does nothing');
  return { file, ...draft };
}

function parseLines(file: string, text: string, include: IncludeReader, draft: Draft, depth: number): void {
  const lines = text.split('\n');
  if (lines.length > MAX_LINES) throw new ScriptError(file, MAX_LINES, 1, `more than ${MAX_LINES} lines`);
  lines.forEach((line, index) => {
    if (depth === 0) parseHeader(line, draft);
    const reader = new TokenReader(file, index + 1, line);
    if (reader.isAtEnd) return;
    const first = reader.peek();
    if (first === 'set') parseSetting(reader, draft);
    else if (first === 'use') parseUse(reader, include, draft, depth);
    else draft.statements.push(parseStatement(reader, line.trim()));
  });
}

/** `# RFC 8684 §3.1: words of our own`, anywhere in the script. */
function parseHeader(line: string, draft: Draft): void {
  const match = /^#\s*(RFC \d+ §[\w.]+):\s*(.+?)\s*$/.exec(line);
  if (match !== null) draft.requirements.push({ section: match[1]!, text: match[2]! });
}

function parseSetting(reader: TokenReader, draft: Draft): void {
  reader.next('set');
  const name = reader.next('the name of a setting');
  const spec = settingNames[name.text];
  if (spec === undefined) {
    const known = Object.keys(settingNames).join(', ');
    throw reader.error(`"${name.text}" is no setting; there are ${known}`, name.column);
  }
  const value = reader.next('the value of the setting');
  if (!spec.test(value.text)) throw reader.error(`"${name.text}" cannot be "${value.text}"`, value.column);
  expectEnd(reader);
  draft.settings.set(name.text, {
    value: value.text,
    file: reader.file,
    line: reader.line,
    column: value.column,
  });
}

function parseUse(reader: TokenReader, include: IncludeReader, draft: Draft, depth: number): void {
  reader.next('use');
  const name = reader.next('the name of what to include');
  expectEnd(reader);
  if (depth >= MAX_INCLUDE_DEPTH) throw reader.error('too many files include each other', name.column);
  const found = include(name.text);
  if (found === undefined) throw reader.error(`there is nothing called "${name.text}" to use`, name.column);
  parseLines(found.file, found.text, include, draft, depth + 1);
}

function expectEnd(reader: TokenReader): void {
  if (!reader.isAtEnd) throw reader.error(`"${reader.peek()!}" is too much on this line`);
}

function parseStatement(reader: TokenReader, text: string): Statement {
  const delay = parseDelay(reader);
  const first = reader.next('what happens');
  const body = parseBody(reader, first);
  expectEnd(reader);
  return { file: reader.file, line: reader.line, text, delay, body };
}

/** `+40ms`, `+200ms..300ms` or `+*`. */
function parseDelay(reader: TokenReader): Delay | undefined {
  const text = reader.peek();
  if (text === undefined || !text.startsWith('+')) return undefined;
  const token = reader.next('a time');
  if (text === '+*') return { fromNs: 0, toNs: ANY_TIME_NS };
  const [left, right, more] = text.slice(1).split('..');
  const fromNs = parseDuration(left!);
  const toNs = right === undefined ? fromNs : parseDuration(right);
  if (fromNs === undefined || toNs === undefined || more !== undefined || toNs < fromNs) {
    throw reader.error(`"${text}" is no time; write +40ms, +1s..2s or +*`, token.column);
  }
  return { fromNs, toNs };
}

function parseBody(reader: TokenReader, first: Token): StatementBody {
  const { text } = first;
  const arrow = /^([<>])([1-9]?)$/.exec(text);
  if (arrow !== null) {
    const flow = arrow[2] === '' ? 1 : Number(arrow[2]);
    if (reader.peek() === 'icmp') {
      if (arrow[1] === '>') throw reader.error('ICMP messages only come in');
      return { type: 'icmp', message: parseIcmp(reader, flow) };
    }
    const packet = parsePacket(reader, flow);
    if (arrow[1] === '>') return { type: 'out', packet };
    if (packet.isData) throw reader.error('DATA is for packets out', first.column);
    return { type: 'in', packet };
  }
  if (text === 'quiet')
    return { type: 'quiet', flow: reader.isAtEnd ? undefined : reader.number('the subflow') };
  if (text === 'drain') return { type: 'drain' };
  if (text === 'event') return parseEvent(reader);
  if (text === 'no') return parseNoEvent(reader);
  return parseCall(reader, first);
}

function parseEvent(reader: TokenReader): StatementBody {
  const name = eventName(reader);
  return { type: 'event', name, detail: reader.isAtEnd ? undefined : reader.next('what it says').text };
}

function parseNoEvent(reader: TokenReader): StatementBody {
  if (!reader.skip('event')) throw reader.error('"event" must follow "no"');
  return { type: 'no-event', name: eventName(reader) };
}

function eventName(reader: TokenReader): string {
  const name = reader.next('the name of an event');
  if (!eventNames.includes(name.text)) {
    throw reader.error(`"${name.text}" is no event; there are ${eventNames.join(', ')}`, name.column);
  }
  return name.text;
}

function parseCall(reader: TokenReader, first: Token): StatementBody {
  const pattern = callNames[first.text];
  if (pattern === undefined) {
    throw reader.error(
      `"${first.text}" is neither a packet nor a call; calls are ${Object.keys(callNames).join(', ')}`,
      first.column,
    );
  }
  const column = reader.column;
  const args: string[] = [];
  while (!reader.isAtEnd) args.push(reader.next('an argument').text);
  if (!pattern.test(args.join(' '))) {
    throw reader.error(`"${first.text}" does not go with "${args.join(' ')}"`, column);
  }
  return { type: 'call', name: first.text, args };
}

function parseIcmp(reader: TokenReader, flow: number): IcmpForm {
  reader.next('icmp');
  const type = reader.next('the kind of message');
  const kinds = ['too-big', 'unreachable', 'time-exceeded', 'parameter-problem', 'source-quench'] as const;
  const kind = kinds.find((one) => one === type.text);
  if (kind === undefined) throw reader.error(`"${type.text}" is none of ${kinds.join(', ')}`, type.column);
  const hasValue = kind === 'too-big' || kind === 'unreachable';
  const value = hasValue ? reader.number(kind === 'too-big' ? 'the MTU' : 'the code') : 0;
  const seq = reader.skip('seq') ? reader.number('the sequence number quoted') : undefined;
  return { flow, type: kind, value, seq };
}

const flagNames: readonly string[] = ['SYN', 'ACK', 'FIN', 'RST', 'PSH', 'URG'];

function parsePacket(reader: TokenReader, flow: number): PacketForm {
  const flags: FlagName[] = [];
  const isData = reader.skip('DATA');
  for (let text = reader.peek(); text !== undefined && flagNames.includes(text); text = reader.peek()) {
    flags.push(text as FlagName);
    reader.next('a flag');
  }
  const { seq, length } = parsePosition(reader);
  if (isData && (seq === undefined || length === undefined || flags.length > 0)) {
    throw reader.error('DATA needs a range like 1:101 and no flags');
  }
  const words: Words = {};
  while (!reader.isAtEnd && reader.peek() !== '[') parseWord(reader, words);
  const options: ScriptOption[] = reader.isAtEnd ? [] : parseOptions(reader);
  return {
    flow,
    flags,
    seq,
    length,
    ack: words.ack,
    window: words.win,
    from: words.from,
    to: words.to,
    payload: words.payload,
    isStrict: words.strict ?? false,
    isData,
    hasBadChecksum: words.badChecksum ?? false,
    urgent: words.urgent,
    options,
  };
}

interface Words {
  ack?: number;
  win?: number;
  from?: string;
  to?: string;
  payload?: number | 'bad';
  strict?: boolean;
  badChecksum?: boolean;
  urgent?: number;
}

function parseWord(reader: TokenReader, words: Words): void {
  const token = reader.next('a word');
  switch (token.text) {
    case 'ack':
      words.ack = reader.number('ack');
      return;
    case 'win':
      words.win = reader.number('win');
      return;
    case 'urg':
      words.urgent = reader.number('urg');
      return;
    case 'from':
      words.from = parseAddressWord(reader);
      return;
    case 'to':
      words.to = parseAddressWord(reader);
      return;
    case 'payload':
      words.payload = reader.skip('bad') ? 'bad' : reader.number('the stream position of the payload');
      return;
    case 'strict':
      words.strict = true;
      return;
    case 'bad-checksum':
      words.badChecksum = true;
      return;
    default:
      throw reader.error(`"${token.text}" cannot stand in a packet`, token.column);
  }
}

function parseAddressWord(reader: TokenReader): string {
  const token = reader.next('an address');
  if (!/^(host|peer)[1-9](:\d+)?$/.test(token.text)) {
    throw reader.error(`"${token.text}" is no address; write host1, peer2 or peer2:8080`, token.column);
  }
  return token.text;
}

/** The sequence number, alone or as a range with the payload. */
function parsePosition(reader: TokenReader): { seq: number | undefined; length: number | undefined } {
  const text = reader.peek();
  const alone = text === undefined ? undefined : parseInteger(text);
  const range = text === undefined ? undefined : parseRange(text);
  if (alone === undefined && range === undefined) return { seq: undefined, length: undefined };
  reader.next('a position');
  return range === undefined
    ? { seq: alone, length: undefined }
    : { seq: range.from, length: range.to - range.from };
}
