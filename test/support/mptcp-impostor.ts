/**
 * For tests of src/mptcp: one connection against a peer whose every segment the test writes itself, with the right keys
 * where it wants to have them right.
 */
import { SECOND, SeededRandom, seq32, uint64Add, uint64ToBigInt } from '../../src/base/index.js';
import { Connection, Subflow, defaultMptcpSettings } from '../../src/mptcp/index.js';
import type { ConnectionEvent, MptcpSettings } from '../../src/mptcp/index.js';
import type { DataRecord } from '../../src/mptcp/send-record.js';
import { OutgoingSegment, cubic, defaultTcpSettings } from '../../src/tcp/index.js';
import type { TcpParameters } from '../../src/tcp/index.js';
import { IpAddress, MpCapableFlag, TcpFlag, deriveInitialDataSeq, joinHmac } from '../../src/wire/index.js';
import type { Dss, MptcpOption, MptcpVersion } from '../../src/wire/index.js';
import { arrived, optionsOf, segmentBytes } from './mptcp-world.js';

const local = IpAddress.parse('10.0.0.1')!;
const remote = IpAddress.parse('10.0.0.2')!;

/** Keys of the connection under test and of the impostor. */
export const ownKey = { hi: 0x11111111, lo: 0x22222222 };
export const impostorKey = { hi: 0x33333333, lo: 0x44444444 };

/** What the connection under test sent. */
export interface Sent {
  readonly subflow: Subflow;
  readonly flags: number;
  readonly payloadLength: number;
  readonly options: readonly MptcpOption[];
}

/** One flow as the impostor sees it. */
interface FlowState {
  /** Initial sequence number of the connection under test. */
  peerInitial: number;
  /** Next sequence number of the connection under test. */
  peerNext: number;
  /** Next of the impostor's own, relative to its initial one. */
  next: number;
}

const INITIAL = 1_000_000;

export class Impostor {
  now = SECOND;
  readonly connection: Connection;
  readonly events: ConnectionEvent[] = [];
  readonly sent: Sent[] = [];
  private readonly out = new OutgoingSegment<DataRecord>();
  private readonly flows = new Map<Subflow, FlowState>();
  private nextPort = 5000;
  /** The version that both speak: the first of the settings'. */
  readonly version: MptcpVersion;

  /** A connection that the impostor answers as its server, confirmed by a first DATA_ACK. */
  constructor(settings: Partial<MptcpSettings> = {}) {
    this.version = (settings.versions ?? defaultMptcpSettings.versions)[0]!;
    this.connection = Connection.connect(this.now, {
      tuple: { local: { address: local, port: 4000 }, remote: { address: remote, port: 80 } },
      settings: { ...defaultMptcpSettings, ...settings },
      parameters: this.parameters(),
      random: new SeededRandom(7),
      key: ownKey,
    });
    this.poll();
    const flags = MpCapableFlag.HMAC | (settings.checksum === true ? MpCapableFlag.CHECKSUM : 0);
    const senderKey = uint64ToBigInt(impostorKey);
    this.send({
      flags: TcpFlag.SYN | TcpFlag.ACK,
      seq: 0,
      options: [{ subtype: 'MP_CAPABLE', version: this.version, flags, senderKey }],
    });
    this.flow(this.initial).next = 1;
    this.send({ options: [this.dataAck(1)] });
    this.sent.length = 0;
  }

  /** The first subflow. */
  get initial(): Subflow {
    return this.connection.subflows[0]!;
  }

  /** A DSS with nothing but a DATA_ACK up to data offset `offset`. */
  dataAck(offset: number): Dss {
    return { subtype: 'DSS', dataFin: false, dataAck: { value: this.ownSeq(offset), bits: 64 } };
  }

  /** A DSS that maps `length` bytes from subflow offset `start` to data offset `at`. */
  mapping(
    start: number,
    at: number,
    length: number,
    more: { dataFin?: boolean; checksum?: number } = {},
  ): Dss {
    const { dataFin = false, checksum } = more;
    return {
      subtype: 'DSS',
      dataFin,
      dataAck: { value: this.ownSeq(1), bits: 64 },
      mapping: {
        dataSeq: { value: this.peerSeq(at), bits: 64 },
        subflowSeq: start,
        dataLength: length,
        ...(checksum !== undefined && { checksum }),
      },
    };
  }

  /** Data sequence number of the connection's own data offset. */
  ownSeq(offset: number): bigint {
    return uint64ToBigInt(uint64Add(deriveInitialDataSeq(ownKey, this.version), offset));
  }

  /** Data sequence number of the impostor's data offset. */
  peerSeq(offset: number): bigint {
    return uint64ToBigInt(uint64Add(deriveInitialDataSeq(impostorKey, this.version), offset));
  }

  /**
   * Sends a segment on `subflow`. Without `seq` it is the next in order, and payload moves the next one on; `seq`
   * counts from the impostor's initial number.
   */
  send(
    fields: {
      readonly flags?: number;
      readonly seq?: number;
      readonly window?: number;
      readonly options?: readonly MptcpOption[];
      readonly payload?: Uint8Array;
    },
    subflow = this.initial,
  ): void {
    const flow = this.flow(subflow);
    const bytes = segmentBytes(80, 4000, {
      flags: fields.flags ?? TcpFlag.ACK,
      seq: INITIAL + (fields.seq ?? flow.next),
      ack: flow.peerNext,
      window: fields.window ?? 65_535,
      ...(fields.options !== undefined && { options: fields.options }),
      ...(fields.payload !== undefined && { payload: fields.payload }),
    });
    if (fields.seq === undefined) flow.next += fields.payload?.length ?? 0;
    this.connection.handleSegment(this.now, subflow, arrived(bytes));
    this.poll();
  }

  /** The connection opens the subflow that it asked its owner for. */
  open(wanted: Extract<ConnectionEvent, { type: 'subflow-wanted' }>): void {
    this.connection.openSubflow(this.now, {
      local: { address: wanted.local, port: this.nextPort++ },
      remote: wanted.remote,
      localId: wanted.localId,
      remoteId: wanted.remoteId,
      backup: wanted.backup,
      parameters: this.parameters(),
    });
    this.poll();
  }

  /** A SYN with MP_JOIN arrives at `to`; gives what the connection makes of it. */
  join(token: number, nonce: number, addressId: number, to = local): ReturnType<Connection['acceptJoin']> {
    const port = this.nextPort++;
    const syn = segmentBytes(port, 4000, {
      flags: TcpFlag.SYN,
      seq: INITIAL,
      options: [{ subtype: 'MP_JOIN', phase: 'syn', backup: false, addressId, token, nonce }],
    });
    const tuple = { local: { address: to, port: 4000 }, remote: { address: remote, port } };
    const result = this.connection.acceptJoin(this.now, arrived(syn), tuple, this.parameters());
    if (result instanceof Subflow) this.flow(result).next = 1;
    this.poll();
    return result;
  }

  /** The third packet of a join, its proof made with `nonce` and the nonce of the SYN+ACK. */
  joinAck(subflow: Subflow, nonce: number): void {
    const synAck = this.sent.find((sent) => sent.subflow === subflow && (sent.flags & TcpFlag.SYN) !== 0);
    const option = synAck?.options[0];
    if (option?.subtype !== 'MP_JOIN' || option.phase !== 'synack')
      throw new Error('the join was not answered');
    const hmac = joinHmac(this.version, impostorKey, ownKey, nonce, option.nonce).slice(0, 20);
    this.send({ options: [{ subtype: 'MP_JOIN', phase: 'ack', hmac }] }, subflow);
  }

  /** Lets time pass, with the timers of the connection. */
  run(ns: number): void {
    const end = this.now + ns;
    while (this.connection.pollTimeout() <= end) {
      this.now = Math.max(this.now, this.connection.pollTimeout());
      this.connection.handleTimeout(this.now);
      this.poll();
    }
    this.now = end;
  }

  /** Everything the connection has received in order. */
  read(): Uint8Array {
    const bytes: number[] = [];
    for (
      let piece = this.connection.read(this.now);
      piece !== undefined;
      piece = this.connection.read(this.now)
    ) {
      bytes.push(...piece);
    }
    return Uint8Array.from(bytes);
  }

  /** Collects events and segments. */
  poll(): void {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (
        let event = this.connection.pollEvent();
        event !== undefined;
        event = this.connection.pollEvent()
      ) {
        this.events.push(event);
        isBusy = true;
      }
      for (
        let subflow = this.connection.pollTransmit(this.now, this.out);
        subflow !== undefined;
        subflow = this.connection.pollTransmit(this.now, this.out)
      ) {
        isBusy = true;
        this.take(subflow);
      }
    }
  }

  private take(subflow: Subflow): void {
    const { out } = this;
    out.settleDss();
    const flow = this.flow(subflow);
    if ((out.flags & TcpFlag.SYN) !== 0) flow.peerInitial = out.seq;
    const length = out.payloadLength + ((out.flags & (TcpFlag.SYN | TcpFlag.FIN)) !== 0 ? 1 : 0);
    flow.peerNext = seq32(out.seq + length);
    const fields = { flags: out.flags, seq: out.seq };
    const bytes = segmentBytes(1, 2, fields);
    const options = optionsOf(arrived(withOptions(bytes, out)));
    this.sent.push({ subflow, flags: out.flags, payloadLength: out.payloadLength, options });
  }

  private flow(subflow: Subflow): FlowState {
    let flow = this.flows.get(subflow);
    if (flow === undefined) {
      flow = { peerInitial: 0, peerNext: 0, next: 0 };
      this.flows.set(subflow, flow);
    }
    return flow;
  }

  /** What its TCP connections are made with. */
  parameters(): TcpParameters {
    return {
      initialSequence: seq32(500),
      timestampOffset: 0,
      maxSegmentSize: 1460,
      pathMaxSegmentSize: 1460,
      headerBytes: 40,
      receiveWindowBytes: 65_535,
      maxReceiveWindowBytes: 6 * 1024 * 1024,
      maxOffloadBytes: 0,
      settings: { ...defaultTcpSettings, timestamps: false },
      congestion: cubic,
      random: new SeededRandom(3),
    };
  }
}

/** A bare header with the options of `out` behind it. */
function withOptions(header: Uint8Array, out: OutgoingSegment<DataRecord>): Uint8Array {
  const bytes = new Uint8Array(20 + out.extensionLength);
  bytes.set(header.subarray(0, 20));
  bytes.set(out.extension.subarray(0, out.extensionLength), 20);
  bytes[12] = (bytes.length / 4) << 4;
  return bytes;
}

/** `length` bytes that count up. */
export function bytes(length: number, from = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);
}

/** The reason of the MP_TCPRST with which the connection reset a subflow; undefined when it did not. */
export function resetReason(impostor: Impostor): number | undefined {
  const rst = impostor.sent.find(({ flags }) => (flags & TcpFlag.RST) !== 0);
  const option = rst?.options.find(({ subtype }) => subtype === 'MP_TCPRST');
  return option?.subtype === 'MP_TCPRST' ? option.reason : undefined;
}
