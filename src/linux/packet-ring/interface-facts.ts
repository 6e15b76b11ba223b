/** What has to be known of an interface to receive and send by it. Asked in the calling thread's namespace. */
import { closeSync } from 'node:fs';
import { SubflowError } from '../../base/index.js';
import { interfaceIndex } from '../bpf/interface-index.js';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from '../constants.js';
import { addressOf, ioctl, socket } from '../libc.js';
import { SystemError } from '../system-error.js';

const SIOCGIFNAME = 0x8910;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GCHANNELS = 0x3c;
const ARPHRD_ETHER = 1;
/** struct ifreq: a name, then what is asked. */
const REQUEST_BYTES = 40;
const NAME_BYTES = 16;
/** struct ethtool_channels: the command, four limits, then queues to receive, to send, others, and for both. */
const CHANNELS_BYTES = 36;

/** See the module. */
export interface InterfaceFacts {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  /** Queues that packets may come in by: 1 or more. */
  readonly queues: number;
  /** The Ethernet address: 6 bytes. */
  readonly address: Uint8Array;
}

/**
 * Asks about the interface called `name`, or with that index.
 * @throws SystemError `ENODEV`. SubflowError `ERR_SUBFLOW_LINK_TYPE` for one that is no Ethernet.
 */
export function interfaceFacts(which: string | number): InterfaceFacts {
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    const name = typeof which === 'string' ? which : nameOf(fd, which);
    const hardware = ask(fd, SIOCGIFHWADDR, name);
    const kind = new DataView(hardware.buffer).getUint16(NAME_BYTES, true);
    if (kind !== ARPHRD_ETHER) {
      throw new SubflowError('ERR_SUBFLOW_LINK_TYPE', `${name} is no Ethernet (${kind})`, {
        hint: 'The data path in user space works on Ethernet interfaces, veth and bridges among them.',
      });
    }
    return {
      name,
      index: interfaceIndex(name),
      mtu: new DataView(ask(fd, SIOCGIFMTU, name).buffer).getInt32(NAME_BYTES, true),
      queues: queuesOf(fd, name),
      address: hardware.slice(NAME_BYTES + 2, NAME_BYTES + 8),
    };
  } finally {
    closeSync(fd);
  }
}

function ask(fd: number, what: number, name: string): Uint8Array {
  const request = new Uint8Array(REQUEST_BYTES);
  request.set(new TextEncoder().encode(name).subarray(0, NAME_BYTES - 1));
  ioctl(fd, what, request, name);
  return request;
}

function nameOf(fd: number, index: number): string {
  const request = new Uint8Array(REQUEST_BYTES);
  new DataView(request.buffer).setInt32(NAME_BYTES, index, true);
  ioctl(fd, SIOCGIFNAME, request, `interface ${index}`);
  return new TextDecoder().decode(request.subarray(0, request.indexOf(0)));
}

/** A driver that cannot tell has one. */
function queuesOf(fd: number, name: string): number {
  const channels = new Uint8Array(CHANNELS_BYTES);
  const view = new DataView(channels.buffer);
  view.setUint32(0, ETHTOOL_GCHANNELS, true);
  const request = new Uint8Array(REQUEST_BYTES);
  request.set(new TextEncoder().encode(name).subarray(0, NAME_BYTES - 1));
  new DataView(request.buffer).setBigUint64(NAME_BYTES, BigInt(addressOf(channels)), true);
  try {
    ioctl(fd, SIOCETHTOOL, request, name);
  } catch (error) {
    if (error instanceof SystemError) return 1;
    throw error;
  }
  return Math.max(1, view.getUint32(20, true) + view.getUint32(32, true));
}
