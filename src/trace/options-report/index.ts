/**
 * The options report: each packet of each handshake, option by option, what was agreed, and what is unusual. Reads the
 * headers that the analyser kept (`SubflowReport.handshake`), so it shows handshakes that were captured, and the first data.
 */
import type { HandshakePacket } from '../handshake-packet.js';
import type { ConnectionReport, SubflowReport } from '../report.js';
import { agreementOf } from './agreement.js';
import { capableOf, compare, mssOf, type ReadPacket } from './comparison.js';
import { mptcpOf, type PlacedOption, readHeaderOptions } from './header-options.js';
import type { ConnectionOptionsReport, PacketOptionsReport, SubflowOptionsReport } from './model.js';
import { forbidsJoins } from './mptcp-text.js';
import { describeOption } from './option-text.js';

export { agreedText } from './agreed-text.js';
export type * from './model.js';
export { tcpKindName } from './option-text.js';
export {
  capableOf,
  describeOption,
  forbidsJoins,
  mptcpOf,
  mssOf,
  type PlacedOption,
  type ReadPacket,
  readHeaderOptions,
};

/** What the options of a connection's handshakes say. */
export function reportOptions(connection: ConnectionReport): ConnectionOptionsReport {
  return {
    connection: connection.id,
    subflows: connection.subflows.map((subflow) => reportSubflow(connection, subflow)),
  };
}

/** The packets of a subflow's handshake, read. */
export function readHandshake({ handshake }: SubflowReport): ReadPacket[] {
  return handshake.map((packet) => ({
    packet,
    flags: packet.header[13]!,
    header: readHeaderOptions(packet.header),
  }));
}

function reportSubflow(connection: ConnectionReport, subflow: SubflowReport): SubflowOptionsReport {
  const packets = readHandshake(subflow);
  const { id, stream, client, server } = subflow;
  return {
    ...{ subflow: id, stream, client, server },
    packets: packets.map((read, index) => reportPacket(read, packets.slice(0, index))),
    agreed: agreementOf(connection, packets),
  };
}

function reportPacket(read: ReadPacket, earlier: readonly ReadPacket[]): PacketOptionsReport {
  const { packet, atNs, sender, role, payloadLength }: HandshakePacket = read.packet;
  return {
    ...{ packet, atNs, sender, role, payloadLength },
    options: read.header.options.map((option) => describeOption(option, read.flags)),
    notes: compare(read, earlier),
  };
}
