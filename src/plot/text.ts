/**
 * Text of an SVG: escaping, numbers without noise, and how wide a string will be about. Nothing here depends on fonts
 * being there: the estimate is of a common sans-serif face.
 */

/** `text` as it may stand in an element or an attribute; characters that XML 1.0 does not allow become U+FFFD. */
export function escapeText(text: string): string {
  return (
    text
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      .replace(/'/g, '&#39;')
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/\p{Surrogate}/gu, '\ufffd')
  );
}

/** A coordinate: two decimals at most, never `-0`. */
export function coordinate(value: number): string {
  const text = value.toFixed(2).replace(/\.?0+$/, '');
  return text === '-0' ? '0' : text;
}

/** About how wide `text` is at `fontSize`, in the same unit. */
export function textWidth(text: string, fontSize: number): number {
  let width = 0;
  for (const character of text) {
    if (/[iljtf.,:;|'!()[\] ]/.test(character)) width += 0.36;
    else if (/[mwMW%@]/.test(character)) width += 0.94;
    else if (/[A-Z]/.test(character)) width += 0.72;
    else width += 0.61;
  }
  return width * fontSize;
}

/** `text` in lines of at most `width`, broken at spaces; a word that is too long stands alone. */
export function wrapText(text: string, fontSize: number, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && textWidth(longer, fontSize) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return line === '' ? lines : [...lines, line];
}
