import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  kernelMptcp,
  mayCreateNamespaces,
  mayCreateTun,
  mayUseXdp,
  type Capability,
} from '../../src/linux/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { type Block, blocks, pages, root } from './pages.js';

/** A folder that looks like the checkout and may be written to. */
const folder = mkdtempSync(join(tmpdir(), 'subflow-docs-'));
for (const name of readdirSync(root)) if (name !== '.git') symlinkSync(join(root, name), join(folder, name));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the lines of a block as they stand, as a reader would; what is left in the background is ended. */
function run(block: Block): Promise<{ readonly status: number; readonly said: string }> {
  // A reader types the second line when the server of the first has said that it is there. Those that a block starts
  // in namespaces of its own are its own to wait for.
  const script = block.text.replace(
    /^node .*--listen \S+:(\d+).* &\n/gm,
    (line, port) => `${line}until : < /dev/tcp/127.0.0.1/${port}; do sleep 0.1; done 2> /dev/null\n`,
  );
  const whole = `set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n${script}`;
  return new Promise((resolve) => {
    execFile('bash', ['-c', whole], { cwd: folder, timeout: 110_000 }, (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), said: out + err });
    });
  });
}

/** Lines that every run of CI executes, or that take long by design: they must name a script that exists. */
const npmLine = /^npm (ci|test|start|run (\S+))/;

function isNpmOnly(block: Block): boolean {
  return block.text
    .trim()
    .split('\n')
    .every((line) => npmLine.test(line));
}

describe('commands in the documentation', () => {
  const plain = blocks.filter((block) => block.kind === 'sh' && !isNpmOnly(block));

  it.each(plain.map((block) => [block.page, block.text.split('\n')[0]!, block] as const))(
    'in %s work: %s',
    async (_page, _line, block) => {
      const { status, said } = await run(block);
      expect(said).not.toMatch(/\n\s+at .*\(/);
      expect(status, said).toBe(0);
    },
  );

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

/** Blocks that need something, by the word behind `sh`. */
const needs: readonly (readonly [string, readonly Capability[]])[] = [
  ['root', [kernelMptcp(), mayCreateTun(), mayUseXdp()]],
  ['root nft', [kernelMptcp(), mayCreateNamespaces(), hasTool('nft'), hasTool('curl')]],
  ['tshark', [hasTool('tshark')]],
];

for (const [word, capabilities] of needs) {
  describeWith(`commands in the documentation that need ${word}`, capabilities, () => {
    const chosen = blocks.filter((block) => block.kind === `sh ${word}`);

    it.each(chosen.map((block) => [block.page, block.text.split('\n')[0]!, block] as const))(
      'in %s work: %s',
      async (_page, _line, block) => {
        const { status, said } = await run(block);
        expect(status, said).toBe(0);
      },
    );
  });
}

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
