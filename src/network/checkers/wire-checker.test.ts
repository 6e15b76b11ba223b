import { describe, expect, it } from 'vitest';
import { tcpPacket, type TcpPacketFields } from '../../../test/simulation/packets.js';
import { SeededRandom, uint64, type Uint64, uint64Add } from '../../base/index.js';
import {
  deriveKeyMaterial,
  DssFields,
  emitDss,
  emitMptcpOption,
  type MptcpOption,
  mptcpOptionLength,
  TcpFlag,
} from '../../wire/index.js';
import { Packet } from '../device.js';
import { Pattern } from './pattern.js';
import { WireChecker } from './wire-checker.js';

const { ACK, FIN, RST, SYN } = TcpFlag;
const ours = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1000, destinationPort: 80 };
const theirs = { source: '10.0.0.2', destination: '10.0.0.1', sourcePort: 80, destinationPort: 1000 };
const pattern = new Pattern(5);
const ourStart = 0xffff_fff0;
const theirStart = 77;

/** A flow between us, who are judged, and them, with offsets for sequence numbers. */
class Exchange {
  readonly checker = new WireChecker({ host: 'client', pattern });
  private at = 0;

  /** We send: `seq` and `ack` are offsets. */
  send(fields: Partial<TcpPacketFields>): this {
    const seq = (ourStart + (fields.seq ?? 0)) >>> 0;
    const ack = (theirStart + (fields.ack ?? 1)) >>> 0;
    this.observe(tcpPacket({ ...ours, ...fields, seq, ack }), 'outward');
    return this;
  }

  /** They send. */
  receive(fields: Partial<TcpPacketFields>): this {
    const seq = (theirStart + (fields.seq ?? 0)) >>> 0;
    const ack = (ourStart + (fields.ack ?? 1)) >>> 0;
    this.observe(tcpPacket({ ...theirs, ...fields, seq, ack }), 'inward');
    return this;
  }

  observe(bytes: Uint8Array, direction: 'inward' | 'outward'): void {
    this.checker.observe(this.at++, new Packet(bytes), direction);
  }

  get rules(): string[] {
    return this.checker.violations.map(({ rule }) => rule);
  }
}

/** A plain TCP handshake after which we may send 4000 bytes (1000 with a scale of 2). */
function established(): Exchange {
  return new Exchange()
    .send({ flags: SYN, mss: 1460, windowScale: 2 })
    .receive({ flags: SYN | ACK, mss: 1000, windowScale: 2, window: 65_535 })
    .send({ flags: ACK, seq: 1, window: 1000 })
    .receive({ flags: ACK, seq: 1, window: 1000 });
}

function data(offset: number, length: number): Uint8Array {
  return pattern.fill(new Uint8Array(length), offset - 1);
}

describe('WireChecker on plain TCP', () => {
  it('is content with a connection that does everything right', () => {
    const exchange = established()
      .send({ flags: ACK, seq: 1, payload: data(1, 1000) })
      .send({ flags: ACK, seq: 1001, payload: data(1001, 500) })
      .receive({ flags: ACK, seq: 1, ack: 1501 })
      .send({ flags: ACK, seq: 1, payload: data(1, 1000) })
      .receive({ flags: ACK | FIN, seq: 1, ack: 1501 })
      .send({ flags: ACK | FIN, seq: 1501, ack: 2 })
      .send({ flags: ACK | FIN, seq: 1501, ack: 2 })
      .receive({ flags: ACK, seq: 2, ack: 1502 });
    expect(exchange.checker.violations).toEqual([]);
    expect(exchange.checker.packetsJudged).toBe(12);
  });

  it('finds data beyond the window, but lets a probe of one byte pass', () => {
    const full = established()
      .receive({ flags: ACK, seq: 1, ack: 1, window: 0 })
      .send({ flags: ACK, seq: 1, payload: data(1, 4000) })
      .receive({ flags: ACK, seq: 1, ack: 65_536, window: 0 });
    expect(full.rules).toEqual([]);
    const exchange = established();
    for (let at = 1; at < 60_001; at += 10_000) {
      exchange.send({ flags: ACK, seq: at, payload: data(at, 10_000) });
      exchange.receive({ flags: ACK, seq: 1, ack: at + 10_000, window: at < 50_001 ? 5000 : 0 });
    }
    exchange.send({ flags: ACK, seq: 60_001, payload: data(60_001, 5535) });
    exchange.receive({ flags: ACK, seq: 1, ack: 65_536, window: 0 });
    exchange.send({ flags: ACK, seq: 65_536, payload: data(65_536, 1) });
    expect(exchange.rules).toEqual([]);
    exchange.send({ flags: ACK, seq: 70_000, payload: data(70_000, 1000) });
    expect(exchange.rules).toEqual(['window']);
  });

  it('believes no window that came in damaged', () => {
    const exchange = established();
    const damaged = tcpPacket({
      ...theirs,
      flags: ACK,
      seq: theirStart + 1,
      ack: (ourStart + 1) >>> 0,
      window: 65_535,
    });
    damaged[34]! ^= 0x40;
    exchange.observe(damaged, 'inward');
    exchange.send({ flags: ACK, seq: 1, payload: data(1, 2) });
    exchange.receive({ flags: ACK, seq: 1, ack: 3, window: 1000 });
    exchange.send({ flags: ACK, seq: 66_000, payload: data(66_000, 1000) });
    expect(exchange.rules).toEqual(['window']);
  });

  it('finds a first flight that is too large', () => {
    const exchange = established().send({ flags: ACK, seq: 1, payload: data(1, 11_000) });
    expect(exchange.rules).toEqual([]);
    exchange.send({ flags: ACK, seq: 11_001, payload: data(11_001, 1) });
    expect(exchange.rules).toEqual(['initial-flight']);
  });

  it('finds acknowledgments of what was not sent, and those taken back', () => {
    const beyond = established().send({ flags: ACK, seq: 1, ack: 2 });
    expect(beyond.rules).toEqual(['ack']);
    const back = established()
      .receive({ flags: ACK, seq: 1, payload: new Uint8Array(10) })
      .send({ flags: ACK, seq: 1, ack: 11 })
      .send({ flags: ACK, seq: 1, ack: 10, window: 1100 });
    expect(back.rules).toEqual(['ack']);
  });

  it('takes a second SYN with another number for a ghost', () => {
    const exchange = established()
      .receive({ flags: SYN | ACK, seq: 5000 })
      .send({ flags: ACK, seq: 1 });
    expect(exchange.rules).toEqual([]);
  });

  it('finds a window that is taken back by more than rounding', () => {
    expect(established().send({ flags: ACK, seq: 1, window: 1000 }).rules).toEqual([]);
    expect(established().send({ flags: ACK, seq: 1, window: 999 }).rules).toEqual(['shrink']);
  });

  it('finds bytes behind the FIN, and a FIN that moves', () => {
    const finished = (): Exchange => established().send({ flags: ACK | FIN, seq: 1 });
    expect(finished().send({ flags: ACK, seq: 1, payload: data(1, 10) }).rules).toEqual(['after-fin']);
    expect(finished().send({ flags: ACK | FIN, seq: 2 }).rules).toEqual(['after-fin']);
    const early = established()
      .send({ flags: ACK, seq: 1, payload: data(1, 10) })
      .send({ flags: ACK | FIN, seq: 5 });
    expect(early.rules).toEqual(['after-fin']);
  });

  it('finds segments on a flow that was reset, until a new one begins', () => {
    const reset = established()
      .send({ flags: RST | ACK, seq: 1 })
      .send({ flags: RST, seq: 1 });
    expect(reset.rules).toEqual([]);
    reset.send({ flags: ACK, seq: 1, payload: data(1, 10) });
    expect(reset.rules).toEqual(['after-reset']);
    const again = established()
      .send({ flags: RST | ACK, seq: 1 })
      .send({ flags: SYN, seq: 100_000 });
    expect(again.rules).toEqual([]);
  });

  it('follows a connection that begins anew on the same addresses and ports', () => {
    // They connect to us, we give up, and their SYN, sent again, is answered afresh.
    const syn = { flags: SYN, mss: 1000, window: 2000 } as const;
    const exchange = new Exchange().receive(syn).send({ flags: SYN | ACK, mss: 1000, window: 3000 });
    exchange.send({ flags: RST | ACK, seq: 1 }).receive(syn);
    exchange.send({ flags: SYN | ACK, mss: 1000, window: 3000, seq: 100_000 });
    exchange.receive({ flags: ACK, seq: 1, ack: 100_001, window: 2000 });
    exchange.send({ flags: ACK, seq: 100_001, window: 3000, payload: data(1, 2000) });
    expect(exchange.rules).toEqual([]);
    exchange.send({ flags: ACK, seq: 102_001, window: 3000, payload: data(2001, 1000) });
    expect(exchange.rules).toEqual(['window']);
  });

  it('finds wrong bytes and wrong checksums', () => {
    const wrong = data(1, 100);
    wrong[40]! ^= 1;
    expect(established().send({ flags: ACK, seq: 1, payload: wrong }).rules).toEqual(['content']);
    const exchange = established();
    const damaged = tcpPacket({ ...ours, flags: ACK });
    damaged[30]! ^= 1;
    exchange.observe(damaged, 'outward');
    exchange.observe(Uint8Array.of(0x45, 0), 'outward');
    expect(exchange.rules).toEqual(['checksum', 'checksum']);
  });
});

const ourKey = 0x1122334455667788n;
const theirKey = 0x99aabbccddeeff00n;
const ourData = deriveKeyMaterial(uint64(ourKey), 1).initialDataSeq;
const theirData = deriveKeyMaterial(uint64(theirKey), 1).initialDataSeq;

function option(value: MptcpOption): Uint8Array {
  const bytes = new Uint8Array((mptcpOptionLength(value) + 3) & ~3).fill(1);
  emitMptcpOption(value, bytes, 0);
  return bytes;
}

function capable(senderKey?: bigint, receiverKey?: bigint): Uint8Array {
  const keys = {
    ...(senderKey !== undefined && { senderKey }),
    ...(receiverKey !== undefined && { receiverKey }),
  };
  return option({ subtype: 'MP_CAPABLE', version: 1, flags: 1, ...keys });
}

interface Signal {
  readonly ack?: number;
  /** Data offset, subflow offset, length. */
  readonly map?: readonly [number, number, number];
  readonly fin?: boolean;
  readonly bits?: 32 | 64;
}

/** A DSS; offsets of the data sent count from `from`, those acknowledged from the other. */
function dss(from: Uint64, { ack, map, fin, bits = 64 }: Signal): Uint8Array {
  const fields = new DssFields();
  if (ack !== undefined) {
    const { hi, lo } = uint64Add(from === ourData ? theirData : ourData, ack);
    Object.assign(fields, { hasAck: true, ack64: bits === 64, ackHi: hi, ackLo: lo });
  }
  if (map !== undefined) {
    const { hi, lo } = uint64Add(from, map[0]);
    const mapping = { hasMapping: true, seq64: bits === 64, seqHi: hi, seqLo: lo };
    Object.assign(fields, mapping, { subflowSeq: map[1], dataLength: map[2], dataFin: fin ?? false });
  }
  const bytes = new Uint8Array(28).fill(1);
  return bytes.slice(0, (emitDss(fields, bytes, 0) + 3) & ~3);
}

/** A Multipath TCP connection that is open: we may send `window` bytes of data. */
function multipath(window = 3000): Exchange {
  return new Exchange()
    .send({ flags: SYN, mss: 1460, options: capable() })
    .receive({ flags: SYN | ACK, mss: 1460, window, options: capable(theirKey) })
    .send({ flags: ACK, seq: 1, options: capable(ourKey, theirKey) })
    .receive({ flags: ACK, seq: 1, window, options: dss(theirData, { ack: 1 }) });
}

describe('WireChecker on Multipath TCP', () => {
  it('is content with data that is mapped, acknowledged and finished', () => {
    for (const bits of [32, 64] as const) {
      const exchange = multipath()
        .send({
          flags: ACK,
          seq: 1,
          payload: data(1, 1000),
          options: dss(ourData, { ack: 1, map: [1, 1, 2000], bits }),
        })
        .send({ flags: ACK, seq: 1001, payload: data(1001, 1000) })
        .receive({
          flags: ACK,
          seq: 1,
          ack: 2001,
          window: 3000,
          options: dss(theirData, { ack: 2001, bits }),
        })
        .receive({
          flags: ACK,
          seq: 1,
          ack: 2001,
          window: 3000,
          options: dss(theirData, { map: [1, 0, 1], fin: true }),
        })
        .send({ flags: ACK, seq: 2001, options: dss(ourData, { ack: 2, map: [2001, 0, 1], fin: true }) });
      expect(exchange.checker.violations).toEqual([]);
    }
  });

  it('judges first data that MP_CAPABLE maps', () => {
    const options = option({
      subtype: 'MP_CAPABLE',
      version: 1,
      flags: 1,
      senderKey: ourKey,
      receiverKey: theirKey,
      dataLength: 10,
    });
    const exchange = (payload: Uint8Array): Exchange =>
      new Exchange()
        .send({ flags: SYN, mss: 1460, options: capable() })
        .receive({ flags: SYN | ACK, mss: 1460, window: 3000, options: capable(theirKey) })
        .send({ flags: ACK, seq: 1, payload, options });
    expect(exchange(data(1, 5)).rules).toEqual([]);
    expect(exchange(data(2, 5)).rules).toEqual(['content']);
    expect(exchange(data(1, 5)).send({ flags: ACK, seq: 6, payload: data(6, 5), options }).rules).toEqual([]);
    expect(exchange(data(1, 5)).send({ flags: ACK, seq: 6, payload: data(7, 5), options }).rules).toEqual([
      'content',
    ]);
  });

  it('finds data beyond the window over a second subflow', () => {
    const second = { sourcePort: 1001 };
    const back = { destinationPort: 1001 };
    const { token } = deriveKeyMaterial(uint64(theirKey), 1);
    const joinSyn = {
      subtype: 'MP_JOIN',
      phase: 'syn',
      backup: false,
      addressId: 1,
      token,
      nonce: 1,
    } as const;
    const hmac = new Uint8Array(8);
    const joinSynAck = {
      subtype: 'MP_JOIN',
      phase: 'synack',
      backup: false,
      addressId: 1,
      hmac,
      nonce: 2,
    } as const;
    const joined = (): Exchange =>
      multipath()
        .send({ ...second, flags: SYN, mss: 1460, options: option(joinSyn) })
        .receive({ ...back, flags: SYN | ACK, mss: 1460, window: 3000, options: option(joinSynAck) });
    const sendSecond = (exchange: Exchange, offset: number): Exchange =>
      exchange.send({
        ...second,
        flags: ACK,
        seq: 1,
        payload: data(offset, 1000),
        options: dss(ourData, { map: [offset, 1, 1000] }),
      });
    expect(sendSecond(joined(), 2001).rules).toEqual([]);
    expect(sendSecond(joined(), 2002).rules).toEqual(['data-window']);
  });

  it('finds wrong bytes at the data level, in a repetition too', () => {
    const exchange = multipath()
      .send({ flags: ACK, seq: 1, payload: data(1, 100), options: dss(ourData, { map: [1, 1, 100] }) })
      .send({ flags: ACK, seq: 101, payload: data(1, 100), options: dss(ourData, { map: [1, 101, 100] }) })
      .send({ flags: ACK, seq: 201, payload: data(2, 100), options: dss(ourData, { map: [1, 201, 100] }) });
    expect(exchange.rules).toEqual(['content']);
  });

  it('finds a DATA_ACK of what was not sent, and one taken back', () => {
    const acked = (ack: number): Exchange =>
      multipath().send({ flags: ACK, seq: 1, options: dss(ourData, { ack }) });
    expect(acked(2).rules).toEqual(['data-ack']);
    const back = multipath()
      .receive({
        flags: ACK,
        seq: 1,
        payload: new Uint8Array(10),
        options: dss(theirData, { map: [1, 1, 10] }),
      })
      .send({ flags: ACK, seq: 1, ack: 11, options: dss(ourData, { ack: 11 }) })
      .send({ flags: ACK, seq: 1, ack: 11, options: dss(ourData, { ack: 5 }) });
    expect(back.rules).toEqual(['data-ack']);
  });

  it('finds data behind the DATA_FIN', () => {
    const exchange = multipath()
      .send({ flags: ACK, seq: 1, options: dss(ourData, { map: [1, 0, 1], fin: true }) })
      .send({ flags: ACK, seq: 1, payload: data(1, 100), options: dss(ourData, { map: [1, 1, 100] }) });
    expect(exchange.rules).toEqual(['after-data-fin']);
  });

  it('keeps the number of its reports in bounds', () => {
    const exchange = multipath();
    const random = new SeededRandom(1);
    for (let i = 0; i < 100; i++)
      exchange.send({ flags: ACK, seq: 1, ack: 2 + (random.nextUint32() % 1000) });
    expect(exchange.checker.violations.length).toBe(20);
  });
});
