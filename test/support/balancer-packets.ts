/** Packets as clients of a balanced service send them, with right checksums, of either family. */
import {
  Balancer,
  type BalancerOptions,
  type ServerSpec,
  type Verdict,
  verdictActionNames,
  verdictReasonNames,
} from '../../src/balancer/index.js';
import { SeededRandom } from '../../src/base/index.js';
import {
  emitMptcpOption,
  IpAddress,
  type MptcpOption,
  mptcpOptionLength,
  TcpFlag,
  writeU32,
} from '../../src/wire/index.js';
import { tcpPacket, type TcpPacketFields } from '../simulation/packets.js';

/** The address of the service, by family. */
export const serviceAddress = { 4: '192.0.2.80', 6: '2001:db8::80' } as const;

/** The service on port 80 of both addresses. */
export const services = [
  { address: IpAddress.parse(serviceAddress[4])!, port: 80 },
  { address: IpAddress.parse(serviceAddress[6])!, port: 80 },
];

/** Server `id` at 10.9.0.ID or fd09::ID. */
export function server(id: number, more: Partial<ServerSpec> = {}, family: 4 | 6 = 4): ServerSpec {
  const text = family === 4 ? `10.9.${id >> 8}.${id & 255}` : `fd09::${id.toString(16)}`;
  return { id, address: IpAddress.parse(text)!, ...more };
}

/** Servers 1 to `count`. */
export function servers(count: number): ServerSpec[] {
  return Array.from({ length: count }, (_, index) => server(index + 1));
}

/** A balancer for {@link services} with four servers, unless `options` say otherwise. */
export function balancerOf(
  design: BalancerOptions['design'],
  options: Partial<BalancerOptions> = {},
  now = 0,
): Balancer {
  return new Balancer(now, {
    design,
    services,
    servers: servers(4),
    random: new SeededRandom(1),
    ...options,
  });
}

/** MPTCP options as bytes, filled up with NOPs. */
export function mptcpBytes(...options: readonly MptcpOption[]): Uint8Array {
  const length = options.reduce((sum, option) => sum + mptcpOptionLength(option), 0);
  const bytes = new Uint8Array((length + 3) & ~3).fill(1);
  let at = 0;
  for (const option of options) at += emitMptcpOption(option, bytes, at);
  return bytes;
}

/** The timestamps option, with two NOPs before it. */
export function timestampBytes(tsVal: number, tsEcr: number): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set([1, 1, 8, 10]);
  writeU32(bytes, 4, tsVal);
  writeU32(bytes, 8, tsEcr);
  return bytes;
}

/** One client end: number `host` of 198.51.0.0/16 or 2001:db8:c::/64. */
export class ClientFlow {
  readonly family: 4 | 6;
  readonly source: string;
  readonly sourcePort: number;
  readonly destinationPort: number;

  constructor(host: number, sourcePort = 40_000, family: 4 | 6 = 4, destinationPort = 80) {
    this.family = family;
    this.source = family === 4 ? `198.51.${host >> 8}.${host & 255}` : `2001:db8:c::${host.toString(16)}`;
    this.sourcePort = sourcePort;
    this.destinationPort = destinationPort;
  }

  packet(fields: Partial<TcpPacketFields>): Uint8Array {
    const { source, sourcePort, destinationPort } = this;
    const destination = serviceAddress[this.family];
    return tcpPacket({ source, destination, sourcePort, destinationPort, ...fields });
  }

  /** A SYN with MP_CAPABLE. */
  syn(version: 0 | 1 = 1): Uint8Array {
    const key = version === 0 ? { senderKey: 1n } : {};
    const options = mptcpBytes({ subtype: 'MP_CAPABLE', version, flags: 1, ...key });
    return this.packet({ flags: TcpFlag.SYN, ack: 0, options });
  }

  /** The ACK that repeats both keys, with data when `dataLength` is given. */
  thirdAck(serverKey: bigint, version: 0 | 1 = 1, dataLength?: number, checksum?: number): Uint8Array {
    const data = dataLength === undefined ? {} : { dataLength, ...(checksum !== undefined && { checksum }) };
    const keys = { senderKey: 77n, receiverKey: serverKey, ...data };
    return this.packet({
      options: mptcpBytes({ subtype: 'MP_CAPABLE', version, flags: 1, ...keys }),
      payload: new Uint8Array(dataLength ?? 0),
    });
  }

  /** A SYN with MP_JOIN. */
  join(token: number): Uint8Array {
    const option = {
      subtype: 'MP_JOIN',
      phase: 'syn',
      backup: false,
      addressId: 2,
      token,
      nonce: 5,
    } as const;
    return this.packet({ flags: TcpFlag.SYN, ack: 0, options: mptcpBytes(option) });
  }

  /** An ordinary segment; it echoes `tsEcr` when that is given. */
  data(tsEcr?: number, flags: number = TcpFlag.ACK): Uint8Array {
    const options = tsEcr === undefined ? new Uint8Array(0) : timestampBytes(1234, tsEcr);
    return this.packet({ flags, options, payload: new Uint8Array(10) });
  }

  /** The ICMP error about a segment that the service sent to this client, `quotedBytes` of which are quoted. */
  tooBig(quotedBytes = 60, tsVal?: number): Uint8Array {
    const options = tsVal === undefined ? new Uint8Array(0) : timestampBytes(tsVal, 1);
    const quoted = tcpPacket({
      source: serviceAddress[this.family],
      sourcePort: this.destinationPort,
      destination: this.source,
      destinationPort: this.sourcePort,
      options,
      payload: new Uint8Array(1000),
    }).subarray(0, quotedBytes);
    const carrier = this.packet({ payload: new Uint8Array(0) });
    const headerBytes = this.family === 4 ? 20 : 40;
    const bytes = new Uint8Array(headerBytes + 8 + quoted.length);
    bytes.set(carrier.subarray(0, headerBytes));
    bytes[headerBytes] = this.family === 4 ? 3 : 2;
    bytes[headerBytes + 1] = this.family === 4 ? 4 : 0;
    bytes.set(quoted, headerBytes + 8);
    if (this.family === 4) {
      bytes[9] = 1;
      bytes[3] = bytes.length & 255;
      bytes[2] = bytes.length >> 8;
    } else {
      bytes[6] = 58;
      bytes[5] = (bytes.length - 40) & 255;
      bytes[4] = (bytes.length - 40) >> 8;
    }
    return bytes;
  }
}

/** A verdict in words, for comparison. */
export function inWords(verdict: Verdict): string {
  const { action, reason, server: to, previous } = verdict;
  const words: string[] = [verdictActionNames[action]];
  if (to !== undefined) words.push(`to ${to.id}`);
  if (previous !== undefined) words.push(`before ${previous.id}`);
  if (reason !== 0) words.push(verdictReasonNames[reason]);
  return words.join(' ');
}

/** Number of the server that the packet goes to; 0 for none. */
export function serverFor(balancer: Balancer, packet: Uint8Array, now = 0): number {
  return balancer.steer(now, packet).server?.id ?? 0;
}
