/** What opens several things at once leaves none of them open where one of them cannot be. */

/** Something that is open. */
interface Closable {
  close(): void;
}

/**
 * Gives what `open` makes, which calls its argument with each thing as soon as that is open. Where it throws, those are closed, the last
 * one first, and the error goes on.
 */
export function openTogether<T>(open: (keep: <C extends Closable>(opened: C) => C) => T): T {
  const opened: Closable[] = [];
  try {
    return open((each) => {
      opened.push(each);
      return each;
    });
  } catch (error) {
    for (const each of opened.reverse()) each.close();
    throw error;
  }
}
