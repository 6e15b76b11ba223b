/**
 * Reads the text of an RFC and finds its normative statements: every place where one of the words of RFC 2119 that bind
 * (all but MAY and OPTIONAL) stands. The texts are not kept here; whoever has one can check what is recorded of it.
 *
 * A statement is named by its place: the third word of §3.1 is `3` of `3.1`. Where the document labels its statements
 * itself, as RFC 9293 does, the label is the name.
 */

/** One binding word of a document, and the sentence it stands in. */
export interface Statement {
  /** As in `3.3.1`. */
  readonly section: string;
  /** Its number in the section, from 1, or the document's own label. */
  readonly name: string;
  /** The word, as in `MUST NOT`. */
  readonly word: string;
  readonly sentence: string;
}

const words =
  /\b(MUST NOT|MUST|SHALL NOT|SHALL|SHOULD NOT|SHOULD|NOT RECOMMENDED|RECOMMENDED|REQUIRED)\b(?!- ?\d)/g;
const label = /\b(?:MUST|SHLD|REC)- ?\d+/;
const heading = /^(?:Appendix )?([A-Z]\.(?:\d+\.)*|\d+\.(?:\d+\.)*|[A-Z]\.\d+(?:\.\d+)*)\s+\S/;
const tableOfContents = /\.\s?\.\s?\./;
/** The sentence that says how the words are meant; and what a reader is told about labels. */
const definition = /The key ?words? "MUST".{0,420}?(?:here|\[(?:RFC2119|Bra97|\d+)\])\s?\./g;
const aboutLabels = /Sentences using "MUST" are labeled.*?instances\./;

/** The text without page breaks, by section. Words before the first section bind nobody. */
function sectionsOf(text: string): Map<string, string> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split(/[\n\f]/)) {
    if (/\[Page \d+\]\s*$/.test(line) || /^RFC \d+ .*\d{4}\s*$/.test(line)) continue;
    const found = tableOfContents.test(line) ? undefined : heading.exec(line)?.[1];
    if (found === undefined) lines.push(line);
    else sections.set(found.replace(/\.$/, ''), (lines = []));
  }
  return new Map([...sections].map(([name, content]) => [name, content.join(' ').replace(/\s+/g, ' ')]));
}

function sentenceAround(text: string, start: number, end: number): string {
  const before = Math.max(text.lastIndexOf('. ', start) + 1, start - 300);
  const after = text.indexOf('. ', end);
  return text.slice(before, Math.min(after < 0 ? text.length : after, end + 300)).trim();
}

/** Labels in brackets of sentences that say in other words that they bind: RFC 9293 has one. */
function strayLabels(section: string, prose: string): Statement[] {
  return [...prose.matchAll(/\(((?:MUST|SHLD)-\d+)\)/g)]
    .filter(({ index }) => !hasWord(sentenceAround(prose, index, index)))
    .map(({ index, 1: name }) => ({
      section,
      name: name!,
      word: name!.startsWith('MUST') ? 'MUST' : 'SHOULD',
      sentence: sentenceAround(prose, index, index),
    }));
}

function hasWord(sentence: string): boolean {
  return sentence.search(words) >= 0;
}

/** The statements of a document, in order, without those of the sections named in `skipped`. */
export function statementsOf(text: string, skipped: readonly string[] = []): Statement[] {
  const statements: Statement[] = [];
  for (const [section, content] of sectionsOf(text)) {
    if (skipped.includes(section)) continue;
    const prose = content.replace(definition, '').replace(aboutLabels, '');
    const found = [...prose.matchAll(words)];
    for (const [position, match] of found.entries()) {
      const end = match.index + match[0].length;
      const own = label.exec(prose.slice(end, found[position + 1]?.index))?.[0].replace(' ', '');
      const sentence = sentenceAround(prose, match.index, end);
      statements.push({ section, name: own ?? String(position + 1), word: match[0], sentence });
    }
    const isNamed = (name: string): boolean => statements.some((one) => one.name === name);
    statements.push(...strayLabels(section, prose).filter(({ name }) => !isNamed(name)));
  }
  return statements;
}
