/** Address IDs of this host's own addresses within one connection (RFC 8684 §3.2 and §3.4.1). */
import type { IpAddress } from '../wire/index.js';
import type { ConnectionCore } from './core.js';

/** The address ID of one of this host's addresses in this connection. */
export function localIdOf(core: ConnectionCore, address: IpAddress): number {
  if (address.equals(core.tuple.local.address)) return 0;
  const known = core.paths?.localAddresses.find((local) => local.address.equals(address));
  if (known !== undefined) return known.id;
  const same = core.subflows.find((subflow) => subflow.local.address.equals(address));
  if (same !== undefined) return same.localId;
  // An address the owner never told: any ID that is not in use will do (RFC 8684 §3.2).
  let id = 1;
  while (
    core.subflows.some((subflow) => subflow.localId === id) ||
    core.addresses?.local.some((announced) => announced.id === id) === true
  ) {
    id++;
  }
  return id & 0xff;
}
