/** Checksums of virtual links, for programs that see packets before any hardware would have summed them up. */
import { closeSync } from 'node:fs';
import { ioctl, NativeBuffer, type NetworkNamespace, socket } from '../../src/linux/index.js';

const AF_INET = 2;
/** SOCK_DGRAM and SOCK_CLOEXEC. */
const datagram = 2 | 0x8_0000;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;

/** Has the kernel sum up packets before they leave by an interface (ethtool -K NAME tx off). */
export function sumInSoftware(namespace: NetworkNamespace, device: string): void {
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
