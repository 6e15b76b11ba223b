/** Whether the rules account for every normative statement of their documents: by what was recorded of the texts. */
import type { RequirementDocument } from './requirements/requirement.js';

/** What the rules of a document make of its statements. */
export interface Coverage {
  /** All of them, as in `3.1 8`. */
  readonly all: readonly string[];
  /** Those that a rule covers. */
  readonly ruled: ReadonlySet<string>;
  /** Those that do not concern us. */
  readonly exempt: ReadonlySet<string>;
  /** Those that rules of other documents cover. */
  readonly elsewhere: ReadonlySet<string>;
}

export function coverageOf({ record, requirements, exemptions }: RequirementDocument): Coverage {
  const all = [...record].flatMap(([section, words]) =>
    [...words.keys()].map((name) => `${section} ${name}`),
  );
  const pick = (hasReason: boolean): string[] =>
    exemptions
      .filter(({ reason }) => (reason !== undefined) === hasReason)
      .flatMap(({ statements }) => statements);
  return {
    all,
    ruled: new Set(requirements.flatMap(({ statements }) => statements)),
    exempt: new Set(pick(true)),
    elsewhere: new Set(pick(false)),
  };
}

/** Statements that nothing accounts for. */
export function unaccounted({ all, ruled, exempt, elsewhere }: Coverage): string[] {
  return all.filter((one) => !ruled.has(one) && !exempt.has(one) && !elsewhere.has(one));
}

/** Statements that rules name and the document does not have, or that are both ruled and exempt. */
export function misplaced({ all, ruled, exempt, elsewhere }: Coverage): string[] {
  const known = new Set(all);
  const named = [...ruled, ...exempt, ...elsewhere];
  const twice = named.filter((one, index) => named.indexOf(one) !== index);
  return [...named.filter((one) => !known.has(one)), ...twice];
}
