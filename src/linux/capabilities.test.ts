import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeWith, isRoot } from '../../test/support/with-rights.js';
import { mayCreateNamespaces, mayCreateTun, mayOpenRawSockets, mayUseXdp } from './capabilities.js';
import { unsupportedReason } from './libc.js';
import { NetworkNamespace } from './namespace.js';
import { Tun } from './tun.js';

// Only root can give its rights up and take them back.
describeWith('without rights', [isRoot()], () => {
  /** Runs `action` as a user without any; the process can take root's rights back. */
  function asNobody<T>(action: () => T): T {
    process.seteuid!(65_534);
    try {
      return action();
    } finally {
      process.seteuid!(0);
    }
  }

  it('says what is missing, and what to do', () => {
    expect(unsupportedReason()).toBeUndefined();
    for (const may of [mayCreateTun, mayCreateNamespaces, mayOpenRawSockets, mayUseXdp]) {
      expect(asNobody(may)).toEqual({
        available: false,
        reason: expect.stringMatching(/CAP_|may not be opened/) as string,
        hint: 'Run as root.',
      });
    }
  });

  it('fails with an error that says the same', () => {
    const denied = expect.objectContaining({
      code: expect.stringMatching(/^(EPERM|EACCES)$/) as string,
      hint: expect.stringContaining('root') as string,
    }) as Error;
    expect(() => asNobody(() => Tun.open({ name: 'none0' }))).toThrow(denied);
    expect(() => asNobody(() => NetworkNamespace.create('none'))).toThrow(denied);
  });
});

describe('on another system', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('importing works, and only use fails', async () => {
    vi.resetModules();
    vi.stubGlobal('process', Object.create(process, { platform: { value: 'plan9' } }));
    const linux = await import('./index.js');
    for (const may of [
      linux.kernelMptcp,
      linux.mayCreateTun,
      linux.mayCreateNamespaces,
      linux.mayOpenRawSockets,
      linux.mayUseXdp,
    ]) {
      expect(may()).toMatchObject({ available: false, reason: 'this is plan9, not Linux' });
    }
    const refused = expect.objectContaining({
      code: 'ERR_SUBFLOW_NOT_LINUX',
      hint: expect.stringContaining('simulat') as string,
    }) as Error;
    expect(() => linux.Tun.open({ name: 'none0' })).toThrow(refused);
    expect(() => linux.openKernelSocket({ family: 4 })).toThrow(refused);
    expect(() => linux.NetworkNamespace.create('none')).toThrow(refused);
  });
});
