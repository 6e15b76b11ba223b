/** Runs blocks of shell commands of the documentation, in a folder that looks like the checkout and may be written to. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type Block, blocks, root } from './pages.js';

/** Lines that every run of CI executes, or that take long by design. */
const npmLine = /^npm (ci|test|start|run (\S+))/;

/** Whether a block has none but such lines. */
export function isNpmOnly(block: Block): boolean {
  return block.text
    .trim()
    .split('\n')
    .every((line) => npmLine.test(line));
}

/** See the module. The folder goes away with the tests of the file. */
export class BlockRunner {
  private readonly folder = mkdtempSync(join(tmpdir(), 'subflow-docs-'));

  constructor() {
    for (const name of readdirSync(root))
      if (name !== '.git') symlinkSync(join(root, name), join(this.folder, name));
    afterAll(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** A test for each block of `kind` that is not npm's alone: its commands end well, and no trace of a stack is seen. */
  testAll(kind: string): void {
    const chosen = blocks.filter((block) => block.kind === kind && !isNpmOnly(block));
    it.each(chosen.map((block) => [block.page, block.text.split('\n')[0]!, block] as const))(
      'in %s work: %s',
      async (_page, _line, block) => {
        const { status, said } = await this.run(block);
        expect(said).not.toMatch(/\n\s+at .*\(/);
        expect(status, said).toBe(0);
      },
    );
  }

  /** Runs the lines of a block as they stand, as a reader would; what is left in the background is ended. */
  private run(block: Block): Promise<{ readonly status: number; readonly said: string }> {
    // A reader types the second line when the server of the first has said that it is there. Those that a block starts
    // in namespaces of its own are its own to wait for.
    const script = block.text.replace(
      /^node .*--listen \S+:(\d+).* &\n/gm,
      (line, port) => `${line}until : < /dev/tcp/127.0.0.1/${port}; do sleep 0.1; done 2> /dev/null\n`,
    );
    const whole = `set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n${script}`;
    return new Promise((resolve) => {
      execFile('bash', ['-c', whole], { cwd: this.folder, timeout: 110_000 }, (error, out, err) => {
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), said: out + err });
      });
    });
  }
}
