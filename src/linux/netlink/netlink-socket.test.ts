import { expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp } from '../capabilities.js';
import { NetlinkSocket } from './netlink-socket.js';

describeWith('the kernel', [kernelMptcp()], () => {
  it('knows the family of its path manager, and says so when there is none of a name', () => {
    const socket = new NetlinkSocket();
    try {
      expect(socket.family('mptcp_pm')).toBeGreaterThan(16);
      expect(() => socket.family('no_such_family')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    } finally {
      socket.close();
    }
  });
});
