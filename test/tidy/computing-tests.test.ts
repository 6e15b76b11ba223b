import { describe, expect, it } from 'vitest';
import { computingTests } from '../asks-the-machine.js';

describe('tests that only compute', () => {
  const found = computingTests();

  it.each(['test/trace/findings.test.ts', 'test/attacks/blind.test.ts', 'test/conformance/scripts.test.ts'])(
    'have %s among them',
    (path) => expect(found).toContain(path),
  );

  it.each([
    ['asks for a tool', 'test/trace/tshark.test.ts'],
    ['starts programs', 'test/fuzz/fuzz.test.ts'],
    ['starts programs by a helper', 'test/net-behaviour/endings.test.ts'],
    ['has a helper that asks the kernel', 'test/docs/middleboxes.test.ts'],
  ])('have none that %s: %s', (_why, path) => expect(found).not.toContain(path));
});
