/**
 * UTF-8 (RFC 3629) without the platform: capture files keep names and comments in it. What is not valid reads as
 * U+FFFD, as browsers do it (the longest start of a sequence counts as one error); the writer never writes any.
 */

const REPLACEMENT = 0xfffd;

/** The bytes of `text`; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (const character of text) {
    let point = character.codePointAt(0)!;
    if (point >= 0xd800 && point <= 0xdfff) point = REPLACEMENT;
    if (point < 0x80) {
      bytes[length++] = point;
      continue;
    }
    const followers = point < 0x800 ? 1 : point < 0x1_0000 ? 2 : 3;
    const mark = followers === 1 ? 0xc0 : followers === 2 ? 0xe0 : 0xf0;
    bytes[length++] = mark | (point >>> (6 * followers));
    for (let i = followers - 1; i >= 0; i--) bytes[length++] = 0x80 | ((point >>> (6 * i)) & 0x3f);
  }
  return bytes.slice(0, length);
}

/** The text in `length` bytes from `offset` on, which may be anything. */
export function decodeUtf8(bytes: Uint8Array, offset: number, length: number): string {
  const end = offset + length;
  let text = '';
  let at = offset;
  while (at < end) {
    const lead = bytes[at++]!;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const followers = followersOf(lead);
    let point = lead & (0x3f >>> followers);
    let missing = followers;
    while (missing > 0 && at < end && isFollower(lead, missing === followers, bytes[at]!)) {
      point = (point << 6) | (bytes[at++]! & 0x3f);
      missing--;
    }
    text += String.fromCodePoint(followers === 0 || missing > 0 ? REPLACEMENT : point);
  }
  return text;
}

/** The text of a string option: a zero byte ends it early (draft-ietf-opsawg-pcapng §3.5). */
export function decodeText(bytes: Uint8Array, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && bytes[end] !== 0) end++;
  return decodeUtf8(bytes, offset, end - offset);
}

/** How many bytes follow the lead byte of a sequence; 0 for a byte that cannot lead one. */
function followersOf(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 1;
  if (lead >= 0xe0 && lead <= 0xef) return 2;
  return lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
}

/** Whether `byte` may follow: the byte after some leads is restricted, against overlong forms and surrogates. */
function isFollower(lead: number, isFirst: boolean, byte: number): boolean {
  let low = 0x80;
  let high = 0xbf;
  if (isFirst) {
    if (lead === 0xe0) low = 0xa0;
    else if (lead === 0xed) high = 0x9f;
    else if (lead === 0xf0) low = 0x90;
    else if (lead === 0xf4) high = 0x8f;
  }
  return byte >= low && byte <= high;
}
