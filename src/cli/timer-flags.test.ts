/** What is wrong with flags is said before anything is done that would have to be undone. */
import { afterEach, expect, it, vi } from 'vitest';
import { runCommand } from './main.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  ['bond', '--via', '192.0.2.1:5124', '--lan', 'lan0', '--dry-run', '--drain', 'soon'],
  ['bond', '--via', '192.0.2.1:5124', '--lan', 'lan0', '--dry-run', '--every', '99999999999'],
  ['proxy', '--listen', '127.0.0.1:0', '--drain', 'soon'],
  ['get', 'http://127.0.0.1:1/', '-o', '/dev/null', '--timeout', '99999999999'],
])('a time that is none is refused at the beginning: %s %s %s %s %s %s %s', async (...args) => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await runCommand(args)).toBe(2);
  expect(said.mock.calls.join()).toMatch(/'(soon|99999999999)' is no/);
});
