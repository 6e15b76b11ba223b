import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, root } from './pages.js';

describe('links in the documentation', () => {
  it('lead to files that exist', () => {
    for (const page of pages) {
      const text = readFileSync(join(root, page), 'utf8');
      for (const [, target] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
        const path = join(root, page, '..', target!);
        expect(
          () => readFileSync(join(path, path.endsWith('/') ? '.' : '')),
          `${page}: ${target}`,
        ).not.toThrow(/ENOENT/);
      }
    }
  });
});
