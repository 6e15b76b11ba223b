/** What the fuzzer feeds of the netlink codec: what the kernel is taken to have said. */
import { assert } from '../../src/base/index.js';
import { decodePathEvent, decodeReplies, encodeRequest } from '../../src/netlink/index.js';
import type { FuzzTarget } from './target.js';

const MIN_MESSAGE_BYTES = 16;

function runReplies(input: Uint8Array): string {
  const replies = decodeReplies(input);
  assert(replies.length * MIN_MESSAGE_BYTES <= input.length, 'a message takes no less than its header');
  for (const reply of replies) {
    if (reply.kind === 'ack') assert(reply.errno >= 0, 'an error number is not negative');
    else if (reply.kind === 'data')
      for (const { length } of reply.attributes.values())
        assert(length <= input.length, 'an attribute lies within its message');
  }
  return replies
    .map((reply) => {
      if (reply.kind === 'done') return 'done';
      if (reply.kind === 'ack') return `ack ${reply.message.length > 0}`;
      return `${reply.attributes.size} ${decodePathEvent(reply)?.type ?? ''}`;
    })
    .join();
}

const address = {
  type: 1,
  nested: [
    { type: 1, u16: 2 },
    { type: 3, bytes: Uint8Array.of(10, 0, 0, 1) },
  ],
};
const request = encodeRequest({
  ...{ family: 30, command: 10, version: 1, sequence: 7 },
  attributes: [{ type: 4, u32: 0x1234 }, address, { type: 2, u8: 9 }],
});

/** The kernel's answer to `request`, with its reason in words. */
function refusal(errno: number, flags: number): Uint8Array {
  const words = [...new TextEncoder().encode('no such subflow'), 0];
  const length = 20 + request.length + 4 + words.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, 7, true);
  view.setInt32(16, -errno, true);
  bytes.set(request, 20);
  view.setUint16(20 + request.length, 4 + words.length, true);
  view.setUint16(22 + request.length, 1, true);
  bytes.set(words, 24 + request.length);
  return bytes;
}

/** As the kernel tells of a subflow that was closed. */
const event = encodeRequest({
  ...{ family: 30, command: 11, version: 1, sequence: 0 },
  attributes: [
    { type: 1, u32: 0x1234 },
    { type: 5, bytes: Uint8Array.of(10, 0, 0, 1) },
    { type: 8, bytes: new Uint8Array(16).fill(32) },
    { type: 9, u16: 80 },
    { type: 12, u8: 104 },
    { type: 16, u32: 1 },
  ],
});

const seeds = [
  request,
  event,
  refusal(3, 0x200),
  refusal(0, 0x300),
  Uint8Array.from([...request, ...refusal(22, 0x200)]),
];

export const netlinkTargets: readonly FuzzTarget[] = [
  { name: 'linux.netlink', seeds, maxBytes: 400, packetsPerInput: 1, run: runReplies },
];
