/**
 * Messages of rtnetlink, taken out of what one receive call gave. Knows no system calls.
 *
 * Read first: netlink(7), rtnetlink(7).
 */

export const NETLINK_HEADER_BYTES = 16;

/** One message, without its netlink header. */
export interface RouteMessage {
  /** RTM_... of linux/rtnetlink.h, or NLMSG_... of linux/netlink.h. */
  readonly type: number;
  /** That of the question; 0 in what was not asked for. */
  readonly sequence: number;
  /** The structure of the type, and its attributes. */
  readonly body: Uint8Array;
}

/** A message with the flags of its header (NLM_F_... of linux/netlink.h). */
export interface FlaggedMessage extends RouteMessage {
  readonly flags: number;
}

/** The messages in what one receive call gave; what is cut short at the end is left out. */
export function routeMessagesOf(bytes: Uint8Array): FlaggedMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const messages: FlaggedMessage[] = [];
  for (let at = 0; at + NETLINK_HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < NETLINK_HEADER_BYTES || at + length > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.subarray(at + NETLINK_HEADER_BYTES, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}
