/** How `subflow probe` ends where there is nobody to ask: one line, and the status that means "cannot tell". */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { mayCreateNamespaces, mayOpenRawSockets, NetworkNamespace } from '../../linux/index.js';

const launcher = join(import.meta.dirname, '..', '..', '..', 'bin', 'subflow.js');

describeWith('subflow probe', [mayCreateNamespaces(), mayOpenRawSockets()], () => {
  let namespace: NetworkNamespace;
  beforeAll(() => {
    namespace = NetworkNamespace.create('probe-answers');
  });
  afterAll(() => namespace.close());

  function probe(...args: string[]): Promise<{ status: number; out: string; err: string }> {
    return new Promise((resolve) => {
      namespace.run(() =>
        execFile(process.execPath, [launcher, 'probe', ...args], { timeout: 60_000 }, (error, out, err) =>
          resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err }),
        ),
      );
    });
  }

  it.each<[string, string[], RegExp]>([
    ['a name without an address', ['nosuch.invalid'], /^subflow: there is no address for nosuch\.invalid: /],
    ['no route', ['192.0.2.1'], /^subflow: .*ENETUNREACH/],
    ['an address of many hosts', ['224.0.0.1'], /^subflow: 224\.0\.0\.1 is not the address of one host/],
    [
      'an address for joins that is not its own',
      ['127.0.0.1', '--join-from', '10.9.9.9'],
      /no address of this host/,
    ],
    ['an address for joins of the other version of IP', ['127.0.0.1', '--join-from', '::1'], /IPv4, and ::1/],
  ])('says %s in one line, and ends with 3', async (_what, args, line) => {
    const { err, out, status } = await probe(...args);
    expect(status).toBe(3);
    expect(out).toBe('');
    expect(err).toMatch(line);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it.each(['127.0.0.1:9', '[::1]:9'])('cannot tell of the closed port of the loopback %s', async (target) => {
    const { out, status } = await probe(target, '--trace');
    expect(status).toBe(3);
    expect(out).toContain('Cannot tell: the port is closed; a RST answers.');
    expect(out).toContain('Nothing on the path changes SYNs; nothing else could be tried.');
  });
});
