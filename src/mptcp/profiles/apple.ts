/**
 * Behaves as the Multipath TCP of Apple's systems does for applications that ask for hand-over (XNU,
 * bsd/netinet/mptcp*.c): a client only, 32-bit data sequence numbers, subflows of its own making to the address it
 * connected to, one in use and the others in reserve; nothing is announced, and what the peer announces is passed over
 * in silence, as XNU's earlier releases did. (Later ones connect to announced addresses of the public Internet, of which
 * they remember the last one of each family.)
 */
import { activeBackup } from '../path-manager/active-backup.js';
import { lowestRtt } from '../scheduler/lowest-rtt.js';
import type { Profile } from './profile.js';

export const apple: Profile = Object.freeze({
  name: 'apple',
  isClientOnly: true,
  settings: Object.freeze({
    dataSequenceBits: 32,
    maxAnnouncedAddresses: 0,
    heedAnnouncements: false,
    scheduler: lowestRtt,
    pathManager: activeBackup,
  }),
});
