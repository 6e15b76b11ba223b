/** What is wrong with the flags of `subflow bond`. */
import { afterEach, expect, it, vi } from 'vitest';
import { runCommand } from '../main.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  [['--lan', 'lan0'], /there is no converter/],
  [['--via', '192.0.2.1'], /there is no LAN/],
  [['--via', '192.0.2.1', '--lan', 'lo', 'no-such-if', 'lan/0'], /no interface with hosts/],
  [['--via', '192.0.2.1', '--lan', 'no-such-if'], /there is no interface 'no-such-if'/],
  [['--via', 'http://a%3ab', '--lan', 'no-such-if'], /is no proxy/],
  [['--via', '192.0.2.1', '--lan', 'lo', '--metered', 'wwan0=1G=2G'], /not an uplink with a cap/],
])('subflow bond %j ends with status 2', async (flags, message) => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await runCommand(['bond', ...flags, '--dry-run'])).toBe(2);
  expect(said.mock.calls.join()).toMatch(message);
});
