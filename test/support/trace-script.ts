/**
 * Captures of Multipath TCP connections written by hand, straight into the trace analyser: what a test says happened, packet
 * by packet, so that each report can be held against it.
 */
import { MILLISECOND, uint64, uint64Add, uint64ToBigInt } from '../../src/base/index.js';
import { CapturedPacket, LinkType } from '../../src/capture/index.js';
import {
  type FileReport,
  TraceAnalyzer,
  type TraceOptions,
  type TraceReport,
} from '../../src/trace/index.js';
import {
  deriveKeyMaterial,
  emitTcpOptions,
  joinHmac,
  MpCapableFlag,
  type MptcpOption,
  type MptcpVersion,
  TcpFlag,
  type TcpOption,
} from '../../src/wire/index.js';
import { tcpPacket } from '../simulation/packets.js';

export type End = 'client' | 'server';

const clientKey = uint64(0x1111_2222_3333_4444n);
const serverKey = uint64(0x5555_6666_7777_8888n);
const { SYN, ACK, RST, FIN, PSH } = TcpFlag;

/** One packet of a stream, where it differs from a plain ACK. */
export interface ScriptedPacket {
  readonly flags?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly options?: readonly TcpOption[];
  /** Options as bytes, in place of `options`. */
  readonly rawOptions?: Uint8Array;
  readonly payload?: Uint8Array;
  /** Bytes that the capture kept of it; all when left out. */
  readonly captured?: number;
  /** Place in the TCP header of a byte that was damaged on the way. */
  readonly damagedAt?: number;
}

/** An option of Multipath TCP among those of TCP. */
export function mptcp(option: MptcpOption): TcpOption {
  return { kind: 'mptcp', option };
}

/** What the SYNs of most systems have. */
export const usualOptions: readonly TcpOption[] = [
  { kind: 'mss', mss: 1460 },
  { kind: 'window-scale', shift: 7 },
  { kind: 'sack-permitted' },
];

/** A capture that grows packet by packet. */
export class TraceScript {
  readonly analyzer: TraceAnalyzer;
  /** Nanoseconds since the first packet. */
  now = 0;
  private readonly packet = new CapturedPacket();

  constructor(options: TraceOptions = {}) {
    this.analyzer = new TraceAnalyzer(options);
  }

  /** Lets time pass. */
  wait(ns: number): void {
    this.now += ns;
  }

  /** Number of the packet taken in last. */
  get frame(): number {
    return this.analyzer.packetCount;
  }

  take(bytes: Uint8Array, captured = bytes.length, vantage = 0): void {
    const { packet } = this;
    packet.clear();
    packet.linkType = LinkType.RAW;
    packet.setBytes(bytes);
    packet.length = captured;
    packet.setTime(this.now, 1_000_000);
    this.analyzer.handle(packet, vantage);
  }

  report(files: readonly FileReport[] = []): TraceReport {
    return this.analyzer.finish(files);
  }
}

/** One subflow: numbers of both ends, and packets between them. */
export class ScriptedSubflow {
  readonly script: TraceScript;
  /** Addresses as they stand in packets; a test may change them before the first. */
  client: string;
  server: string;
  clientPort: number;
  readonly vantage: number;
  /** Next sequence number of each end. */
  readonly next = { client: 1000, server: 500_000 };
  /** Numbers of the SYNs. */
  readonly initial = { client: 1000, server: 500_000 };

  constructor(script: TraceScript, index: number, vantage: number) {
    this.script = script;
    this.client = `10.${index}.0.1`;
    this.server = '10.9.0.1';
    this.clientPort = 40_000;
    this.vantage = vantage;
  }

  /** One packet; its flags and payload move the numbers on unless `seq` is given. */
  send(from: End, fields: ScriptedPacket = {}): void {
    const { flags = ACK, payload = new Uint8Array(0), options = [], window = 60_000 } = fields;
    const isClient = from === 'client';
    const bytes = new Uint8Array(40);
    const packet = tcpPacket({
      source: isClient ? this.client : this.server,
      destination: isClient ? this.server : this.client,
      sourcePort: isClient ? this.clientPort : 80,
      destinationPort: isClient ? 80 : this.clientPort,
      seq: fields.seq ?? this.next[from],
      ack: (flags & ACK) === 0 ? 0 : (fields.ack ?? this.next[isClient ? 'server' : 'client']),
      options: fields.rawOptions ?? bytes.slice(0, emitTcpOptions(options, bytes, 0)),
      ...{ flags, payload, window },
    });
    const header = this.client.includes(':') ? 40 : 20;
    if (fields.damagedAt !== undefined) packet[header + fields.damagedAt]! ^= 0x40;
    this.script.take(packet, fields.captured, this.vantage);
    if (fields.seq !== undefined) return;
    this.next[from] += payload.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
  }

  /** A reset, with options perhaps. */
  reset(from: End, ...options: TcpOption[]): void {
    this.send(from, { flags: RST | ACK, options });
  }
}

export interface ScriptedConnectionOptions {
  readonly version?: MptcpVersion;
  readonly vantage?: number;
  /** Time between the capture and either end, there and back. */
  readonly clientRttNs?: number;
  readonly serverRttNs?: number;
  readonly checksum?: boolean;
  /** Flags of MP_CAPABLE beside H and A, of the server. */
  readonly serverFlags?: number;
  /** Options of SYNs beside those of Multipath TCP. */
  readonly tcpOptions?: readonly TcpOption[];
  /** Port of the client's first subflow. */
  readonly port?: number;
  /** Added to both initial sequence numbers. */
  readonly seqShift?: number;
}

/** A connection: keys, data sequences, subflows. */
export class ScriptedConnection {
  readonly script: TraceScript;
  readonly subflows: ScriptedSubflow[] = [];
  readonly version: MptcpVersion;
  /** Bytes of data that each end has sent. */
  readonly sent = { client: 0, server: 0 };
  /** Time from SYN to SYN+ACK of the next handshake. */
  serverRttNs: number;
  private readonly options: ScriptedConnectionOptions;
  private readonly flags: number;

  constructor(script: TraceScript, options: ScriptedConnectionOptions = {}) {
    this.script = script;
    this.options = options;
    this.version = options.version ?? 1;
    this.serverRttNs = options.serverRttNs ?? 20 * MILLISECOND;
    this.flags = MpCapableFlag.HMAC | (options.checksum === true ? MpCapableFlag.CHECKSUM : 0);
  }

  /** MP_CAPABLE as one of the packets of the handshake has it. */
  capable(role: 'syn' | 'syn-ack' | 'third'): TcpOption {
    const { version, flags } = this;
    const client = uint64ToBigInt(clientKey);
    const server = uint64ToBigInt(serverKey);
    const common = { subtype: 'MP_CAPABLE', version, flags } as const;
    if (role === 'syn') return mptcp(version === 1 ? common : { ...common, senderKey: client });
    if (role === 'syn-ack') {
      return mptcp({ ...common, flags: flags | (this.options.serverFlags ?? 0), senderKey: server });
    }
    return mptcp({ ...common, senderKey: client, receiverKey: server });
  }

  /** A stream without packets yet. */
  stream(): ScriptedSubflow {
    const { vantage = 0, port = 40_000, seqShift = 0 } = this.options;
    const subflow = new ScriptedSubflow(this.script, this.subflows.length, vantage);
    subflow.clientPort = port + this.subflows.length;
    for (const end of ['client', 'server'] as const) {
      subflow.next[end] += seqShift;
      subflow.initial[end] += seqShift;
    }
    this.subflows.push(subflow);
    return subflow;
  }

  /** The three packets of the first handshake. */
  open(): this {
    const subflow = this.stream();
    this.three(subflow, this.capable('syn'), this.capable('syn-ack'), this.capable('third'));
    return this;
  }

  /** A join as it should be; the subflow is the next one. */
  join(backup = false): ScriptedSubflow {
    const subflow = this.stream();
    const [syn, synAck, ack] = this.joinOptions(subflow, backup);
    this.three(subflow, syn, synAck, ack);
    subflow.send('server');
    return subflow;
  }

  /** The options of a join's three packets. */
  joinOptions(subflow: ScriptedSubflow, backup = false): [TcpOption, TcpOption, TcpOption] {
    const { version } = this;
    const addressId = this.subflows.indexOf(subflow);
    const [nonce, answer] = [0x1234, 0x5678];
    const { token } = deriveKeyMaterial(serverKey, version);
    const common = { subtype: 'MP_JOIN', backup, addressId } as const;
    return [
      mptcp({ ...common, phase: 'syn', token, nonce }),
      mptcp({
        ...{ ...common, phase: 'synack', addressId: 0, nonce: answer },
        hmac: joinHmac(version, serverKey, clientKey, answer, nonce).slice(0, 8),
      }),
      mptcp({
        ...{ subtype: 'MP_JOIN', phase: 'ack' },
        hmac: joinHmac(version, clientKey, serverKey, nonce, answer).slice(0, 20),
      }),
    ];
  }

  /** SYN, SYN+ACK and the third packet with these options, each missing where none is given. */
  three(subflow: ScriptedSubflow, syn?: TcpOption, synAck?: TcpOption, third?: TcpOption): void {
    const { clientRttNs = MILLISECOND, tcpOptions = usualOptions } = this.options;
    const serverRttNs = this.serverRttNs;
    const { script } = this;
    subflow.send('client', { flags: SYN, options: listed(tcpOptions, syn) });
    script.wait(serverRttNs);
    subflow.send('server', { flags: SYN | ACK, options: listed(tcpOptions, synAck) });
    script.wait(clientRttNs);
    subflow.send('client', { options: third === undefined ? [] : [third] });
  }

  /**
   * `length` bytes of data in one segment with its mapping, which may go on for more: `mapped`. `offset` is that of bytes
   * sent before, to repeat them.
   */
  data(from: End, index: number, length: number, offset = this.sent[from], mapped = length): void {
    const subflow = this.subflows[index]!;
    const initial = deriveKeyMaterial(from === 'client' ? clientKey : serverKey, this.version).initialDataSeq;
    const dss: TcpOption = mptcp({
      subtype: 'DSS',
      dataFin: false,
      dataAck: this.dataAck(from),
      mapping: {
        dataSeq: { value: uint64ToBigInt(uint64Add(initial, 1 + offset)), bits: 64 },
        subflowSeq: subflow.next[from] - subflow.initial[from],
        dataLength: mapped,
        ...(this.options.checksum === true ? { checksum: 0xbad } : {}),
      },
    });
    subflow.send(from, { flags: ACK | PSH, options: [dss], payload: new Uint8Array(length) });
    this.sent[from] = Math.max(this.sent[from], offset + length);
  }

  /** An acknowledgement of all that the other end has sent, at both levels. */
  ack(from: End, index: number, window = 60_000): void {
    const dss: TcpOption = mptcp({ subtype: 'DSS', dataFin: false, dataAck: this.dataAck(from) });
    this.subflows[index]!.send(from, { options: [dss], window });
  }

  /** `count` segments of `length` bytes, each acknowledged after `rttNs`. */
  transfer(from: End, index: number, count: number, length = 1000, rttNs = MILLISECOND): void {
    for (let i = 0; i < count; i++) {
      this.data(from, index, length);
      this.script.wait(rttNs);
      this.ack(from === 'client' ? 'server' : 'client', index);
      this.script.wait(MILLISECOND / 10);
    }
  }

  private dataAck(from: End): { readonly value: bigint; readonly bits: 64 } {
    const peer = from === 'client' ? 'server' : 'client';
    const initial = deriveKeyMaterial(peer === 'client' ? clientKey : serverKey, this.version).initialDataSeq;
    return { value: uint64ToBigInt(uint64Add(initial, 1 + this.sent[peer])), bits: 64 };
  }
}

function listed(options: readonly TcpOption[], last: TcpOption | undefined): readonly TcpOption[] {
  return last === undefined ? options : [...options, last];
}
