/**
 * Behaves as Linux does as it comes (net/mptcp and Documentation/networking/mptcp-sysctl.rst): two subflows beside the
 * initial one, none to addresses that the peer announces (they are echoed all the same), two SYNs before TCP is tried,
 * and patience with paths and announcements.
 */
import { SECOND } from '../../base/index.js';
import { fullMesh } from '../path-manager/full-mesh.js';
import { linuxDefault } from '../scheduler/linux.js';
import type { Profile } from './profile.js';

export const linux: Profile = Object.freeze({
  name: 'linux',
  isClientOnly: false,
  settings: Object.freeze({
    checksum: false,
    dataSequenceBits: 64,
    joinInitialAddress: true,
    // net.mptcp.syn_retrans_before_tcp_fallback: retransmissions, the first SYN not counted.
    synsBeforeFallback: 3,
    maxSubflows: 3,
    maxAcceptedAddresses: 0,
    addAddrTimeoutNs: 120 * SECOND,
    addAddrRetries: 3,
    staleTimeouts: 4,
    closeTimeoutNs: 60 * SECOND,
    // Mainline has neither; the scheduler is to make them unnecessary.
    opportunisticRetransmission: false,
    penalisation: false,
    scheduler: linuxDefault,
    pathManager: fullMesh,
  }),
});
