/** Text from captures and files, made harmless for whoever reads it: what is there is seen, and nothing of it acts. */

/** Characters that are shown; a name that is longer is cut. */
const MOST = 240;

/**
 * Control and format characters (among them those that turn the direction of writing or have no width), separators of lines and
 * paragraphs, letters that are blank, and halves of pairs: they would move or hide what stands around them.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/** `text` with such characters by their numbers, `\u{202e}` say, and cut where it is very long. */
export function visibleText(text: string, most = MOST): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(UNSEEN, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
}
