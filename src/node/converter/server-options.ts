/**
 * What a server answered to the kernel's SYN, as TCP options: for the Extended TCP Header of a converter's confirmation. The
 * kernel does not hand out the SYN+ACK of a connection that it opened; it says what came of it. So the list has the options
 * that both sides agreed on, and leaves out the segment size, which is each stack's own (RFC 8803 §7.1), the values of
 * timestamps and the server's key: whoever has that could join the connection.
 */
import { isMultipath, plainTcpInfo, subflowTcpInfo } from '../../linux/index.js';
import { TcpOptionKind } from '../../wire/index.js';

/** Length, subtype and version, flags of an MP_CAPABLE without a key (RFC 8684 §3.1): version 1, HMAC-SHA256. */
const keylessCapable = [TcpOptionKind.MPTCP, 4, 0x01, 0x01];

/** The options; a multiple of 4 bytes, padded at the end. */
export function serverOptions(fd: number): Uint8Array {
  const tcp = subflowTcpInfo(fd)[0] ?? plainTcpInfo(fd);
  const bytes: number[] = isMultipath(fd) ? [...keylessCapable] : [];
  if (tcp?.hasSack === true) bytes.push(TcpOptionKind.SACK_PERMITTED, 2);
  if (tcp?.hasTimestamps === true) bytes.push(TcpOptionKind.TIMESTAMPS, 10, 0, 0, 0, 0, 0, 0, 0, 0);
  if (tcp?.peerWindowShift !== undefined) bytes.push(TcpOptionKind.WINDOW_SCALE, 3, tcp.peerWindowShift);
  while (bytes.length % 4 !== 0) bytes.push(TcpOptionKind.END);
  return Uint8Array.from(bytes);
}
