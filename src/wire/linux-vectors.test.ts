/** Packets of Linux's own MPTCP, version 1: read, written again, and every proof in them recomputed. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { uint64, uint64Add } from '../base/index.js';
import type { Uint64 } from '../base/index.js';
import { foldSum, pseudoHeaderSum, verifyTcpChecksum } from './checksum.js';
import { verifyDssChecksum } from './dss-checksum.js';
import { datagramLength, emitDatagram, parseDatagram } from './ip-datagram.js';
import type { IpDatagram } from './ip-datagram.js';
import { addAddrHmac, deriveInitialDataSeq, deriveToken, joinHmac } from './keys.js';
import { MpCapableFlag } from './mptcp-types.js';
import type {
  AddAddr,
  Dss,
  MpCapable,
  MpJoinAck,
  MpJoinSyn,
  MpJoinSynAck,
  MptcpOption,
} from './mptcp-types.js';
import { emitTcp, parseTcpPacket, tcpPacketLength } from './tcp-packet.js';
import type { TcpPacket } from './tcp-packet.js';
import { TcpFlag } from './tcp-segment.js';
import { readU16, writeU16 } from './bytes.js';

const file = readFileSync(new URL('./vectors/linux-v1.json', import.meta.url), 'utf8');
const raw = (JSON.parse(file) as { packets: string[] }).packets.map((hex) =>
  Uint8Array.from(Buffer.from(hex, 'hex')),
);

interface Packet {
  readonly ip: IpDatagram;
  readonly tcp: TcpPacket;
  readonly options: readonly MptcpOption[];
}

function parse(bytes: Uint8Array): Packet {
  const ip = parseDatagram(bytes, 0, bytes.length);
  if (!ip.ok) throw new Error(ip.message);
  const tcp = parseTcpPacket(ip.value.payload, 0, ip.value.payload.length);
  if (!tcp.ok) throw new Error(tcp.message);
  const options = tcp.value.options.flatMap((option) => (option.kind === 'mptcp' ? [option.option] : []));
  return { ip: ip.value, tcp: tcp.value, options };
}

const packets = raw.map(parse);
/** The second connection starts with the second SYN that carries MP_CAPABLE. */
const starts = packets.flatMap(({ tcp, options }, index) =>
  tcp.flags === TcpFlag.SYN && options[0]?.subtype === 'MP_CAPABLE' ? [index] : [],
);
const connections = [packets.slice(0, starts[1]), packets.slice(starts[1])];

function find<T extends MptcpOption>(among: readonly Packet[], test: (option: MptcpOption) => boolean): T[] {
  return among.flatMap(({ options }) => options.filter(test)) as T[];
}

/** Client's and server's key, from the third packet. */
function keysOf(connection: readonly Packet[]): { client: Uint64; server: Uint64 } {
  const [capable] = find<MpCapable>(
    connection,
    (option) => option.subtype === 'MP_CAPABLE' && option.receiverKey !== undefined,
  );
  return { client: uint64(capable!.senderKey!), server: uint64(capable!.receiverKey!) };
}

describe('packets of Linux', () => {
  it('are two connections whose options were all understood', () => {
    expect(starts.length).toBe(2);
    const kinds = new Set(packets.flatMap(({ tcp }) => tcp.options.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual([
      'mptcp',
      'mss',
      'nop',
      'sack-permitted',
      'timestamps',
      'window-scale',
    ]);
    const subtypes = new Set(find(packets, () => true).map(({ subtype }) => subtype));
    expect([...subtypes].sort()).toEqual([
      'ADD_ADDR',
      'DSS',
      'MP_CAPABLE',
      'MP_FASTCLOSE',
      'MP_JOIN',
      'MP_PRIO',
      'MP_TCPRST',
      'REMOVE_ADDR',
    ]);
  });

  it('are written again byte for byte', () => {
    for (const [index, { ip, tcp }] of packets.entries()) {
      const segment = new Uint8Array(tcpPacketLength(tcp));
      emitTcp(tcp, segment, 0, 0);
      // Most were captured before the device completed the checksum.
      writeU16(segment, 16, readU16(ip.payload, 16));
      const bytes = new Uint8Array(datagramLength(ip));
      emitDatagram({ ...ip, payload: segment }, bytes, 0);
      expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.from(raw[index]!).toString('hex'));
    }
  });

  it('have a complete TCP checksum, or the sum that the device was to start from', () => {
    const isComplete = packets.map(({ ip }) => {
      const { source, destination, protocol, payload } = ip;
      const sum = pseudoHeaderSum(source, destination, protocol, payload.length);
      if (verifyTcpChecksum(payload, 0, payload.length, sum)) return true;
      expect(readU16(payload, 16)).toBe(foldSum(sum));
      return false;
    });
    expect(isComplete).toContain(true);
    expect(isComplete).toContain(false);
  });
});

describe.each([
  ['first', 0],
  ['second', 1],
])('the %s connection', (_name, which) => {
  const connection = connections[which]!;
  const { client, server } = keysOf(connection);

  it('gives its keys and flags in MP_CAPABLE', () => {
    const capables = find<MpCapable>(connection, ({ subtype }) => subtype === 'MP_CAPABLE');
    expect(capables.length).toBe(3);
    for (const capable of capables) {
      expect(capable).toMatchObject({ version: 1, flags: MpCapableFlag.CHECKSUM | MpCapableFlag.HMAC });
    }
    expect(capables[0]!.senderKey).toBeUndefined();
    expect(uint64(capables[1]!.senderKey!)).toEqual(server);
  });

  it('joins with the token and the proofs that follow from the keys', () => {
    const [syn] = find<MpJoinSyn>(connection, (o) => o.subtype === 'MP_JOIN' && o.phase === 'syn');
    const [synAck] = find<MpJoinSynAck>(connection, (o) => o.subtype === 'MP_JOIN' && o.phase === 'synack');
    const [ack] = find<MpJoinAck>(connection, (o) => o.subtype === 'MP_JOIN' && o.phase === 'ack');
    expect(syn!.token).toBe(deriveToken(server, 1));
    expect(synAck!.hmac).toEqual(joinHmac(1, server, client, synAck!.nonce, syn!.nonce).slice(0, 8));
    expect(ack!.hmac).toEqual(joinHmac(1, client, server, syn!.nonce, synAck!.nonce).slice(0, 20));
  });

  it('announces addresses with the right HMACs and echoes them without', () => {
    const all = find<AddAddr>(connection, ({ subtype }) => subtype === 'ADD_ADDR');
    const announced = all.filter(({ echo }) => !echo);
    expect(announced.length).toBe(which === 0 ? 3 : 2);
    for (const { addressId, address, port, hmac } of announced) {
      expect(hmac).toEqual(addAddrHmac(server, client, { addressId, address, port: port ?? 0 }));
    }
    const echoes = all.filter(({ echo }) => echo);
    expect(echoes.every(({ hmac }) => hmac === undefined)).toBe(true);
    expect(echoes.map(({ addressId }) => addressId)).toEqual(announced.map(({ addressId }) => addressId));
  });

  it('maps data from the initial numbers on, with right checksums', () => {
    let checked = 0;
    for (const { ip, tcp, options } of connection) {
      const dss = options.find((option): option is Dss => option.subtype === 'DSS');
      if (dss?.mapping === undefined || tcp.payload.length === 0) continue;
      const isClient = ip.source.equals(connection[0]!.ip.source);
      const first = uint64Add(deriveInitialDataSeq(isClient ? client : server, 1), 1);
      const { subflowSeq, dataLength, checksum, dataSeq } = dss.mapping;
      // Only the first subflow carries data here, so its sequence numbers run alongside the data's.
      const expected = uint64Add(first, subflowSeq - 1);
      expect(uint64(dataSeq.value)).toEqual(expected);
      expect(verifyDssChecksum(expected, subflowSeq, dataLength, [tcp.payload], checksum!)).toBe(true);
      checked++;
    }
    expect(checked).toBe(which === 0 ? 3 : 1);
  });
});

describe('the end of a connection', () => {
  it('is a DATA_FIN from both sides of the first, each with a right checksum over no bytes', () => {
    const { client, server } = keysOf(connections[0]!);
    const fins = connections[0]!.flatMap(({ ip, options }) =>
      options.flatMap((o) => (o.subtype === 'DSS' && o.dataFin ? [{ ip, mapping: o.mapping! }] : [])),
    );
    expect(fins.length).toBeGreaterThanOrEqual(2);
    for (const { ip, mapping } of fins) {
      const isClient = ip.source.toString().endsWith('.1');
      const fin = uint64Add(deriveInitialDataSeq(isClient ? client : server, 1), 1 + 301);
      expect(mapping).toMatchObject({ subflowSeq: 0, dataLength: 1 });
      expect(uint64(mapping.dataSeq.value)).toEqual(fin);
      expect(verifyDssChecksum(fin, 0, 1, [], mapping.checksum!)).toBe(true);
    }
  });

  it('is a fast close of the second, after a change of priority and a withdrawn address', () => {
    const { client } = keysOf(connections[1]!);
    const options = find(connections[1]!, () => true);
    expect(options).toContainEqual({ subtype: 'MP_PRIO', backup: true });
    expect(options).toContainEqual({ subtype: 'REMOVE_ADDR', addressIds: [5] });
    const fastcloses = options.filter((option) => option.subtype === 'MP_FASTCLOSE');
    expect(fastcloses.length).toBeGreaterThan(0);
    for (const option of fastcloses) expect(uint64(option.receiverKey)).toEqual(client);
    expect(options.some((option) => option.subtype === 'MP_TCPRST')).toBe(true);
  });
});
