/**
 * What boxes do with the time to live: some drop packets that have little of it left (against probing by traceroute
 * and tracebox, Detal et al., IMC 2013), some write the same value into all (against evasion by packets that do not
 * reach the other end).
 */

import { SubflowError } from '../../base/index.js';
import { IpPacket, readU16, updateChecksum16 } from '../../wire/index.js';
import { type Middlebox, packetFunction } from '../middlebox.js';
import { readIp } from '../packet-edit.js';

/** Where the header checksum stands in an IPv4 header. */
const ipv4ChecksumAt = 10;

/** A box that drops packets whose hop limit is below `minimum`, 1 to 255. */
export function hopLimitFilter(minimum: number): Middlebox {
  requireHopLimit(minimum);
  const ip = new IpPacket();
  return packetFunction((packet) => (readIp(packet, ip) && ip.hopLimit < minimum ? [] : [packet]));
}

/** A box that gives every packet the hop limit `value`, 1 to 255. */
export function hopLimitNormaliser(value: number): Middlebox {
  requireHopLimit(value);
  const ip = new IpPacket();
  return packetFunction((packet) => {
    const { bytes } = packet;
    if (readIp(packet, ip)) {
      if (ip.family === 6) {
        bytes[7] = value;
      } else {
        const before = readU16(bytes, 8);
        bytes[8] = value;
        updateChecksum16(bytes, ipv4ChecksumAt, before, readU16(bytes, 8));
      }
    }
    return [packet];
  });
}

function requireHopLimit(value: number): void {
  if (!(Number.isInteger(value) && value >= 1 && value <= 255)) {
    throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `a hop limit lies from 1 to 255, not at ${value}`);
  }
}
