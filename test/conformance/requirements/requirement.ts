/** What a row of docs/conformance.md is made from. */
import { readStatements, type StatementRecord } from '../statements/records.js';
import { parsePlace } from './place.js';

/** How strongly a document asks; `says` where it describes something without one of the words of RFC 2119. */
export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'says';

/** One rule of a document, in our own words. */
export interface Requirement {
  /** As in `8684-join-unknown-token`: never changed, never used for another rule. */
  readonly id: string;
  /** As in `3.3.1`: where it stands first. */
  readonly section: string;
  /** The statements it covers, as in `3.3.1 8`. */
  readonly statements: readonly string[];
  /** Of those statements, each once, the strictest first. */
  readonly levels: readonly Level[];
  readonly text: string;
  /** Scripts, as `rfc8684/3.2-join/client-joins`, and tests, as `src/mptcp/close.test.ts › is refused`. */
  readonly tests: readonly string[];
  /** Why no test shows it, or what our stack does instead. */
  readonly gap?: string;
}

/** Statements of a document that no rule of its own covers. */
export interface Exemption {
  /** As in {@link Requirement.statements}. */
  readonly statements: readonly string[];
  /** Why they do not concern us; undefined when other documents' rules cover them. */
  readonly reason?: string;
  /** The IDs of those rules. */
  readonly elsewhere?: readonly string[];
}

/** The rules of one document. */
export interface RequirementDocument {
  /** As in `8684`. */
  readonly number: string;
  readonly title: string;
  /** What of it is looked at, where that is not all. */
  readonly scope?: string;
  /** Its normative statements, as recorded. */
  readonly record: StatementRecord;
  readonly requirements: readonly Requirement[];
  readonly exemptions: readonly Exemption[];
}

/**
 * The end of the ID, the place, the rule, the tests; a gap as the last element. A place is a section with the statements
 * in it that the rule covers, several separated by semicolons: `3.1 8 12-14; 3.7 1`, or a section alone.
 */
export type Row = readonly [string, string, string, readonly string[], string?];

/** A place, and why its statements do not concern us; or the rules of other documents that cover them. */
export type ExemptionRow = readonly [string, string | readonly string[]];

const order: readonly Level[] = ['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT'];

/** How strong each word is. */
const levelOf: Readonly<Record<string, Level>> = {
  MUST: 'MUST',
  SHALL: 'MUST',
  REQUIRED: 'MUST',
  'MUST NOT': 'MUST NOT',
  'SHALL NOT': 'MUST NOT',
  SHOULD: 'SHOULD',
  RECOMMENDED: 'SHOULD',
  'SHOULD NOT': 'SHOULD NOT',
  'NOT RECOMMENDED': 'SHOULD NOT',
};

function levelsOf(statements: readonly string[], record: StatementRecord): readonly Level[] {
  const found = new Set(
    statements.flatMap((statement) => {
      const [section, name] = statement.split(' ') as [string, string];
      return levelOf[record.get(section)?.get(name) ?? ''] ?? [];
    }),
  );
  return found.size === 0 ? ['says'] : order.filter((level) => found.has(level));
}

function requirementOf(number: string, record: StatementRecord, row: Row): Requirement {
  const [slug, place, text, tests, gap] = row;
  const { section, statements } = parsePlace(place);
  const levels = levelsOf(statements, record);
  const id = `${number}-${slug}`;
  return { id, section, statements, levels, text, tests, ...(gap !== undefined && { gap }) };
}

function exemptionOf([place, why]: ExemptionRow): Exemption {
  const { statements } = parsePlace(place);
  return typeof why === 'string' ? { statements, reason: why } : { statements, elsewhere: why };
}

/** Makes a document of its rows. */
export function documentOf(
  number: string,
  title: string,
  content: {
    readonly scope?: string;
    readonly rules: readonly Row[];
    readonly exemptions?: readonly ExemptionRow[];
  },
): RequirementDocument {
  const record = readStatements(number);
  const { scope, rules, exemptions = [] } = content;
  return {
    number,
    title,
    ...(scope !== undefined && { scope }),
    record,
    requirements: rules.map((row) => requirementOf(number, record, row)),
    exemptions: exemptions.map(exemptionOf),
  };
}
