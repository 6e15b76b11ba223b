/**
 * Gives the packets of several captures to one consumer in the order of their time, as if they were one file; a single
 * capture keeps its own order. Each input has one packet in hand at any time.
 */

import { type CapturedPacket, type CaptureInterface, CaptureReader } from '../../capture/index.js';
import type { ParseError } from '../../base/index.js';
import type { CaptureInput } from './input.js';

/** What came of one input. */
export interface FedFile {
  readonly name: string;
  readonly format: CaptureReader['format'];
  readonly packets: number;
  readonly interfaces: readonly CaptureInterface[];
  /** Why it ended early. */
  readonly problem: ParseError | undefined;
}

/** An input and the packet that comes next in it. */
class Feed {
  readonly input: CaptureInput;
  readonly reader = new CaptureReader();
  /** The packet in hand; it holds until {@link next} or {@link more} is called. */
  packet: CapturedPacket | undefined = undefined;
  private readonly chunks: AsyncGenerator<Uint8Array>;

  constructor(input: CaptureInput) {
    this.input = input;
    this.chunks = input.chunks();
  }

  /** Takes the next packet that is at hand, if there is one. */
  next(): CapturedPacket | undefined {
    return (this.packet = this.reader.next());
  }

  /** Takes the next packet, reading on for it; undefined at the end. */
  async more(): Promise<CapturedPacket | undefined> {
    while (this.next() === undefined) {
      // What cannot be read further needs no more bytes.
      const step = this.reader.problem === undefined ? await this.chunks.next() : undefined;
      if (step === undefined || step.done === true) return this.finish();
      this.reader.push(step.value);
    }
    return this.packet;
  }

  private async finish(): Promise<CapturedPacket | undefined> {
    await this.chunks.return(undefined);
    this.reader.end();
    return this.next();
  }

  get outcome(): FedFile {
    const { reader, input } = this;
    const { format, packetCount: packets, interfaces } = reader;
    // The reader sees only that the bytes end; the input knows why.
    return { name: input.name, format, packets, interfaces, problem: input.problem ?? reader.problem };
  }
}

/** Takes a packet, and the index of the input that it came from; the packet holds only during the call. */
export type PacketConsumer = (packet: CapturedPacket, index: number) => void;

/** Gives all packets of `inputs` to `consume`, and tells what came of each input. */
export async function feedPackets(
  inputs: readonly CaptureInput[],
  consume: PacketConsumer,
): Promise<readonly FedFile[]> {
  const feeds = inputs.map((input) => new Feed(input));
  if (feeds.length === 1) await drain(feeds[0]!, consume);
  else await merge(feeds, consume);
  return feeds.map((feed) => feed.outcome);
}

async function drain(feed: Feed, consume: PacketConsumer): Promise<void> {
  while ((await feed.more()) !== undefined) {
    consume(feed.packet!, 0);
    for (let packet = feed.next(); packet !== undefined; packet = feed.next()) consume(packet, 0);
  }
}

async function merge(feeds: readonly Feed[], consume: PacketConsumer): Promise<void> {
  for (const feed of feeds) await feed.more();
  for (let index = earliest(feeds); index >= 0; index = earliest(feeds)) {
    const feed = feeds[index]!;
    consume(feed.packet!, index);
    if (feed.next() === undefined) await feed.more();
  }
}

/** Index of the feed whose packet is the oldest; the first of several; -1 when none has a packet. */
function earliest(feeds: readonly Feed[]): number {
  let best = -1;
  for (let index = 0; index < feeds.length; index++) {
    const { packet } = feeds[index]!;
    if (packet === undefined) continue;
    const other = best < 0 ? undefined : feeds[best]!.packet!;
    if (other === undefined || isEarlier(packet, other)) best = index;
  }
  return best;
}

function isEarlier(a: CapturedPacket, b: CapturedPacket): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);
}
