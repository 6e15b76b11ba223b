/**
 * Errors of the project's own making. Input from the network is never an exception: it is a {@link ParseError} value.
 * Misuse of an interface throws a {@link SubflowError}; a broken invariant throws an {@link AssertionError}.
 */

/** An error with a code that programs may rely on and, where there is one, the reader's next step. */
export class SubflowError extends Error {
  /** Stable and upper-case, in the style of Node's own: `ERR_SUBFLOW_...`, or a POSIX name such as `ECONNRESET`. */
  readonly code: string;
  /** What the reader can do about it: one sentence, or empty. */
  readonly hint: string;

  constructor(
    code: string,
    message: string,
    options: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SubflowError';
    this.code = code;
    this.hint = options.hint ?? '';
  }
}

/** An invariant of the project does not hold: a bug here, whatever the input was. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(`invariant broken: ${message}`);
    this.name = 'AssertionError';
  }
}

/** Stops with an {@link AssertionError} unless `condition` holds. On in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Why some bytes are not what they claim to be. A value, never thrown. */
export interface ParseError {
  readonly ok: false;
  /** Stable, in kebab-case: `truncated`, `bad-length`, `bad-version` ... */
  readonly code: string;
  /** Where in the bytes given to the parser the trouble lies, in bytes. */
  readonly offset: number;
  /** One sentence for a person. */
  readonly message: string;
}

/** What a parser gives: the value, or why there is none. */
export type ParseResult<T> = { readonly ok: true; readonly value: T } | ParseError;

/** Makes a {@link ParseError}. */
export function parseError(code: string, offset: number, message: string): ParseError {
  return { ok: false, code, offset, message };
}

/** Makes a successful {@link ParseResult}. */
export function parsed<T>(value: T): ParseResult<T> {
  return { ok: true, value };
}
