/** Something that must not happen and did. */
export interface Violation {
  /** Virtual instant, in ns. */
  readonly at: number;
  /** The host, or the part of the world, that did it. */
  readonly host: string;
  /** Which rule, by the name that the checker's table gives it. */
  readonly rule: string;
  /** What happened, for a person. */
  readonly text: string;
}

/** One line for a report. */
export function formatViolation({ at, host, rule, text }: Violation): string {
  return `${(at / 1e9).toFixed(6)} s ${host}: ${rule}: ${text}`;
}

/** Where a model puts what it found: the rule and a sentence. */
export type Report = (rule: string, text: string) => void;
