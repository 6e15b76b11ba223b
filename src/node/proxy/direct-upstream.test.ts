import { expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, NetworkNamespace } from '../../linux/index.js';
import { DirectUpstream } from '../index.js';

describeWith('a proxy’s way to servers', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('refuses a service type that no connection could have, at once and with the way to have it', () => {
    const namespace = NetworkNamespace.create('upstream');
    const make = (isPlain: boolean): DirectUpstream =>
      namespace.run(() => new DirectUpstream({ serviceType: 'aggregate', isPlain }));
    try {
      expect(() => make(false)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_UNSUPPORTED' }));
      expect(make(true).name).toBe('direct');
      namespace.sysctl('net.mptcp.pm_type', 1);
      expect(make(false).name).toBe('direct');
    } finally {
      namespace.close();
    }
  });
});
