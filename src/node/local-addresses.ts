/** The option `localAddresses` of `connect` (RFC 6897 §5.3.3): checked here, and turned into what the engine takes. */
import { isIP } from 'node:net';
import { SubflowError } from '../base/index.js';
import type { StackConnectOptions } from '../stack/index.js';
import { IpAddress } from '../wire/index.js';
import { argumentType, unsupported } from './option-error.js';
import type { Transport } from './socket.js';

/** Throws unless the option is a list of addresses and can be had with `transport`. */
export function checkLocalAddresses(addresses: readonly string[] | undefined, transport: Transport): void {
  if (addresses === undefined) return;
  const list: unknown = addresses;
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'string'))
    throw argumentType('localAddresses', 'an array of addresses');
  const wrong = addresses.find((each) => isIP(each) === 0);
  if (wrong !== undefined)
    throw new SubflowError('ERR_INVALID_IP_ADDRESS', `'${wrong}' is not an IP address`);
  if (transport === 'kernel')
    throw unsupported(
      'a choice of addresses for one socket',
      'Use localAddress, and openSubflow() under net.mptcp.path_manager=userspace; or the userspace transport.',
    );
}

/** What the engine takes. */
export function localAddressesFor(
  addresses: readonly string[] | undefined,
): Pick<StackConnectOptions, 'localAddresses'> {
  if (addresses === undefined) return {};
  const parsed = addresses.map((text) => IpAddress.parse(text)).filter((address) => address !== undefined);
  return { localAddresses: parsed };
}
