/** Bugs to plant in a world, to see that the checkers find them. */

import { Connection } from '../../src/mptcp/index.js';
import { DataSender } from '../../src/mptcp/send-data.js';
import { rulesOf } from '../../src/mptcp/version.js';
import {
  type Direction,
  fillTcpChecksum,
  type Middlebox,
  type Packet,
  packetFunction,
  pseudoSum,
  readIp,
} from '../../src/network/index.js';
import { IpPacket, IpProtocol, verifyTcpChecksum, writeU16 } from '../../src/wire/index.js';

/** A bug. */
export interface Plant {
  /** What it is, for a person. */
  readonly description: string;
  /** Changes the engine; returns what undoes it. */
  install(): () => void;
  /** Name of the feature without which it cannot show (features.ts); undefined for none. */
  readonly needs?: string;
  /** A box between a stack and the observers: what it does looks like the stack's own doing. */
  box(): Middlebox | undefined;
}

/** No bug. */
export const noPlant: Plant = { description: 'none', install: () => () => undefined, box: () => undefined };

/** The bugs, by name. */
export const plants: Readonly<Record<string, Plant>> = {
  'no-reinjection': enginePlant('data that a dead subflow held is not sent on another one', () => {
    const { reinject } = DataSender.prototype;
    DataSender.prototype.reinject = () => undefined;
    return () => {
      DataSender.prototype.reinject = reinject;
    };
  }),
  'duplicate-delivery': enginePlant('now and then the receiver delivers the same bytes twice', () => {
    const { read } = Connection.prototype;
    let count = 0;
    let last: Uint8Array | undefined;
    Connection.prototype.read = function (this: Connection, now, maxBytes) {
      if (last !== undefined && ++count % 50 === 0) return last;
      last = read.call(this, now, maxBytes);
      return last;
    };
    return () => {
      Connection.prototype.read = read;
    };
  }),
  'syn-data-twice': {
    ...enginePlant('the data of a SYN is delivered twice', () => {
      const { read } = Connection.prototype;
      const again = new WeakMap<Connection, Uint8Array | undefined>();
      Connection.prototype.read = function (this: Connection, now, maxBytes) {
        const repeated = again.get(this);
        if (repeated !== undefined) again.set(this, undefined);
        const bytes = repeated ?? read.call(this, now, maxBytes);
        const length = this.subflows[0]?.synBytesReceived ?? 0;
        if (bytes !== undefined && length > 0 && !again.has(this)) again.set(this, bytes.slice(0, length));
        return bytes;
      };
      return () => {
        Connection.prototype.read = read;
      };
    }),
    needs: 'Fast Open',
  },
  'join-without-proof': {
    ...enginePlant('the proof of a join is one that anybody can give', () => {
      const all = ([0, 1] as const).map((version) => rulesOf(version));
      const proofs = all.map(({ joinProof }) => joinProof);
      for (const rules of all) rules.joinProof = () => new Uint8Array(32);
      return () => all.forEach((rules, index) => (rules.joinProof = proofs[index]!));
    }),
    needs: 'an attacker',
  },
  'ignores-window': packetPlant('the sender takes every window for 64 KiB', 'inward', (bytes, ip) => {
    writeU16(bytes, ip.payloadOffset + 14, 0xffff);
    return true;
  }),
  'wrong-bytes': packetPlant('one in fifty segments carries a wrong byte', 'outward', (bytes, ip, count) => {
    const headerBytes = ip.headerLength + (bytes[ip.payloadOffset + 12]! >>> 4) * 4;
    if (count % 50 !== 49 || headerBytes >= bytes.length) return false;
    bytes[bytes.length - 1]! ^= 1;
    return true;
  }),
  'acknowledges-early': packetPlant(
    'segments acknowledge one byte more than came',
    'outward',
    (bytes, ip, count) => {
      const isHandshake = (bytes[ip.payloadOffset + 13]! & 0x06) !== 0;
      if (count % 20 !== 19 || isHandshake) return false;
      for (let at = ip.payloadOffset + 11; at >= ip.payloadOffset + 8; at--) {
        bytes[at] = bytes[at]! + 1;
        if (bytes[at] !== 0) break;
      }
      return true;
    },
  ),
};

function enginePlant(description: string, install: () => () => void): Plant {
  return { description, install, box: () => undefined };
}

/** A bug in what a host makes of the packets that it sends or gets; `change` says whether it changed one. */
function packetPlant(
  description: string,
  way: Direction,
  change: (bytes: Uint8Array, ip: IpPacket, count: number) => boolean,
): Plant {
  return {
    description,
    install: () => () => undefined,
    box: () => {
      const ip = new IpPacket();
      let count = 0;
      return packetFunction((packet, direction) => {
        if (direction !== way || !isIntactTcp(packet, ip)) return [packet];
        if (change(packet.bytes, ip, count++) && !packet.needsChecksum) fillTcpChecksum(packet.bytes, ip);
        return [packet];
      });
    },
  };
}

/** Whether a packet is TCP and undamaged: the bug must not mend what the network broke. */
function isIntactTcp(packet: Packet, ip: IpPacket): boolean {
  const { bytes } = packet;
  if (!readIp(packet, ip) || ip.protocol !== IpProtocol.TCP) return false;
  return (
    packet.needsChecksum || verifyTcpChecksum(bytes, ip.payloadOffset, ip.payloadLength, pseudoSum(bytes, ip))
  );
}
