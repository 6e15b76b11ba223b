/**
 * The six exchanges of ../wire/vectors/probe-v0.json, recorded between a raw-socket probe and another stack's server,
 * against our version-0 server: the same replies, byte for byte, to the same segments. The server's key and the nonce of
 * its join are the recorded ones; what it announces is its own matter, so only the exchange that has an ADD_ADDR asks for
 * it.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Connection, Subflow, defaultMptcpSettings } from '../mptcp/index.js';
import type { DataRecord } from '../mptcp/send-record.js';
import { SECOND, SeededRandom, seq32, uint64 } from '../base/index.js';
import type { RandomSource } from '../base/index.js';
import { OutgoingSegment, cubic, defaultTcpSettings } from '../tcp/index.js';
import type { TcpParameters } from '../tcp/index.js';
import { IpAddress, TcpFlag, tcpHeaderLength, viewOf, writeTcpHeader } from '../wire/index.js';
import { arrived } from '../../test/support/mptcp-world.js';

interface Exchange {
  readonly name: string;
  readonly serverKey: string;
  readonly steps: readonly (readonly [from: string, what: string, options: string])[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../wire/vectors/probe-v0.json', import.meta.url), 'utf8'),
) as { readonly payload: string; readonly scenarios: readonly Exchange[] };
const payload = new TextEncoder().encode(vectors.payload);
const CLIENT_START = 1000;

/** A source that gives one number, for the nonce. */
class Fixed implements RandomSource {
  private readonly random = new SeededRandom(3);
  readonly nonce: number;

  constructor(nonce: number) {
    this.nonce = nonce;
  }

  nextUint32(): number {
    return this.nonce;
  }

  fork(): RandomSource {
    return this.random.fork();
  }
}

/** One reply: its flags by name, and its options of ours without their kind and length, as the record has them. */
type Reply = readonly [what: string, options: string[]];

/** Our server, to which a test hands the segments of the exchange. */
class ProbedServer {
  private readonly connection: Connection;
  private readonly out = new OutgoingSegment<DataRecord>();
  private readonly parameters: TcpParameters;
  private now = SECOND;
  private readonly remote = { address: IpAddress.parse('192.0.2.1')!, port: 4000 };
  /** The recorded server answers joins from an address that it numbers 2. */
  private readonly joined = { address: IpAddress.parse('192.0.2.3')!, port: 80 };
  private readonly local = { address: IpAddress.parse('192.0.2.2')!, port: 80 };

  constructor(exchange: Exchange, syn: string) {
    const nonce = exchange.steps.find(([, what, text]) => what === 'SYN+ACK' && text.startsWith('1002'));
    const random = new Fixed(nonce === undefined ? 7 : Number.parseInt(nonce[2].slice(-8), 16));
    this.parameters = {
      initialSequence: seq32(5000),
      timestampOffset: 0,
      maxSegmentSize: 1460,
      pathMaxSegmentSize: 1460,
      headerBytes: 40,
      receiveWindowBytes: 65_535,
      maxReceiveWindowBytes: 65_535,
      maxOffloadBytes: 0,
      settings: defaultTcpSettings,
      congestion: cubic,
      random,
    };
    this.connection = Connection.accept(
      this.now,
      {
        settings: { ...defaultMptcpSettings, versions: [0], checksum: true },
        parameters: this.parameters,
        random,
        key: uint64(BigInt(`0x${exchange.serverKey}`)),
      },
      arrived(probeSegment(TcpFlag.SYN, CLIENT_START, 0, syn)),
      { local: this.local, remote: this.remote },
    );
    const own = [this.local, this.joined].map(({ address }, index) => {
      return { address, id: index + 1, subflow: false, signal: false, port: 0, backup: false };
    });
    this.connection.setLocalAddresses(this.now, own);
  }

  /** Lets as much time pass as an acknowledgment may be held back. */
  wait(): void {
    this.now += SECOND / 2;
    this.connection.handleTimeout(this.now);
  }

  /** A segment of the first flow. */
  send(at: number, options: string, data = new Uint8Array(0)): void {
    const segment = arrived(probeSegment(TcpFlag.ACK, CLIENT_START + at, 5001, options, data));
    this.connection.handleSegment(this.now, this.connection.subflows[0]!, segment);
  }

  /** The SYN of a join, with the host's part: the token must be this connection's. */
  join(options: string): Reply[] {
    const token = Number.parseInt(options.slice(4, 12), 16);
    const refused: Reply[] = [['RST+ACK', []]];
    if (this.connection.localToken !== token) return refused;
    const tuple = { local: this.joined, remote: { ...this.remote, port: 4001 } };
    const syn = arrived(probeSegment(TcpFlag.SYN, 9000, 0, options));
    const result = this.connection.acceptJoin(this.now, syn, tuple, this.parameters);
    if (result instanceof Subflow) return this.replies();
    return result.reason === undefined ? refused : [];
  }

  announce(address: IpAddress, id: number): void {
    this.connection.announceAddress(this.now, { address, port: 0 }, id);
  }

  replies(): Reply[] {
    const replies: Reply[] = [];
    while (this.connection.pollTransmit(this.now, this.out) !== undefined) {
      this.out.settleDss();
      const bytes = new Uint8Array(tcpHeaderLength(this.out) + this.out.payloadLength);
      writeTcpHeader(viewOf(bytes), 0, 80, 4000, this.out);
      const segment = arrived(bytes);
      const options: string[] = [];
      for (let i = 0; i < segment.mptcpCount; i++) {
        const start = segment.mptcpOffsets[i]!;
        options.push(hex(segment.bytes.subarray(start + 2, start + segment.mptcpLengths[i]!)));
      }
      replies.push([nameOf(segment.flags), options]);
    }
    return replies;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function nameOf(flags: number): string {
  const names = (['SYN', 'RST'] as const).filter((name) => (flags & TcpFlag[name]) !== 0);
  return [...names, ...((flags & TcpFlag.ACK) !== 0 ? ['ACK'] : [])].join('+');
}

/** A segment of the probe, with the option whose content is `text`. */
function probeSegment(flags: number, seq: number, ack: number, text: string, data = new Uint8Array(0)) {
  const content = Buffer.from(text, 'hex');
  const option = [30, content.length + 2, ...content];
  while ((option.length & 3) !== 0) option.push(1);
  const bytes = new Uint8Array(20 + option.length + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4000);
  view.setUint16(2, 80);
  view.setUint32(4, seq);
  view.setUint32(8, ack);
  bytes[12] = (5 + option.length / 4) << 4;
  bytes[13] = flags;
  view.setUint16(14, 65_535);
  bytes.set(option, 20);
  bytes.set(data, 20 + option.length);
  return bytes;
}

/** The recorded replies of the server before the join. */
function recorded(exchange: Exchange, what: string): string[] {
  const beforeJoin = exchange.steps.slice(
    0,
    exchange.steps.findIndex(([from]) => from === 'client2'),
  );
  return beforeJoin.flatMap(([from, kind, text]) =>
    from === 'server' && kind === what ? text.split(' + ') : [],
  );
}

function textOf(exchange: Exchange, from: string, what: string): string {
  return exchange.steps.find((step) => step[0] === from && step[1] === what)![2];
}

describe.each(vectors.scenarios)('the recorded exchange "$name" with a server of version 0', (exchange) => {
  it('has the same replies, option byte for option byte', () => {
    const server = new ProbedServer(exchange, textOf(exchange, 'client', 'SYN'));
    expect(server.replies()).toEqual([['SYN+ACK', recorded(exchange, 'SYN+ACK')]]);
    server.send(1, textOf(exchange, 'client', 'ACK'));
    server.replies();
    server.send(1, textOf(exchange, 'client', 'ACK 72 bytes'), payload);
    const [addAddr] = recorded(exchange, 'ACK').filter((text) => text.startsWith('36'));
    if (addAddr !== undefined)
      server.announce(IpAddress.read(6, Uint8Array.from(Buffer.from(addAddr.slice(4), 'hex')), 0), 8);
    server.wait();
    const isReset = recorded(exchange, 'RST+ACK').length > 0;
    const kind = isReset ? 'RST+ACK' : 'ACK';
    const replies = server.replies();
    expect(new Set(replies.map(([what]) => what))).toEqual(new Set([kind]));
    expect(new Set(replies.flatMap(([, options]) => options))).toEqual(new Set(recorded(exchange, kind)));
    const join = exchange.steps.findIndex(([from]) => from === 'client2');
    const [, what, text] = exchange.steps[join + 1]!;
    expect(server.join(exchange.steps[join]![2])).toEqual([[what, text === '' ? [] : [text]]]);
  });
});
