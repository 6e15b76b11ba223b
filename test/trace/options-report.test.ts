/** The options report: what each option says, what was agreed, what is unusual. */
import { describe, expect, it } from 'vitest';
import { type ConnectionOptionsReport, type OptionNote, reportOptions } from '../../src/trace/index.js';
import { MpCapableFlag, TcpFlag, type TcpOption } from '../../src/wire/index.js';
import { mptcp, ScriptedConnection, TraceScript, usualOptions } from '../support/trace-script.js';

const { SYN, ACK } = TcpFlag;

/** The report of the only connection of a script. */
function optionsOf(script: TraceScript): ConnectionOptionsReport {
  const { connections } = script.report();
  expect(connections).toHaveLength(1);
  return reportOptions(connections[0]!);
}

/** All notes of a connection, those of its options too. */
function notesOf({ subflows }: ConnectionOptionsReport): OptionNote[] {
  return subflows.flatMap(({ packets }) =>
    packets.flatMap(({ notes, options }) => [...options.flatMap((option) => option.notes), ...notes]),
  );
}

function textsOf(report: ConnectionOptionsReport): string {
  return notesOf(report)
    .map(({ text }) => text)
    .join('\n');
}

/** A handshake with these options beside the usual ones. */
function handshake(syn: readonly TcpOption[], synAck: readonly TcpOption[]): ConnectionOptionsReport {
  const script = new TraceScript();
  const connection = new ScriptedConnection(script);
  const subflow = connection.stream();
  subflow.send('client', { flags: SYN, options: syn });
  subflow.send('server', { flags: SYN | ACK, options: synAck });
  subflow.send('client', { options: [connection.capable('third')] });
  return optionsOf(script);
}

const model = new ScriptedConnection(new TraceScript());
const capableSyn = model.capable('syn');
const capableSynAck = model.capable('syn-ack');
const keys = capableSynAck.kind === 'mptcp' ? capableSynAck.option : undefined;
const serverKey = keys?.subtype === 'MP_CAPABLE' ? keys.senderKey! : 0n;

describe('the options report', () => {
  it.each([0, 1] as const)(
    'says what a clean handshake of version %d agreed, and finds nothing odd',
    (version) => {
      const script = new TraceScript();
      const connection = new ScriptedConnection(script, { version }).open();
      connection.transfer('client', 0, 2);
      connection.join();
      const report = optionsOf(script);
      expect(notesOf(report)).toEqual([]);
      expect(report.subflows.map(({ packets }) => packets.slice(0, 3).map(({ role }) => role))).toEqual([
        ['syn', 'syn-ack', 'third'],
        ['syn', 'syn-ack', 'third'],
      ]);
      expect(report.subflows[0]!.agreed).toEqual({
        ...{ version, checksum: false, dataSeqBits: 64, dataAckBits: 64, clientMss: 1460, serverMss: 1460 },
        ...{
          windowScale: { client: 7, server: 7 },
          sack: true,
          timestamps: false,
          fastOpen: 'not asked for',
        },
      });
      expect(
        report.subflows[0]!.packets[0]!.options.map(({ name, offset, length }) => [name, offset, length]),
      ).toEqual([
        ['MSS', 20, 4],
        ['window scale', 24, 3],
        ['SACK permitted', 27, 2],
        ['MP_CAPABLE', 29, version === 1 ? 4 : 12],
      ]);
      expect(report.subflows[1]!.packets[0]!.options[3]!.text).toMatch(/joins the connection with token 0x/);
    },
  );

  it.each([
    ['reserved flags', { flags: MpCapableFlag.HMAC | 0x12 }, /reserved flags are set: D, G/],
    ['flag B', { flags: MpCapableFlag.HMAC | MpCapableFlag.EXTENSIBILITY }, /flag B is set/],
    ['no algorithm', { flags: 0 }, /flag H is missing/],
    ['a version of the future', { version: 2 }, /nobody knows version 2/],
  ])('points out an MP_CAPABLE with %s', (_, change, says) => {
    const odd: TcpOption = mptcp({ subtype: 'MP_CAPABLE', version: 1, flags: MpCapableFlag.HMAC, ...change });
    expect(textsOf(handshake([...usualOptions, odd], [...usualOptions, capableSynAck]))).toMatch(says);
  });

  it.each([
    ['a window scale that is too large', [{ kind: 'window-scale', shift: 15 }], /the most is 14/],
    ['an MSS below what every path carries', [{ kind: 'mss', mss: 100 }], /less than the 536 bytes/],
    ['an option twice', [usualOptions[0]!, usualOptions[0]!], /MSS stands there twice, again at byte 24/],
    ['an MSS that is not first', [usualOptions[2]!, usualOptions[0]!], /the MSS is not the first option/],
    ['an unknown kind', [{ kind: 'unknown', number: 77, body: new Uint8Array(2) }], /nobody knows this kind/],
    ['an echo in a SYN', [{ kind: 'timestamps', tsVal: 1, tsEcr: 2 }], /a SYN has nothing to echo/],
  ] as [string, TcpOption[], RegExp][])('points out %s', (_, options, says) => {
    expect(textsOf(handshake([...options, capableSyn], [...usualOptions, capableSynAck]))).toMatch(says);
  });

  it('gives the byte at which an option is malformed, and one that overruns the header', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script).open();
    const subflow = connection.stream();
    // MP_JOIN of 5 bytes at byte 24, then a timestamp that claims 40.
    const rawOptions = Uint8Array.of(2, 4, 5, 0xb4, 30, 5, 0x10, 0, 0, 1, 8, 40);
    connection.subflows[0]!.send('client', { flags: SYN, seq: 1000, rawOptions });
    expect(subflow.client).toBe('10.1.0.1');
    const report = optionsOf(script);
    expect(textsOf(report)).toMatch(/malformed at byte 2\d of the header/);
    expect(textsOf(report)).toMatch(/the option at byte 30 overruns the header/);
  });

  it('sees an answer that is the question, sent back', () => {
    expect(textsOf(handshake([...usualOptions, capableSyn], [...usualOptions, capableSyn]))).toMatch(
      /sent back as it came/,
    );
  });

  it('sees answers to what was not offered, and offers without an answer', () => {
    const report = handshake([usualOptions[0]!, capableSyn], usualOptions);
    expect(textsOf(report)).toMatch(/window scale answers what the SYN did not offer/);
    expect(textsOf(report)).toMatch(/no MP_CAPABLE, which the SYN had/);
    expect(report.subflows[0]!.agreed).toMatchObject({ version: null, windowScale: null, sack: false });
  });

  it('says that a join whose answer has no MP_JOIN agreed on nothing of Multipath TCP', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script).open();
    const subflow = connection.stream();
    connection.three(subflow, connection.joinOptions(subflow)[0]);
    const { subflows } = optionsOf(script);
    expect(subflows.map(({ agreed }) => agreed.version)).toEqual([1, null]);
    expect(subflows[1]!.agreed).toMatchObject({ checksum: null, sack: true });
  });

  it('sees that a SYN sent again has lost its option', () => {
    const script = new TraceScript();
    const connection = new ScriptedConnection(script);
    const subflow = connection.stream();
    subflow.send('client', { flags: SYN, seq: 1000, options: [...usualOptions, capableSyn] });
    script.wait(1e9);
    subflow.send('client', { flags: SYN, options: usualOptions });
    subflow.send('server', { flags: SYN | ACK, options: usualOptions });
    expect(textsOf(optionsOf(script))).toMatch(/sent again without Multipath TCP, which frame 1 had/);
  });

  it('sees a lower version, an MSS that differs, and a key that does not repeat', () => {
    const older: TcpOption = mptcp({
      ...{ subtype: 'MP_CAPABLE', version: 0, flags: MpCapableFlag.HMAC },
      senderKey: serverKey + 1n,
    });
    const texts = textsOf(handshake([...usualOptions, capableSyn], [{ kind: 'mss', mss: 1380 }, older]));
    expect(texts).toMatch(/answers version 1 with version 0/);
    expect(texts).toMatch(/MSS 1380 against 1460/);
    expect(texts).toMatch(/the receiver's key is not the one of the SYN\+ACK/);
  });

  it('counts options of every kind in the whole capture', () => {
    const script = new TraceScript();
    new ScriptedConnection(script).open().transfer('client', 0, 2);
    const { tcpOptions, options } = script.report();
    expect(tcpOptions).toMatchObject({ 2: 2, 3: 2, 4: 2, 30: 7 });
    expect(options).toMatchObject({ MP_CAPABLE: 3, DSS: 4 });
  });
});
