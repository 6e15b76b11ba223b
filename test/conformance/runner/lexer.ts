/** Cuts a line of a script into tokens: words, brackets and commas. A `#` where a token could begin ends the line. */
import { ScriptError, type Token } from './script.js';

const pattern = /\s*(?:(#.*)|([[\],])|([^\s[\],]+))/y;

export function tokenize(file: string, line: number, text: string): Token[] {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const start = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw new ScriptError(file, line, start + 1, 'this cannot be read');
    if (match[1] !== undefined) break;
    const word = (match[2] ?? match[3])!;
    tokens.push({ text: word, column: pattern.lastIndex - word.length + 1 });
  }
  return tokens;
}

/** Reads tokens one by one; every complaint points at the token it is about. */
export class TokenReader {
  readonly file: string;
  readonly line: number;
  private readonly tokens: readonly Token[];
  private readonly endColumn: number;
  private at = 0;

  constructor(file: string, line: number, text: string) {
    this.file = file;
    this.line = line;
    this.tokens = tokenize(file, line, text);
    this.endColumn = text.trimEnd().length + 1;
  }

  get isAtEnd(): boolean {
    return this.at >= this.tokens.length;
  }

  peek(): string | undefined {
    return this.tokens[this.at]?.text;
  }

  /** The column of the next token, or of the end of the line. */
  get column(): number {
    return this.tokens[this.at]?.column ?? this.endColumn;
  }

  /** Takes the next token, which the script must have; `what` says what is missing when it has not. */
  next(what: string): Token {
    const token = this.tokens[this.at];
    if (token === undefined) throw this.error(`${what} is missing`);
    this.at++;
    return token;
  }

  /** Takes the next token if it is `text`. */
  skip(text: string): boolean {
    if (this.peek() !== text) return false;
    this.at++;
    return true;
  }

  /** A number that must come next, decimal or with 0x. */
  number(what: string): number {
    const token = this.next(what);
    const value = parseInteger(token.text);
    if (value === undefined) throw this.error(`"${token.text}" is no number for ${what}`, token.column);
    return value;
  }

  error(message: string, column = this.column): ScriptError {
    return new ScriptError(this.file, this.line, column, message);
  }
}

/** A whole number, decimal or with 0x, perhaps negative. */
export function parseInteger(text: string): number | undefined {
  return /^-?(\d+|0x[0-9a-fA-F]+)$/.test(text)
    ? text.startsWith('-')
      ? -Number(text.slice(1))
      : Number(text)
    : undefined;
}

/** Two whole numbers with a colon between. */
export function parseRange(text: string): { from: number; to: number } | undefined {
  const [left, right, more] = text.split(':');
  if (left === undefined || right === undefined || more !== undefined) return undefined;
  const from = parseInteger(left);
  const to = parseInteger(right);
  return from === undefined || to === undefined || to < from ? undefined : { from, to };
}

const unitNs: Readonly<Record<string, number>> = { us: 1_000, ms: 1_000_000, s: 1_000_000_000 };

/** A duration with its unit, as in 40ms; a bare 0 is one too. In ns. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text);
  return match === null ? undefined : Math.round(Number(match[1]) * unitNs[match[2]!]!);
}
