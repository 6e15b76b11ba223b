/**
 * The head of an HTTP/1.1 message: a first line and fields, up to the empty line. Lines end with CR and LF and nothing else,
 * fields are written one way only: what two programs could read differently is no head here.
 * Read first: RFC 9112 §2.2, §5.1 and §5.2; RFC 9110 §5.5 and §5.6.2.
 */
import { parseError, type ParseError, type Scan } from '../base/index.js';

/** Most bytes of a head. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** Most bytes of one line, its end not counted. */
export const MAX_LINE_BYTES = 8 * 1024;
/** Most fields. */
export const MAX_FIELDS = 100;

/** Characters of a token (RFC 9110 §5.6.2). */
export const tokenForm = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A value: visible characters, those beyond ASCII included, with blanks between them (RFC 9110 §5.5). */
const valueForm = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A head as it was read. */
export interface Head {
  readonly firstLine: string;
  /** Names in lower case, in their order; a name may be there several times. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

const CR = 13;
const LF = 10;

/**
 * Looks for a head. Codes: `too-long`, `line-too-long`, `too-many-fields`, `bad-line-end`, `bad-field`. What is not whole is
 * held to the limits too, and costs no more than a look for its end: it may come byte by byte.
 */
export function scanHead(bytes: Uint8Array): Scan<Head> {
  const end = endOfHead(bytes);
  if (typeof end !== 'number') return end;
  let firstLine: string | undefined;
  const fields: (readonly [string, string])[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf(LF, at) - 1;
    const bareReturn = bytes.indexOf(CR, at);
    // RFC 9112 §2.2: a CR inside a line is what some take for its end, and so is an LF alone.
    if (bareReturn !== lineEnd) return invalid('bad-line-end', at, 'a line does not end with CR and LF');
    const line = latin1(bytes, at, lineEnd);
    if (firstLine === undefined) firstLine = line;
    else if (line === '') return { state: 'done', value: { firstLine, fields }, length: end };
    else {
      const field = parseField(line, at);
      if ('ok' in field) return { state: 'invalid', error: field };
      fields.push(field);
    }
    at = lineEnd + 2;
  }
}

/** Where the head ends, lines that end with an LF alone included; or what is wrong, or lacking. */
function endOfHead(bytes: Uint8Array): number | Scan<never> {
  let start = 0;
  for (let lines = 0; ; lines++) {
    const at = bytes.indexOf(LF, start);
    const length = (at < 0 ? bytes.length : at) - start;
    // The CR of its end counts for no more than the line may have.
    if (length > MAX_LINE_BYTES + 1) return invalid('line-too-long', start, 'a line is too long');
    if (at >= MAX_HEAD_BYTES || (at < 0 && bytes.length >= MAX_HEAD_BYTES))
      return invalid('too-long', 0, 'the head is too long');
    if (at < 0) return { state: 'more', atLeast: bytes.length + 1 };
    // An empty line, wherever it is.
    if (length === 0 || (length === 1 && bytes[start] === CR)) return lines === 0 ? noFirstLine() : at + 1;
    if (lines > MAX_FIELDS) return invalid('too-many-fields', start, `more than ${MAX_FIELDS} fields`);
    start = at + 1;
  }
}

function noFirstLine(): Scan<never> {
  return invalid('bad-line-end', 0, 'the first line is empty');
}

/** One line, without its end. Blanks before the colon, and lines that go on another one, are refused (RFC 9112 §5.1, §5.2). */
function parseField(line: string, at: number): readonly [name: string, value: string] | ParseError {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
  if (!tokenForm.test(name) || !valueForm.test(value))
    return parseError('bad-field', at, 'a line is no field');
  return [name.toLowerCase(), value];
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

function invalid(code: string, offset: number, message: string): Scan<never> {
  return { state: 'invalid', error: parseError(code, offset, message) };
}

/** The bytes of a text of which each character is one. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
