import { describe, expect, it } from 'vitest';
import { sourceFiles } from './source-files.js';

const code = ['src', 'test', 'bench', 'bin', 'web'].flatMap((folder) =>
  sourceFiles(folder, (path) => /\.(ts|tsx|js|css)$/.test(path)),
);
const product = code.filter((file) => /^(src|web)\//.test(file.path) && !file.path.endsWith('.test.ts'));

describe('the text of the code', () => {
  it('leaves nothing half done', () => {
    const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);
    expect(code.filter((file) => marks.test(file.text)).map((file) => file.path)).toEqual([]);
  });

  it('focuses and skips no test', () => {
    const marks = new RegExp(
      `\\b(it|test|describe)\\.(${['only', 'skip', 'todo', 'fails'].join('|')})\\b|\\bx(it|describe)\\(`,
    );
    const focused = code.filter((file) => file.path.endsWith('.test.ts') && marks.test(file.text));
    expect(focused.map((file) => file.path)).toEqual([]);
  });

  it('keeps files to about 500 lines', () => {
    const long = product.filter((file) => file.text.split('\n').length > 620).map((file) => file.path);
    expect(long).toEqual([]);
  });

  it('has nothing beside it that an editor or a merge left behind', () => {
    const left = ['src', 'test', 'bench', 'bin', 'docs', 'web'].flatMap((folder) =>
      sourceFiles(folder, (path) => /\.(orig|rej|bak|swp)$|~$/.test(path)),
    );
    expect(left.map((file) => file.path)).toEqual([]);
  });

  it('numbers decisions one after the other, and each as its file says', () => {
    const records = sourceFiles('docs/decisions', (path) => path.endsWith('.md')).sort((a, b) =>
      a.path < b.path ? -1 : 1,
    );
    records.forEach(({ path, text }, i) => {
      expect(path).toMatch(new RegExp(`/${String(i + 1).padStart(4, '0')}-`));
      expect(text.split('\n')[0]).toMatch(new RegExp(`^# ${i + 1}\\. `));
    });
  });

  it('names files in kebab-case', () => {
    const odd = product.filter(
      (file) => !/^[a-z0-9-]+(\.[a-z0-9-]+)*\.(ts|tsx|css)$/.test(file.path.split('/').at(-1)!),
    );
    expect(odd.map((file) => file.path)).toEqual([]);
  });

  it('opens every module of more than a page with what it is', () => {
    const modules = product.filter(({ path }) => !path.endsWith('.css'));
    const bare = modules.filter(
      (file) => file.text.split('\n').length > 80 && !/\/\*\*/.test(file.text.slice(0, 2500)),
    );
    expect(bare.map((file) => file.path)).toEqual([]);
  });
});
