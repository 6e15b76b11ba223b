/** Numbers and addresses in attributes: as the kernel has them on the little-endian machines that this project runs on. */
import { IpAddress } from '../wire/index.js';

/** Address families (sys/socket.h). */
export const AF_INET = 2;
export const AF_INET6 = 10;

/** The number in an attribute of 1, 2 or 4 bytes; undefined where there is none, or it has another length. */
export function numberOf(bytes: Uint8Array | undefined, littleEndian = true): number | undefined {
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 1) return view.getUint8(0);
  if (bytes.length === 2) return view.getUint16(0, littleEndian);
  return bytes.length === 4 ? view.getUint32(0, littleEndian) : undefined;
}

/** The address in an attribute of 4 or 16 bytes; undefined where there is none, or it has another length. */
export function addressOf(bytes: Uint8Array | undefined): IpAddress | undefined {
  if (bytes?.length === 4) return IpAddress.readV4(bytes, 0);
  return bytes?.length === 16 ? IpAddress.readV6(bytes, 0) : undefined;
}

/** The bytes of an address. */
export function bytesOfAddress(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(address.byteLength);
  address.writeTo(bytes, 0);
  return bytes;
}

/** The number of an address's family. */
export function familyNumber(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** The family of a number; undefined for any but those of IP. */
export function familyOf(number: number | undefined): 4 | 6 | undefined {
  return number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined;
}
