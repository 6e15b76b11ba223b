/** The pages of the documentation, taken apart into their fenced blocks. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The checkout. */
export const root = join(import.meta.dirname, '..', '..');

/** Paths below the checkout. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...['docs', 'docs/experiments'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
  ),
].filter((name) => name.endsWith('.md'));

/** One fenced block. */
export interface Block {
  readonly page: string;
  /** The nearest heading above it. */
  readonly heading: string;
  /** What stands behind the fence: a language, and what the block needs. */
  readonly kind: string;
  readonly text: string;
  /** The heading whose block this one goes on from, as said by `<!-- continues: HEADING -->` above the fence. */
  readonly continues: string | undefined;
}

/** A heading, or a comment and a fence with what is between it and the next. */
const pattern = /^#+ (.*)$|(?:^<!-- continues: (.*) -->\n\n?)?^```(\S.*)\n([\s\S]*?)^```$/gm;

/** The blocks of `page` that name a language, in order. */
function blocksOf(page: string): Block[] {
  const found: Block[] = [];
  let heading = '';
  for (const [, title, continues, kind, text] of readFileSync(join(root, page), 'utf8').matchAll(pattern)) {
    if (title !== undefined) heading = title;
    else found.push({ page, heading, kind: kind!.trim(), text: text!, continues });
  }
  return found;
}

/** Every block of every page. */
export const blocks: readonly Block[] = pages.flatMap(blocksOf);
