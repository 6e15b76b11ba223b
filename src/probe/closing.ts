/**
 * Leaves nothing behind on the target: the connection is closed fast, and every flow is reset.
 * Read first: RFC 8684 §3.5, RFC 6824 §3.5.
 */
import { TcpFlag } from '../wire/index.js';
import { type Conversation, mptcpOptions } from './conversation.js';
import type { Flow } from './flow.js';
import { pause, type Script } from './script.js';

/** MP_FASTCLOSE on `flow`: on a RST in version 1, on an ACK in version 0, whose RST comes from the target. */
export function sendFastClose(talk: Conversation, flow: Flow): void {
  const { peer, version } = talk;
  if (peer === undefined) return;
  const options = mptcpOptions({ subtype: 'MP_FASTCLOSE', receiverKey: peer.keyValue });
  const flags = version === 0 ? TcpFlag.ACK : TcpFlag.ACK | TcpFlag.RST;
  talk.send(flow, { seq: flow.placesOfPeer[0], flags, options });
}

/** The script, and then the end of every flow that it left open, however it ends. */
export function* closedAtEnd<T>(talk: Conversation, script: Script<T>): Script<T> {
  try {
    return yield* script;
  } finally {
    yield* closeAll(talk);
  }
}

/** Ends whatever is open. */
function* closeAll(talk: Conversation): Script<void> {
  talk.isClosing = true;
  const open = talk.flows.filter((flow) => flow.isOpen && !flow.isReset);
  const [first] = open;
  if (first === undefined) return;
  if (talk.isMultipath) sendFastClose(talk, first);
  for (const flow of open) {
    const [known, furthest] = flow.placesOfPeer;
    const flags = TcpFlag.ACK | TcpFlag.RST;
    if (!flow.isReset) talk.send(flow, { seq: known, flags });
    if (furthest !== undefined) talk.send(flow, { seq: furthest, flags });
  }
  // Gives the owner the chance to send them.
  yield* pause(0);
}
