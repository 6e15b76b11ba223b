/** The short form in which rows say where in a document they stand. */

/** Where a rule stands. */
export interface Place {
  /** The section named first. */
  readonly section: string;
  /** As in `3.1 8`. */
  readonly statements: readonly string[];
}

/** `12-14` are three numbers; anything else is a name as it stands, `MUST-12` too. */
function namesOf(part: string): string[] {
  const range = /^(\d+)-(\d+)$/.exec(part);
  if (range === null) return [part];
  const [first, last] = [Number(range[1]), Number(range[2])];
  return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
}

/** Reads `3.1 8 12-14; 3.7 1`. */
export function parsePlace(place: string): Place {
  const parts = place.split(';').map((part) => part.trim().split(' '));
  const statements = parts.flatMap(([section, ...names]) =>
    names.flatMap(namesOf).map((name) => `${section!} ${name}`),
  );
  return { section: parts[0]![0]!, statements };
}
