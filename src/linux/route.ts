/** Which way the kernel would send: the own address and the interface for a destination. Sends nothing. */
import { closeSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { SubflowError } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM } from './constants.js';
import { connect, getsockname, socket } from './libc.js';
import { inside, type NetworkNamespace } from './namespace.js';
import { decodeSocketAddress, encodeSocketAddress } from './socket-address.js';
import { SystemError } from './system-error.js';

/** A way out of this host. */
export interface LocalRoute {
  /** The address that connections to the destination come from. */
  readonly address: IpAddress;
  /** The interface that they leave by. */
  readonly interfaceName: string;
}

/**
 * The route to `destination`, as the kernel of the namespace would choose it.
 * @throws SystemError `ENETUNREACH` where there is none.
 * @throws SubflowError `ENODEV` when the address chosen is on no interface.
 */
export function routeTo(destination: IpAddress, namespace?: NetworkNamespace): LocalRoute {
  return inside(namespace, () => {
    const own = interfaceOf(destination);
    // What is sent to an address of this host's own never leaves by the interface that has it.
    if (own !== undefined) return { address: destination, interfaceName: 'lo' };
    const address = sourceFor(destination);
    const interfaceName = interfaceOf(address);
    if (interfaceName !== undefined) return { address, interfaceName };
    throw new SubflowError('ENODEV', `no interface has the address ${address.toString()}`, {
      hint: 'ip address show lists interfaces and their addresses.',
    });
  });
}

/**
 * The interface that has `address`; undefined when none that is up has it.
 */
export function interfaceWith(address: IpAddress, namespace?: NetworkNamespace): string | undefined {
  return inside(namespace, () => interfaceOf(address));
}

function interfaceOf(address: IpAddress): string | undefined {
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    for (const entry of entries ?? [])
      if (IpAddress.parse(entry.address)?.equals(address) === true) return name;
  }
  return undefined;
}

/** A datagram socket that is connected sends nothing and has the address that the kernel chose. */
function sourceFor(destination: IpAddress): IpAddress {
  const fd = socket(destination.family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    const text = destination.toString();
    const result = connect(fd, encodeSocketAddress(text, 9));
    if (result < 0) {
      throw new SystemError('connect', -result, {
        detail: text,
        hint: `There is no route to it: ip route get ${text}.`,
      });
    }
    const local = decodeSocketAddress(getsockname(fd));
    return IpAddress.parse(local?.address ?? '') ?? IpAddress.unspecified(destination.family);
  } finally {
    closeSync(fd);
  }
}
