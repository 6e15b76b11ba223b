/** What a row of docs/conformance.md is made from. */

export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT';

/** One rule of a document, in our own words. */
export interface Requirement {
  /** As in `§3.3.1`. */
  readonly section: string;
  readonly level: Level;
  readonly text: string;
  /** Scripts, as `rfc8684/3.2-join/client-joins`, and tests, as `src/mptcp/close.test.ts › is refused`. */
  readonly tests: readonly string[];
  /** Why no test shows it, or what our stack does instead. */
  readonly gap?: string;
}

/** The rules of one document. */
export interface RequirementDocument {
  /** As in `RFC 8684`. */
  readonly name: string;
  readonly title: string;
  /** What of it is looked at, where that is not all. */
  readonly scope?: string;
  readonly requirements: readonly Requirement[];
}

/** A section, a level, the rule, the tests; a gap as the last element. */
export type Row = readonly [string, Level, string, readonly string[], string?];

/** Makes requirements of rows. */
export function rows(list: readonly Row[]): Requirement[] {
  return list.map(([section, level, text, tests, gap]) => ({
    section,
    level,
    text,
    tests,
    ...(gap !== undefined && { gap }),
  }));
}
