/** What a capture may show that is not what comes next: damaged segments, SYN+ACKs that differ, Fast Open, numbers before keys. */
import { describe, expect, it } from 'vitest';
import { uint64ToBigInt, uint64, MILLISECOND } from '../../src/base/index.js';
import { deriveKeyMaterial, TcpFlag } from '../../src/wire/index.js';
import { mptcp, ScriptedConnection, TraceScript, usualOptions } from '../support/trace-script.js';

const { SYN, ACK, PSH } = TcpFlag;

describe('a segment with a wrong TCP checksum', () => {
  it('is left out where it would tell of bytes that nobody sent', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script).open();
    connection.transfer('server', 0, 3);
    const [subflow] = connection.subflows;
    subflow!.send('client', { damagedAt: 9 });
    const { frame } = script;
    connection.transfer('server', 0, 3);
    const { connections, quality } = script.report();
    expect(quality).toMatchObject({ damagedSegments: 1, damagedPackets: [frame] });
    expect(connections[0]!.subflows[0]!.serverToClient).toMatchObject({ missingBytes: 0, uniqueBytes: 6000 });
  });

  it('begins no stream, and gives a stream no number', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script);
    const subflow = connection.stream();
    subflow.send('client', { flags: SYN, options: [...usualOptions, connection.capable('syn')] });
    const answer = { flags: SYN | ACK, options: [...usualOptions, connection.capable('syn-ack')] };
    subflow.send('server', { ...answer, seq: subflow.next.server, damagedAt: 5 });
    subflow.send('server', answer);
    subflow.send('client', { flags: SYN, seq: 1000, damagedAt: 5, options: usualOptions });
    subflow.send('client', { options: [connection.capable('third')] });
    connection.transfer('server', 0, 2);
    const { connections, quality } = script.report();
    expect(quality.damagedSegments).toBe(2);
    expect(connections).toHaveLength(1);
    expect(connections[0]!.subflows[0]!.serverToClient).toMatchObject({
      initialSeq: 500_000,
      uniqueBytes: 2000,
    });
  });

  it('is taken as it is where most are wrong, as after a tool changed addresses', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script);
    const subflow = connection.stream();
    for (const flags of [SYN, SYN | ACK, ACK, PSH | ACK]) {
      const from = flags === (SYN | ACK) ? 'server' : 'client';
      const payload = new Uint8Array((flags & PSH) !== 0 ? 100 : 0);
      // Byte 18 is of the urgent pointer, which nobody reads.
      subflow.send(from, {
        flags,
        payload,
        damagedAt: 18,
        options: flags === SYN ? [connection.capable('syn')] : [],
      });
    }
    const { connections, quality } = script.report();
    expect(quality.damagedSegments).toBe(0);
    expect(connections[0]!.subflows[0]!.clientBytes).toBe(100);
  });
});

describe('a SYN+ACK with another number', () => {
  it('belongs to the same stream, whose numbers are those that the opener acknowledges', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script);
    const subflow = connection.stream();
    subflow.send('client', { flags: SYN, options: [...usualOptions, connection.capable('syn')] });
    const answer = { flags: SYN | ACK, options: [...usualOptions, connection.capable('syn-ack')] };
    subflow.send('server', { ...answer, seq: 77_000 });
    script.wait(MILLISECOND);
    subflow.send('server', answer);
    subflow.send('client', { options: [connection.capable('third')] });
    connection.transfer('server', 0, 4);
    const { connections, plainConnections } = script.report();
    expect(connections).toHaveLength(1);
    expect(plainConnections).toBe(0);
    const [report] = connections[0]!.subflows;
    expect(report!.serverToClient).toMatchObject({
      uniqueBytes: 4000,
      lateBytes: 0,
      missingBytes: 0,
      initialSeq: 500_000,
    });
    expect(connections[0]!.serverData.uniqueBytes).toBe(4000);
  });
});

describe('payload of a SYN', () => {
  const payload = new Uint8Array(300);

  it('that the server refused is sent again once, however often the SYN+ACK comes', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script);
    const subflow = connection.stream();
    subflow.send('client', {
      flags: SYN,
      seq: 1000,
      payload,
      options: [...usualOptions, connection.capable('syn')],
    });
    subflow.next.client = 1001;
    const answer = { flags: SYN | ACK, options: [...usualOptions, connection.capable('syn-ack')] };
    subflow.send('server', answer);
    subflow.send('client', { options: [connection.capable('third')] });
    connection.data('client', 0, 300);
    subflow.send('server', { ...answer, seq: 500_000, ack: 1001 });
    subflow.next.client = 1001;
    connection.data('client', 0, 300, 0);
    const [report] = script.report().connections;
    expect(report!.clientData).toMatchObject({ uniqueBytes: 300, reinjectedBytes: 0, synBytes: 0 });
  });

  it('counts once in plain TCP', () => {
    const script = new TraceScript({ includesPlain: true });
    const subflow = new ScriptedConnection(script).stream();
    subflow.send('client', { flags: SYN, payload, options: usualOptions });
    subflow.send('server', { flags: SYN | ACK, options: usualOptions });
    subflow.send('client', { payload: new Uint8Array(200) });
    const [report] = script.report().connections;
    expect(report!.clientData).toMatchObject({ uniqueBytes: 200, synBytes: 300 });
    expect(report!.subflows[0]!.clientBytes).toBe(500);
  });
});

describe('a data sequence number of 32 bits before the keys', () => {
  it('does not speak against them, and offsets count from where the keys say', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script);
    const subflow = connection.stream();
    subflow.send('client', { flags: SYN, options: [...usualOptions, connection.capable('syn')] });
    subflow.send('server', { flags: SYN | ACK, options: [...usualOptions, connection.capable('syn-ack')] });
    // The DATA_FIN overtakes the only data, with which the keys come.
    const { initialDataSeq } = deriveKeyMaterial(uint64(0x1111_2222_3333_4444n), 1);
    const value = (uint64ToBigInt(initialDataSeq) + 101n) & 0xffff_ffffn;
    const mapping = { dataSeq: { value, bits: 32 as const }, subflowSeq: 0, dataLength: 1 };
    const fin = mptcp({ subtype: 'DSS', dataFin: true, mapping });
    subflow.send('client', { seq: 1101, options: [fin] });
    subflow.send('client', { options: [connection.capable('third')] });
    connection.data('client', 0, 100);
    const [report] = script.report().connections;
    expect(report).toMatchObject({ keysVerified: true });
    expect(report!.clientData).toMatchObject({ uniqueBytes: 100, dataFin: true });
  });
});

describe('data without a DSS behind the last mapping', () => {
  it('is a fall-back of a host whose only subflow got no DSS in answer, and goes on where the mapping ended', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script).open();
    connection.data('client', 0, 1000);
    connection.subflows[0]!.send('server');
    connection.subflows[0]!.send('client', { payload: new Uint8Array(500) });
    const { frame } = script;
    const [report] = script.report().connections;
    expect(report).toMatchObject({ fallback: true, fallbackCause: 'no-dss', fallbackPacket: frame });
    expect(report!.clientData).toMatchObject({ uniqueBytes: 1500, reinjectedBytes: 0 });
  });

  it.each([
    [
      'the capture lost what came before it',
      (connection: ScriptedConnection) => (connection.subflows[0]!.next.client += 1000),
    ],
    [
      'another subflow carries data',
      (connection: ScriptedConnection) => (connection.join(), connection.data('client', 1, 100)),
    ],
  ])('is none where %s', (_, then) => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script).open();
    connection.data('client', 0, 1000);
    then(connection);
    connection.subflows[0]!.send('client', { payload: new Uint8Array(500) });
    expect(script.report().connections[0]).toMatchObject({ fallback: false });
  });
});

describe('the first data in an MP_CAPABLE', () => {
  it('leaves it to the mapping that follows to verify the keys', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script);
    const subflow = connection.stream();
    subflow.send('client', { flags: SYN, options: [...usualOptions, connection.capable('syn')] });
    subflow.send('server', { flags: SYN | ACK, options: [...usualOptions, connection.capable('syn-ack')] });
    const third = connection.capable('third');
    if (third.kind !== 'mptcp') throw new Error('no option of Multipath TCP');
    const option = mptcp({ ...third.option, dataLength: 37 } as typeof third.option);
    subflow.send('client', { options: [option], payload: new Uint8Array(37) });
    connection.sent.client = 37;
    connection.data('client', 0, 100);
    const [report] = script.report().connections;
    expect(report).toMatchObject({ keysVerified: true });
    expect(report!.clientData.uniqueBytes).toBe(137);
  });
});
