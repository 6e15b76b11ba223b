/**
 * Takes a captured frame apart for people to look at: every field with its place, its value, and what it means. One frame at a
 * time and with allocations at will; what counts packets by the million uses the decoder. Whatever the bytes are, it gives what
 * is there. Reads with the codecs of wire/ and the link layer of capture/.
 */
import { type IpPacket, IpProtocol } from '../../wire/index.js';
import { bytesText } from './field-list.js';
import { Frame } from './frame.js';
import { dissectIp, isLaterFragment } from './ip-layer.js';
import { protocolName } from './ip-texts.js';
import { dissectLink } from './link-layer.js';
import { linkTexts } from './link-texts.js';
import type { Dissection } from './model.js';
import { dissectIcmp, dissectUdp } from './other-layers.js';
import { addPayload } from './payload-layer.js';
import { dissectTcp } from './tcp-layer.js';

/** IP packets within one another that are followed: tunnels. */
const maxTunnels = 4;
const protocolIpv4 = 4;
const protocolIpv6 = 41;

/**
 * Every field of a captured frame; never throws, whatever the bytes.
 *
 * @param bytes - The frame from its link header on, as much of it as was captured.
 * @param linkType - What it begins with, a number of the tcpdump.org registry (`LinkType`).
 */
export function dissect(bytes: Uint8Array, linkType: number): Dissection {
  const frame = new Frame(bytes);
  const at = dissectLink(frame, linkType);
  if (at >= 0) followIp(frame, at, bytes.length);
  return frame.finish();
}

function followIp(frame: Frame, start: number, length: number): void {
  let at = start;
  let end = length;
  for (let depth = 0; depth < maxTunnels; depth++) {
    const packet = dissectIp(frame, at, end);
    if (packet === undefined) return;
    if (depth === 0) addPadding(frame, packet.payloadOffset + packet.payloadAvailable);
    const isTunnel = packet.protocol === protocolIpv4 || packet.protocol === protocolIpv6;
    if (!isTunnel || packet.isFragment) return follow(frame, packet);
    at = packet.payloadOffset;
    end = at + packet.payloadAvailable;
  }
  frame.hinder('there are more tunnels in one another than are followed');
}

/** What the packet carries. */
function follow(frame: Frame, packet: IpPacket): void {
  const { protocol, payloadOffset, payloadAvailable, payloadLength } = packet;
  if (isLaterFragment(packet)) {
    frame.hinder(
      'the packet is a later piece of one that was cut in fragments: its headers are in the first',
    );
    return addPayload(frame, payloadOffset, payloadAvailable, payloadLength);
  }
  switch (protocol) {
    case IpProtocol.TCP:
      return dissectTcp(frame, packet);
    case IpProtocol.UDP:
      return dissectUdp(frame, packet);
    case IpProtocol.ICMP:
      return dissectIcmp(frame, packet, 4);
    case IpProtocol.ICMPV6:
      return dissectIcmp(frame, packet, 6);
  }
  frame.hinder(`the packet carries ${protocolName(protocol)}, which is not read here`);
  addPayload(frame, payloadOffset, payloadAvailable, payloadLength);
}

/** Bytes of the frame behind the packet, which fill it up to the least that the link carries. */
function addPadding(frame: Frame, at: number): void {
  const list = frame.list(frame.bytes.length);
  if (at >= list.end) return;
  list.hex('padding', at, list.end - at, linkTexts.padding);
  frame.addLast('padding', bytesText(list.end - at), at, list);
}
