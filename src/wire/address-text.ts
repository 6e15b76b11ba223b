/**
 * Text forms of IP addresses, as four 32-bit words with an IPv4 address in the last. Owns the grammar only; what an
 * address is stands in address.ts. Read first: RFC 4291 §2.2 (what may be read), RFC 5952 §4 and §5 (what is written).
 */

/** Reads dotted decimal: four numbers of 0 to 255 without leading zeros. Undefined for anything else. */
export function parseIpv4Text(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let word = 0;
  for (let i = 1; i <= 4; i++) {
    const digits = match[i]!;
    const value = Number(digits);
    // A leading zero means octal to some readers and decimal to others: an address both agree on is asked for.
    if (value > 255 || (digits.length > 1 && digits.startsWith('0'))) return undefined;
    word = word * 256 + value;
  }
  return word;
}

/** Writes dotted decimal. */
export function formatIpv4Text(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/** Reads the groups of one side of `::`, or of a whole address; a dotted decimal tail counts as two groups. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (mayEndInIpv4 && index === parts.length - 1 && part.includes('.')) {
      const word = parseIpv4Text(part);
      if (word === undefined) return undefined;
      groups.push(word >>> 16, word & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** Reads an IPv6 address, without a zone, as eight 16-bit groups. */
export function parseIpv6Text(text: string): number[] | undefined {
  if (text.length > 45) return undefined;
  const gap = text.indexOf('::');
  if (gap < 0) {
    const groups = parseGroups(text, true);
    return groups?.length === 8 ? groups : undefined;
  }
  const before = parseGroups(text.slice(0, gap), false);
  const after = parseGroups(text.slice(gap + 2), true);
  if (before === undefined || after === undefined) return undefined;
  // `::` stands for at least one group (RFC 4291 §2.2).
  const missing = 8 - before.length - after.length;
  if (missing < 1) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...after];
}

/** The longest run of zero groups, the first of equals, at least two long (RFC 5952 §4.2.2, §4.2.3). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  const best = { start: -1, length: 1 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) {
      best.start = start;
      best.length = i - start;
    }
    start = i + 1;
  }
  return best;
}

/** Writes eight 16-bit groups in the one form that RFC 5952 recommends. */
export function formatIpv6Text(groups: readonly number[]): string {
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return `::ffff:${formatIpv4Text(((groups[6]! << 16) | groups[7]!) >>> 0)}`;
  const texts = groups.map((group) => group.toString(16));
  const run = longestZeroRun(groups);
  if (run.start < 0) return texts.join(':');
  return `${texts.slice(0, run.start).join(':')}::${texts.slice(run.start + run.length).join(':')}`;
}
