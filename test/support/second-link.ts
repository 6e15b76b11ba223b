/** A second interface of the balancers' machine that the client reaches, for a second balancer there. */
import { closeSync } from 'node:fs';
import { ioctl, NativeBuffer, type NetworkNamespace, socket } from '../../src/linux/index.js';

/** AF_INET; SOCK_DGRAM and SOCK_CLOEXEC. */
const AF_INET = 2;
const datagram = 2 | 0x8_0000;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;

/** Where clients' packets come in, and what a route of the client's over it is. */
export interface LabLink {
  readonly device: string;
  readonly via: string;
}

/** Adds it to a `RunLab`. What goes out by one link is answered by the other. */
export function addSecondLink(lab: { client: NetworkNamespace; middle: NetworkNamespace }): LabLink {
  const { client, middle } = lab;
  client.connectTo(middle, 'c9', 'b9');
  sumInSoftware(client, 'c9');
  client.ip('link set c9 mtu 1400', 'address add 10.1.9.2/24 dev c9');
  middle.ip('address add 10.1.9.1/24 dev b9');
  for (const name of ['all', 'c0', 'c9']) client.sysctl(`net.ipv4.conf.${name}.rp_filter`, 0);
  for (const name of ['all', 'b0', 'b9']) middle.sysctl(`net.ipv4.conf.${name}.rp_filter`, 0);
  return { device: 'b9', via: '10.1.9.1 dev c9' };
}

/** Has the kernel sum up packets before they leave by an interface: the program at its other end sees them before hardware would. */
function sumInSoftware(namespace: NetworkNamespace, device: string): void {
  const value = new NativeBuffer(8);
  value.bytes.set(new Uint8Array(Uint32Array.of(ETHTOOL_STXCSUM, 0).buffer));
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode(device));
  new DataView(request.buffer).setBigUint64(16, BigInt(value.address), true);
  const fd = namespace.run(() => socket(AF_INET, datagram, 0));
  try {
    ioctl(fd, SIOCETHTOOL, request, device);
  } finally {
    closeSync(fd);
  }
}
