import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { IpAddress, TcpFlag, addAddrHmac } from '../wire/index.js';
import type { AddAddr, MptcpOption } from '../wire/index.js';
import { bytes, Impostor, impostorKey, ownKey, resetReason } from '../../test/support/mptcp-impostor.js';
import { ResetReason } from './reset-reason.js';
import { Subflow } from './subflow.js';

function announcement(id: number, text: string, key = impostorKey): AddAddr {
  const address = IpAddress.parse(text)!;
  const hmac = addAddrHmac(key, ownKey, { addressId: id, address, port: 0 });
  return { subtype: 'ADD_ADDR', version: 1, echo: false, addressId: id, address, hmac };
}

describe('mappings', () => {
  it('may be longer than the segment, and need not be repeated', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(1, 1, 30)], payload: bytes(10) });
    impostor.send({ options: [impostor.dataAck(1)], payload: bytes(10, 10) });
    impostor.send({ options: [impostor.mapping(1, 1, 30)], payload: bytes(10, 20) });
    expect(impostor.read()).toEqual(bytes(30));
  });

  it('may be shorter than the segment, the next one coming with the next', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(1, 1, 6)], payload: bytes(10) });
    expect(impostor.read()).toEqual(bytes(6));
    impostor.send({ options: [impostor.mapping(7, 7, 10)], payload: bytes(6, 10) });
    expect(impostor.read()).toEqual(bytes(10, 6));
  });

  it('may come before their bytes', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(1, 1, 10)] });
    impostor.send({ options: [impostor.mapping(11, 11, 10)] });
    impostor.send({ options: [impostor.dataAck(1)], payload: bytes(20) });
    expect(impostor.read()).toEqual(bytes(20));
  });

  it('may come with bytes out of order', () => {
    const impostor = new Impostor();
    impostor.send({ seq: 11, options: [impostor.mapping(11, 11, 10)], payload: bytes(10, 10) });
    expect(impostor.read()).toHaveLength(0);
    impostor.send({ seq: 1, options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    expect(impostor.read()).toEqual(bytes(20));
  });

  it('may number with 32 bits', () => {
    const impostor = new Impostor();
    const option = impostor.mapping(1, 1, 10);
    const dataSeq = { value: BigInt.asUintN(32, option.mapping!.dataSeq.value), bits: 32 } as const;
    impostor.send({ options: [{ ...option, mapping: { ...option.mapping!, dataSeq } }], payload: bytes(10) });
    expect(impostor.read()).toEqual(bytes(10));
    impostor.run(SECOND);
    expect(impostor.sent.at(-1)!.options[0]).toMatchObject({ dataAck: { bits: 32 } });
  });

  it('that contradict an earlier one reset the subflow', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(1, 1, 20)], payload: bytes(10) });
    impostor.send({ options: [impostor.mapping(11, 500, 10)], payload: bytes(10) });
    expect(resetReason(impostor)).toBe(ResetReason.MPTCP_ERROR);
  });

  it('that never come reset the subflow, once too many bytes wait for them', () => {
    const impostor = new Impostor({ maxUnmappedBytes: 5000 });
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    for (let i = 0; i < 5; i++) impostor.send({ options: [impostor.dataAck(1)], payload: bytes(1000) });
    expect(resetReason(impostor)).toBeUndefined();
    impostor.send({ options: [impostor.dataAck(1)], payload: bytes(1000) });
    expect(resetReason(impostor)).toBe(ResetReason.MIDDLEBOX);
  });

  it('cannot be held without end', () => {
    const impostor = new Impostor({ maxMappings: 50 });
    for (let i = 0; i < 50; i++)
      impostor.send({ options: [impostor.mapping(100 + i * 20, 100 + i * 20, 10)] });
    expect(resetReason(impostor)).toBeUndefined();
    impostor.send({ options: [impostor.mapping(5000, 5000, 10)] });
    expect(resetReason(impostor)).toBe(ResetReason.LACK_OF_RESOURCES);
  });

  it('into the past or far beyond the window bring nothing', () => {
    const impostor = new Impostor({ receiveBufferBytes: 50_000 });
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    impostor.send({ options: [impostor.mapping(11, -1000, 10)], payload: bytes(10) });
    impostor.send({ options: [impostor.mapping(21, 49_997, 10)], payload: bytes(10) });
    impostor.send({ options: [impostor.mapping(31, 2 ** 40, 10)], payload: bytes(10) });
    expect(impostor.read()).toEqual(bytes(10));
    const { statistics } = impostor.connection;
    expect(statistics).toMatchObject({ bytesReceived: 10 + 6, duplicateBytes: 10, droppedBytes: 4 + 10 });
  });

  it('of the farthest numbers there are do not disturb', () => {
    const impostor = new Impostor();
    for (const at of [0n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const option = impostor.mapping(impostor.initial.tcp.rcvNxt, 1, 10);
      const dataSeq = { value: at, bits: 64 } as const;
      impostor.send({
        options: [{ ...option, mapping: { ...option.mapping!, dataSeq } }],
        payload: bytes(10),
      });
    }
    const start = impostor.initial.tcp.rcvNxt;
    impostor.send({ options: [impostor.mapping(start, 1, 10)], payload: bytes(10) });
    expect(impostor.read()).toEqual(bytes(10));
  });
});

describe('the end of data', () => {
  it('that contradicts itself resets the subflow', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(0, 100, 1, { dataFin: true })] });
    impostor.send({ options: [impostor.mapping(0, 101, 1, { dataFin: true })] });
    expect(resetReason(impostor)).toBe(ResetReason.MPTCP_ERROR);
  });

  it('before bytes that came already resets the subflow', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    impostor.send({ options: [impostor.mapping(0, 5, 1, { dataFin: true })] });
    expect(resetReason(impostor)).toBe(ResetReason.MPTCP_ERROR);
    expect(impostor.events.filter(({ type }) => type === 'peer-closed')).toEqual([]);
  });

  it('counts once its bytes are complete, and is acknowledged each time it comes', () => {
    const impostor = new Impostor();
    impostor.send({ options: [impostor.mapping(0, 11, 1, { dataFin: true })] });
    expect(impostor.events.filter(({ type }) => type === 'peer-closed')).toEqual([]);
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    expect(impostor.events.filter(({ type }) => type === 'peer-closed')).toHaveLength(1);
    for (let i = 0; i < 2; i++) {
      impostor.sent.length = 0;
      impostor.send({ options: [impostor.mapping(0, 11, 1, { dataFin: true })] });
      expect(impostor.sent[0]?.options[0]).toMatchObject({ dataAck: { value: impostor.peerSeq(12) } });
    }
  });
});

describe('acknowledgments', () => {
  it('of data never sent change nothing', () => {
    const impostor = new Impostor();
    impostor.connection.write(impostor.now, bytes(100));
    impostor.poll();
    for (const offset of [102, 1e6, -5, 2 ** 45]) impostor.send({ options: [impostor.dataAck(offset)] });
    expect(impostor.connection.bufferedSendBytes).toBe(100);
    impostor.send({ options: [impostor.dataAck(101)] });
    expect(impostor.connection.bufferedSendBytes).toBe(0);
  });

  it('that TCP gives and the data level never does end the connection in time', () => {
    const impostor = new Impostor({ maxDataTimeouts: 3, maxDataRtoNs: SECOND });
    impostor.connection.write(impostor.now, bytes(100));
    impostor.poll();
    const isClosed = (): boolean => impostor.events.some(({ type }) => type === 'closed');
    for (let i = 0; i < 20 && !isClosed(); i++) {
      impostor.send({ options: [impostor.dataAck(1)] });
      impostor.run(SECOND);
    }
    expect(impostor.events.find(({ type }) => type === 'closed')).toMatchObject({
      error: { code: 'ETIMEDOUT' },
    });
    expect(impostor.connection.statistics.dataTimeouts).toBe(4);
  });
});

describe('announcements', () => {
  it('count only with the proof of the peer’s own key', () => {
    const impostor = new Impostor();
    impostor.send({ options: [announcement(5, '10.1.1.1', { hi: 1, lo: 1 })] });
    const { subtype, version, echo, addressId, address } = announcement(5, '10.1.1.1');
    impostor.send({ options: [{ subtype, version, echo, addressId, address }] });
    expect(impostor.connection.statistics.hmacFailures).toBe(2);
    expect(impostor.events.filter(({ type }) => type === 'address-announced')).toEqual([]);
    impostor.send({ options: [announcement(5, '10.1.1.1')] });
    expect(impostor.events.filter(({ type }) => type === 'address-announced')).toHaveLength(1);
  });

  it('of no address, of a group and of ID 0 are ignored', () => {
    const impostor = new Impostor();
    for (const [id, text] of [
      [5, '0.0.0.0'],
      [5, '224.0.0.1'],
      [0, '10.1.1.1'],
    ] as const) {
      impostor.send({ options: [announcement(id, text)] });
    }
    expect(impostor.events.filter(({ type }) => type === 'address-announced')).toEqual([]);
  });

  it('in a flood fill the table and no more', () => {
    const impostor = new Impostor({ maxAcceptedAddresses: 4 });
    for (let i = 1; i < 256; i++) impostor.send({ options: [announcement(i, `10.1.1.${i}`)] });
    expect(impostor.events.filter(({ type }) => type === 'address-announced')).toHaveLength(4);
  });
});

describe('joins', () => {
  const token = (impostor: Impostor): number => impostor.connection.localToken!;

  it('in a flood get the subflows there are and no more, the newest in place of the oldest without a proof', () => {
    const impostor = new Impostor({ maxSubflows: 3 });
    const results = Array.from({ length: 20 }, (_, i) => impostor.join(token(impostor), i, i + 1));
    expect(results.every((result) => result instanceof Subflow)).toBe(true);
    const open = impostor.connection.subflows.filter(({ state }) => state !== 'closed');
    expect(open).toEqual([impostor.initial, ...results.slice(-2)]);
    const [displaced] = results as Subflow[];
    expect(displaced).toMatchObject({ resetReason: ResetReason.UNSPECIFIED, resetTransient: true });
  });

  it('displace no join that has given its proof', () => {
    const impostor = new Impostor({ maxSubflows: 3 });
    for (const nonce of [1, 2]) {
      const subflow = impostor.join(token(impostor), nonce, nonce) as Subflow;
      impostor.joinAck(subflow, nonce);
    }
    expect(impostor.join(token(impostor), 3, 3)).toEqual({
      ...{ refused: true, reason: ResetReason.LACK_OF_RESOURCES, transient: true },
    });
  });

  it('without the keys give no access, not even for a moment', () => {
    const impostor = new Impostor();
    const subflow = impostor.join(token(impostor), 42, 9) as Subflow;
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) }, subflow);
    expect(impostor.read()).toHaveLength(0);
    expect(resetReason(impostor)).toBe(ResetReason.MPTCP_ERROR);
    expect(impostor.events.filter(({ type }) => type === 'subflow-opened')).toHaveLength(1);
  });

  it('with a proof replayed from another nonce are refused', () => {
    const impostor = new Impostor();
    const subflow = impostor.join(token(impostor), 42, 9) as Subflow;
    impostor.joinAck(subflow, 43);
    expect(resetReason(impostor)).toBe(ResetReason.MPTCP_ERROR);
    expect(impostor.connection.statistics.hmacFailures).toBe(1);
  });

  it('with the right proof carry data at once', () => {
    const impostor = new Impostor();
    const subflow = impostor.join(token(impostor), 42, 9) as Subflow;
    impostor.joinAck(subflow, 42);
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) }, subflow);
    expect(impostor.read()).toEqual(bytes(10));
  });
});

describe('fast close', () => {
  const fastClose = (receiverKey: bigint): MptcpOption => ({ subtype: 'MP_FASTCLOSE', receiverKey });

  it('with a guessed key is ignored', () => {
    const impostor = new Impostor();
    impostor.send({ options: [fastClose(1n)] });
    expect(impostor.events.filter(({ type }) => type === 'closed')).toEqual([]);
  });

  it('on an ACK is answered with a RST, and the connection is over', () => {
    const impostor = new Impostor();
    impostor.send({ options: [fastClose(0x1111111122222222n)] });
    expect(impostor.events.find(({ type }) => type === 'closed')).toMatchObject({
      error: { code: 'ECONNRESET' },
    });
    expect(impostor.sent.at(-1)!.flags & TcpFlag.RST).not.toBe(0);
    expect(impostor.connection.isReleasable).toBe(true);
  });

  it('on a RST needs no answer', () => {
    const impostor = new Impostor();
    impostor.send({ flags: TcpFlag.RST | TcpFlag.ACK, options: [fastClose(0x1111111122222222n)] });
    expect(impostor.events.find(({ type }) => type === 'closed')).toMatchObject({
      error: { code: 'ECONNRESET' },
    });
    expect(impostor.sent).toEqual([]);
    expect(impostor.connection.isReleasable).toBe(true);
  });
});

describe('options that say nothing here', () => {
  it('are ignored', () => {
    const impostor = new Impostor();
    const options: MptcpOption[] = [
      { subtype: 'MP_EXPERIMENTAL', nibble: 1, body: bytes(5) },
      { subtype: 'UNKNOWN', code: 11, nibble: 0, body: bytes(3) },
      { subtype: 'MP_TCPRST', flags: 0, reason: 3 },
      { subtype: 'MP_PRIO', backup: true, addressId: 0 },
      { subtype: 'REMOVE_ADDR', addressIds: [77] },
    ];
    for (const option of options) impostor.send({ options: [option] });
    impostor.send({ options: [impostor.mapping(1, 1, 10)], payload: bytes(10) });
    expect(impostor.read()).toEqual(bytes(10));
    expect(impostor.initial.isBackup).toBe(false);
    expect(impostor.connection.subflows).toHaveLength(1);
  });
});

describe('a RST with MP_TCPRST', () => {
  it('is told with its reason, and the connection waits for a new subflow', () => {
    const impostor = new Impostor({ graceNs: 5 * SECOND });
    impostor.send({
      flags: TcpFlag.RST | TcpFlag.ACK,
      options: [{ subtype: 'MP_TCPRST', flags: 1, reason: 5 }],
    });
    expect(impostor.events.find(({ type }) => type === 'subflow-closed')).toMatchObject({
      reason: 'reset',
      resetReason: 5,
      transient: true,
    });
    impostor.run(4 * SECOND);
    expect(impostor.events.filter(({ type }) => type === 'closed')).toEqual([]);
    impostor.run(2 * SECOND);
    expect(impostor.events.find(({ type }) => type === 'closed')).toMatchObject({
      error: { code: 'ECONNRESET' },
    });
  });
});
