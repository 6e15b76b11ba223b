/** Tests that need rights: run where they can, and where they cannot said so, by name and on the console. */
import { execFileSync } from 'node:child_process';
import { describe, it } from 'vitest';
import type { Capability } from '../../src/linux/index.js';

/** A describe block whose tests all need `capabilities`; without them it holds one entry that says what is left out. */
export function describeWith(name: string, capabilities: readonly Capability[], body: () => void): void {
  const missing = capabilities.find((capability) => !capability.available);
  if (missing === undefined || missing.available) {
    describe(name, body);
    return;
  }
  describe(name, () => {
    it(`is left out here: ${missing.reason}`, () => {
      console.warn(`LEFT OUT: ${name}: ${missing.reason}. ${missing.hint}`);
    });
  });
}

/** Whether a program of Debian's package of the same name is installed. */
export function hasTool(name: string): Capability {
  try {
    // Not every one of them knows `--version`.
    execFileSync('sh', ['-c', 'command -v -- "$1"', 'sh', name], { stdio: 'pipe' });
    return { available: true };
  } catch {
    return { available: false, reason: `${name} is not installed`, hint: `Install it: apt install ${name}.` };
  }
}

/** Whether this is root, who may start programs as other users and give files away. */
export function isRoot(): Capability {
  if (process.getuid?.() === 0) return { available: true };
  return { available: false, reason: 'the user is not root', hint: 'Run as root.' };
}
