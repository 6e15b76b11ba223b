/** Commands that the documentation gives to everybody; what they need besides, if anything, is a tool. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith, hasTool } from '../support/with-rights.js';
import { BlockRunner, isNpmOnly } from './block-runner.js';
import { blocks, root } from './pages.js';

const runner = new BlockRunner();

describe('commands in the documentation', () => {
  runner.testAll('sh');

  it('name scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = blocks
      .filter((block) => block.kind === 'sh' && isNpmOnly(block))
      .flatMap((block) => [...block.text.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]!));
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});

// In the folder of the others, whose capture they read.
describeWith('commands in the documentation that need tshark', [hasTool('tshark')], () => {
  runner.testAll('sh tshark');
});
