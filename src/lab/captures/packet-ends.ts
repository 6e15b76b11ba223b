/** Which connection of a report a packet belongs to, by its addresses and ports. */
import { LinkPayload, linkPayload } from '../../capture/index.js';
import type { ConnectionReport, Sender } from '../../trace/index.js';
import { formatEndpoint, IpPacket, IpProtocol, parseIp } from '../../wire/index.js';

/** Source and destination of a TCP segment, as reports write them. */
export interface PacketEnds {
  readonly source: string;
  readonly destination: string;
}

/** The ends of the segment in a frame; undefined when there is none that can be told. */
export function packetEnds(frame: Uint8Array, linkType: number): PacketEnds | undefined {
  const payload = new LinkPayload();
  if (linkPayload(linkType, frame, 0, frame.length, payload) === undefined) return undefined;
  const ip = new IpPacket();
  // Cut frames state more than they have.
  if (parseIp(frame, payload.offset, payload.length, ip, 65_575) !== undefined) return undefined;
  if (ip.protocol !== IpProtocol.TCP || ip.payloadAvailable < 4) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const portAt = (at: number): number => view.getUint16(ip.payloadOffset + at);
  return {
    source: formatEndpoint({ address: ip.source, port: portAt(0) }),
    destination: formatEndpoint({ address: ip.destination, port: portAt(2) }),
  };
}

/** The connection with a subflow between these ends at the time of packet number `packet`, and who sent it. */
export function connectionOf(
  connections: readonly ConnectionReport[],
  { source, destination }: PacketEnds,
  packet: number,
): { readonly connection: ConnectionReport; readonly sender: Sender } | undefined {
  for (const connection of connections) {
    if (packet < connection.firstPacket || packet > connection.lastPacket) continue;
    for (const { client, server, firstPacket, lastPacket } of connection.subflows) {
      if (packet < firstPacket || packet > lastPacket) continue;
      if (client === source && server === destination) return { connection, sender: 'client' };
      if (client === destination && server === source) return { connection, sender: 'server' };
    }
  }
  return undefined;
}
