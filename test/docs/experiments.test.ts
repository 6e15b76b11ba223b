import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experiments } from '../../src/experiments/index.js';
import { root } from './pages.js';

describe('the pages of experiments', () => {
  const index = readFileSync(join(root, 'docs', 'experiments.md'), 'utf8');

  it('have every experiment in their index', () => {
    const rows = index.split('\n').filter((line) => /^\| \[?`/.test(line));
    const named = rows.map((row) => /`([^`]+)`/.exec(row)![1]!);
    expect(named.sort()).toEqual(experiments.map(({ name }) => name).sort());
  });

  it('are linked from their index, each named after its experiment', () => {
    for (const file of readdirSync(join(root, 'docs', 'experiments'))) {
      // How they run in parts is of all of them.
      if (file === 'on-a-cluster.md') continue;
      const name = file.replace(/\.md$/, '');
      expect(experiments.map((experiment) => experiment.name)).toContain(name);
      expect(index).toContain(`[\`${name}\`](experiments/${file})`);
    }
  });
});
