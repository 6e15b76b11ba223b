/** Each finding, shown by a capture that has what it speaks of; and none of them by one that is as it should be. */
import { MILLISECOND, SECOND, uint64 } from '../../src/base/index.js';
import { describe, expect, it } from 'vitest';
import {
  type Finding,
  type FindingCode,
  findingCodes,
  type TraceOptions,
  type TraceReport,
} from '../../src/trace/index.js';
import { addAddrHmac, IpAddress, MpCapableFlag, type MptcpOption, TcpFlag } from '../../src/wire/index.js';
import { mptcp, ScriptedConnection, TraceScript, usualOptions } from '../support/trace-script.js';

const { SYN, ACK, FIN } = TcpFlag;
const clientKey = 0x1111_2222_3333_4444n;
const serverKey = 0x5555_6666_7777_8888n;
const address = IpAddress.parse('10.9.1.1')!;

/** All findings of a report. */
function findingsOf(report: TraceReport): readonly Finding[] {
  return [...report.findings, ...report.connections.flatMap(({ findings }) => findings)];
}

/** A script with one connection that is open, and has moved `segments` of 1000 bytes from the server. */
function opened(segments = 0, options: TraceOptions = {}): [TraceScript, ScriptedConnection] {
  const script = new TraceScript(options);
  const connection = new ScriptedConnection(script).open();
  connection.transfer('server', 0, segments);
  return [script, connection];
}

/** The report of an open connection to which `then` happens. */
function after(
  segments: number,
  then: (connection: ScriptedConnection, script: TraceScript) => void,
): TraceReport {
  const [script, connection] = opened(segments);
  then(connection, script);
  return script.report();
}

/** The report of a connection whose first handshake `then` makes. */
function begun(then: (connection: ScriptedConnection, script: TraceScript) => void): TraceReport {
  const script = new TraceScript();
  then(new ScriptedConnection(script), script);
  return script.report();
}

/** One packet of the server with an option. */
function says(connection: ScriptedConnection, option: MptcpOption, index = 0): void {
  connection.subflows[index]!.send('server', { options: [mptcp(option)] });
}

function announcement(
  hmac = addAddrHmac(uint64(serverKey), uint64(clientKey), { addressId: 3, address, port: 0 }),
): MptcpOption {
  return { subtype: 'ADD_ADDR', version: 1, echo: false, addressId: 3, address, hmac };
}

/** A join that goes as far as `packets` of its three. */
function halfJoin(connection: ScriptedConnection, packets: 1 | 2 | 3): void {
  const subflow = connection.stream();
  const [syn, synAck, third] = connection.joinOptions(subflow);
  subflow.send('client', { flags: SYN, options: [...usualOptions, syn] });
  if (packets > 1) subflow.send('server', { flags: SYN | ACK, options: [...usualOptions, synAck] });
  if (packets > 2) subflow.send('client', { options: [third] });
}

/** Both ends' captures of one connection, the second with other options. */
function bothEnds(
  other: ConstructorParameters<typeof ScriptedConnection>[1],
  client = '10.0.0.1',
): TraceReport {
  const script = new TraceScript();
  new ScriptedConnection(script).open().transfer('server', 0, 2);
  const there = new ScriptedConnection(script, { vantage: 1, ...other });
  const subflow = there.stream();
  subflow.client = client;
  there.three(subflow, there.capable('syn'), there.capable('syn-ack'), there.capable('third'));
  there.transfer('server', 0, 2);
  return script.report();
}

/** What each finding is shown by, and what its sentence says. */
const cases: Readonly<Record<FindingCode, readonly [() => TraceReport, RegExp]>> = {
  'address-hmac-wrong': [
    () => after(0, (connection) => says(connection, announcement(new Uint8Array(8)))),
    /address 3 of the server, 10\.9\.1\.1, has a proof that the keys do not give/,
  ],
  'address-not-echoed': [
    () =>
      after(0, (connection) => {
        says(connection, announcement());
        connection.transfer('server', 0, 15);
      }),
    /was never confirmed \(sent once\)/,
  ],
  'address-not-joined': [
    () =>
      after(0, (connection) => {
        says(connection, announcement());
        connection.transfer('server', 0, 15);
      }),
    /announced address 3, 10\.9\.1\.1, and the client opened no subflow to it\. The limits of the client.*add_addr_accepted/,
  ],
  'address-removed': [
    () => after(0, (connection) => says(connection, { subtype: 'REMOVE_ADDR', addressIds: [3] })),
    /The server says that address 3 is gone/,
  ],
  'address-translated': [() => bothEnds({}, '192.0.2.1'), /10\.0\.0\.1:40000 .* is 192\.0\.2\.1:40000/],
  'backup-idle': [
    () =>
      after(0, (connection) => {
        connection.join(true);
        connection.transfer('server', 0, 97);
        connection.transfer('server', 1, 3);
      }),
    /Subflow 1 carried 3 % of the server's data because it was announced as backup/,
  ],
  'backup-used': [
    () =>
      after(0, (connection) => {
        connection.join(true);
        connection.transfer('server', 1, 100);
      }),
    /Subflow 1 carried 100 % of the server's data although it is a backup/,
  ],
  'capture-clock-reversed': [
    () =>
      after(2, (connection, script) => {
        script.wait(-3 * MILLISECOND);
        connection.transfer('server', 0, 1);
      }),
    /The clock goes back once, by up to 2\.9 ms/,
  ],
  'capture-cut': [
    () => {
      const [script] = opened();
      const problem = { code: 'truncated', offset: 77, message: 'the record is cut' };
      return script.report([{ name: 'a.pcap', format: 'pcap', packets: 3, problem }]);
    },
    /a\.pcap ends amid a record \(byte 77\), after 3 packets: it was copied/,
  ],
  'capture-damaged': [
    () => {
      const [script] = opened();
      const problem = { code: 'bad-length', offset: 900, message: 'a block of 4 GB is beyond the limit' };
      return script.report([{ name: 'a.pcapng', format: 'pcapng', packets: 3, problem }]);
    },
    /a\.pcapng cannot be read beyond byte 900 \(a block of 4 GB is beyond the limit\): only the 3 packets/,
  ],
  'capture-duplicates': [
    () =>
      after(2, ({ subflows }) => {
        const seq = subflows[0]!.next.server;
        for (let i = 0; i < 2; i++) subflows[0]!.send('server', { seq, payload: new Uint8Array(100) });
      }),
    /1 segment came twice within a millisecond/,
  ],
  'capture-limits': [
    () => {
      const [script, connection] = opened(0, { limits: { maxSignals: 1 } });
      for (let i = 0; i < 3; i++) says(connection, { subtype: 'REMOVE_ADDR', addressIds: [i] });
      return script.report();
    },
    /forgotten \(signals: 2\)/,
  ],
  'capture-lost-packets': [
    () =>
      after(3, (connection) => {
        connection.subflows[0]!.next.server += 1000;
        connection.sent.server += 1000;
        connection.transfer('server', 0, 6);
      }),
    /1\.0 kB \(10 %\) that the server sent on subflow 0 were acknowledged but not captured/,
  ],
  'capture-one-way': [
    () =>
      begun((connection) => {
        connection.stream();
        for (let i = 0; i < 12; i++) connection.data('server', 0, 1000);
      }),
    /only packets from the server were captured/,
  ],
  'capture-snapped': [
    () =>
      begun((_, script) => {
        const { subflows } = new ScriptedConnection(script, { checksum: true }).open();
        subflows[0]!.send('server', { payload: new Uint8Array(1000), captured: 96 });
      }),
    /The snap length cut the payload of 1 segment: DSS checksums over it are not verified/,
  ],
  'capture-starts-late': [
    () =>
      begun((connection) => {
        connection.stream();
        connection.transfer('server', 0, 5);
      }),
    /The handshake of subflow 0 was not captured/,
  ],
  'capture-super-segments': [
    () => after(1, (connection) => connection.data('server', 0, 5000)),
    /1 segment exceeded the MSS.*ethtool/,
  ],
  'checksum-wrong': [
    () => {
      const script = new TraceScript();
      const connection = new ScriptedConnection(script, { checksum: true }).open();
      connection.transfer('server', 0, 2);
      return script.report();
    },
    /does not fit the payload of 2 mappings of the server/,
  ],
  'deep-reordering': [
    () =>
      after(0, (connection) => {
        connection.join();
        for (let i = 1; i < 300; i++) connection.data('server', 1, 1000, i * 1000);
        connection.data('server', 0, 1000, 0);
      }),
    /Up to 299\.0 kB of the server's data, of 300\.0 kB in flight at most, waited for data before it/,
  ],
  'fallback-checksum': [
    () => after(2, (connection) => says(connection, { subtype: 'MP_FAIL', dataSeq: 5n })),
    /the server found a DSS checksum wrong and said so \(MP_FAIL\)/,
  ],
  'fallback-infinite-mapping': [
    () =>
      after(2, (connection) => {
        const dataSeq = { value: 5n, bits: 32 } as const;
        says(connection, {
          subtype: 'DSS',
          dataFin: false,
          mapping: { dataSeq, subflowSeq: 2001, dataLength: 0 },
        });
      }),
    /a host mapped all that follows/,
  ],
  'fallback-no-dss': [
    () =>
      after(0, ({ subflows }) => {
        subflows[0]!.send('client', { payload: new Uint8Array(10) });
        subflows[0]!.send('server', { payload: new Uint8Array(10) });
        subflows[0]!.send('client', { payload: new Uint8Array(10) });
      }),
    /data came without a DSS/,
  ],
  'fallback-syn-ack': [
    () => begun((connection) => connection.three(connection.stream(), connection.capable('syn'))),
    /the server answered MP_CAPABLE without it\. Either it has no Multipath TCP/,
  ],
  'fallback-syn-retried': [
    () =>
      begun((connection) => {
        const subflow = connection.stream();
        const capable = connection.capable('syn');
        subflow.send('client', { flags: SYN, seq: 1000, options: [...usualOptions, capable] });
        connection.three(subflow);
        subflow.send('client', { payload: new Uint8Array(10) });
      }),
    /the SYNs with MP_CAPABLE got no answer, the one without did/,
  ],
  'fallback-third-ack': [
    () =>
      begun((connection) => {
        const subflow = connection.stream();
        connection.three(subflow, connection.capable('syn'), connection.capable('syn-ack'));
        subflow.send('client', { payload: new Uint8Array(10) });
      }),
    /the third packet and the data did not. The capture was made near the client/,
  ],
  'fallback-version': [
    () =>
      begun((connection) => {
        const subflow = connection.stream();
        const older = {
          subtype: 'MP_CAPABLE',
          version: 0,
          flags: MpCapableFlag.HMAC,
          senderKey: 5n,
        } as const;
        connection.three(subflow, connection.capable('syn'), mptcp(older));
        subflow.send('client', { payload: new Uint8Array(10) });
      }),
    /the client asked for version 1 of Multipath TCP, the server answered with version 0/,
  ],
  'fast-closed': [
    () => after(1, (connection) => says(connection, { subtype: 'MP_FASTCLOSE', receiverKey: clientKey })),
    /The server aborted the connection with MP_FASTCLOSE/,
  ],
  'handover-slow': [
    () =>
      after(20, (connection, script) => {
        connection.join();
        script.wait(2 * SECOND);
        connection.transfer('server', 1, 20, 1000, 50 * MILLISECOND);
      }),
    /stood still for 2\.\d\d s \(.* round trips\) before it moved from subflow 0 to subflow 1/,
  ],
  'handshake-unusual': [
    () =>
      begun((connection) => {
        const odd = { subtype: 'MP_CAPABLE', version: 1, flags: MpCapableFlag.HMAC | 2 } as const;
        connection.three(
          connection.stream(),
          mptcp(odd),
          connection.capable('syn-ack'),
          connection.capable('third'),
        );
      }),
    /subflow 0, MP_CAPABLE: reserved flags are set: G/,
  ],
  'join-hmac-wrong': [
    () =>
      after(1, (connection) => {
        const subflow = connection.stream();
        const [syn, , third] = connection.joinOptions(subflow);
        const wrong = { subtype: 'MP_JOIN', phase: 'synack', backup: false, addressId: 0, nonce: 1 } as const;
        connection.three(subflow, syn, mptcp({ ...wrong, hmac: new Uint8Array(8) }), third);
      }),
    /The proofs of subflow 1 do not fit the keys/,
  ],
  'join-option-removed': [
    () =>
      after(1, (connection) => {
        const subflow = connection.stream();
        connection.three(subflow, connection.joinOptions(subflow)[0]);
        subflow.reset('client');
      }),
    /MP_JOIN is missing in the SYN\+ACK of subflow 1/,
  ],
  'join-refused': [
    () =>
      after(1, (connection) => {
        halfJoin(connection, 1);
        connection.subflows[1]!.reset('server', mptcp({ subtype: 'MP_TCPRST', flags: 0, reason: 3 }));
      }),
    /The server reset the join of subflow 1 .* with reason 3 \(administratively prohibited\).*ip mptcp limits set/,
  ],
  'join-unanswered': [
    () =>
      after(1, (connection, script) => {
        halfJoin(connection, 1);
        script.wait(SECOND);
        connection.subflows[1]!.send('client', { flags: SYN, seq: 1000 });
        connection.transfer('server', 0, 1);
      }),
    /The join of subflow 1 .* got no answer to 2 SYNs\./,
  ],
  'join-unfinished': [
    () =>
      after(1, (connection, script) => {
        halfJoin(connection, 2);
        script.wait(SECOND);
        connection.transfer('server', 0, 1);
      }),
    /was answered, but its third packet never came/,
  ],
  'joins-to-initial-forbidden': [
    () => {
      const script = new TraceScript();
      new ScriptedConnection(script, { serverFlags: MpCapableFlag.NO_JOIN_TO_INITIAL }).open();
      return script.report();
    },
    /The server wants no further subflows to its first address/,
  ],
  'key-reflected': [
    () =>
      begun((connection) =>
        connection.three(connection.stream(), connection.capable('syn'), connection.capable('syn')),
      ),
    /has the MP_CAPABLE of the SYN, sent back/,
  ],
  'keys-do-not-fit': [
    () =>
      begun((connection) => {
        const other = {
          subtype: 'MP_CAPABLE',
          version: 1,
          flags: 1,
          senderKey: clientKey,
          receiverKey: 9n,
        } as const;
        connection.three(
          connection.stream(),
          connection.capable('syn'),
          connection.capable('syn-ack'),
          mptcp(other),
        );
      }),
    /do not follow from the keys/,
  ],
  'malformed-options': [
    () =>
      after(1, ({ subflows }) =>
        subflows[0]!.send('client', { rawOptions: Uint8Array.of(30, 5, 0x10, 0, 0, 0, 0, 0) }),
      ),
    /1 option of Multipath TCP could not be read/,
  ],
  'mss-changed': [
    () => bothEnds({ tcpOptions: [{ kind: 'mss', mss: 1380 }, ...usualOptions.slice(1)] }),
    /clamps the MSS in the SYN of subflow 0 of connection 0: 1460 becomes 1380/,
  ],
  'much-reinjection': [
    () =>
      after(0, (connection) => {
        connection.join();
        for (let i = 0; i < 100; i++) connection.data('server', 0, 1000);
        for (let i = 0; i < 60; i++) connection.data('server', 1, 1000, i * 1000);
      }),
    /60\.0 kB of the server's 100\.0 kB \(60 %\) went out in a second mapping too, most of it \(60\.0 kB\) on subflow 1 after subflow 0/,
  ],
  'much-retransmission': [
    () =>
      after(150, ({ subflows }) => {
        for (let i = 0; i < 15; i++) {
          subflows[0]!.send('server', { seq: 500_001 + i * 1000, payload: new Uint8Array(1000) });
        }
      }),
    /9 % of what the server sent on subflow 0 \(15\.0 kB\) was sent again/,
  ],
  'option-removed': [
    () => bothEnds({ tcpOptions: usualOptions.slice(0, 2) }),
    /removes options from the SYN of subflow 0 of connection 0: SACK permitted is at one end only/,
  ],
  'path-died': [
    () =>
      after(2, (connection, script) => {
        connection.join();
        connection.data('server', 0, 1000);
        for (const wait of [300, 600]) {
          script.wait(wait * MILLISECOND);
          connection.subflows[0]!.send('server', { seq: 502_001, payload: new Uint8Array(1000) });
          connection.transfer('server', 1, 2);
        }
      }),
    /Subflow 0 .* got no answer from 0\.\d+ s on: the server sent 1\.0 kB without an ACK, and sent again twice in 9\d\d ms, while/,
  ],
  'priority-changed': [
    () => after(1, (connection) => says(connection, { subtype: 'MP_PRIO', backup: true })),
    /The server wants subflow 0 to be backup/,
  ],
  'receive-window-blocked': [
    () =>
      after(0, (connection, script) => {
        connection.join();
        connection.data('server', 0, 1000);
        connection.ack('client', 0, 40);
        for (let i = 0; i < 20; i++) {
          for (let j = 0; j < 5; j++) connection.data('server', 1, 1000);
          script.wait(50 * MILLISECOND);
          connection.ack('client', 1, 40);
          script.wait(MILLISECOND);
        }
      }),
    /window of the client blocked the server 100 % of the time \(.*\), 100 % of that while subflow 1 \(21 ms round trip\) was waiting for its ACKs/,
  ],
  'rtt-uneven': [
    () =>
      after(0, (connection) => {
        connection.serverRttNs = 300 * MILLISECOND;
        connection.join();
      }),
    /Subflow 1 has a round-trip time of 301 ms, subflow 0 of 21 ms/,
  ],
  'segments-damaged': [
    () => after(2, ({ subflows }) => subflows[0]!.send('client', { flags: FIN | ACK, damagedAt: 9 })),
    /1 segment had a wrong TCP checksum/,
  ],
  'sequence-rewritten': [
    () => bothEnds({ seqShift: 7777 }),
    /rewrites the sequence numbers of the client and the server/,
  ],
  'subflow-reset': [
    () =>
      after(1, (connection) => {
        connection.join();
        connection.transfer('server', 1, 2);
        connection.subflows[1]!.reset('client', mptcp({ subtype: 'MP_TCPRST', flags: 1, reason: 5 }));
      }),
    /The client reset subflow 1: reason 5 \(unacceptable performance\), transient/,
  ],
  'subflow-unused': [
    () =>
      after(0, (connection) => {
        connection.join();
        connection.transfer('server', 0, 150);
      }),
    /Subflow 1 stands and is no backup, but carried nothing of the server's 150\.0 kB/,
  ],
  'token-repeated': [
    () =>
      after(1, (connection, script) => {
        new ScriptedConnection(script, { port: 50_000 }).open();
        connection.transfer('server', 0, 1);
      }),
    /Connections 0 and 1 have the same token at the same time/,
  ],
  'unmatched-joins': [
    () =>
      begun((connection) => {
        connection.stream();
        halfJoin(connection, 1);
      }),
    /1 join belongs to no connection/,
  ],
  'zero-window': [
    () =>
      after(1, (connection, script) => {
        connection.ack('client', 0, 0);
        script.wait(400 * MILLISECOND);
        connection.ack('client', 0);
      }),
    /The client closed its receive window once, for 400 ms in all/,
  ],
};

/** What is forgotten has no frames any more. */
const framelessCodes: ReadonlySet<string> = new Set(['capture-limits']);

describe('findings', () => {
  it.each(Object.entries(cases))(
    '%s: is there with its sentence and frames of the capture',
    (code, [make, says]) => {
      const report = make();
      const found = findingsOf(report).filter((finding) => finding.code === code);
      expect(
        found.length,
        findingsOf(report)
          .map((finding) => finding.text)
          .join('\n'),
      ).toBeGreaterThan(0);
      expect(found[0]!.text).toMatch(says);
      for (const { packets } of found) {
        if (!framelessCodes.has(code)) expect(packets.length).toBeGreaterThan(0);
        expect(packets.length).toBeLessThanOrEqual(20);
        expect(packets.every((packet) => packet >= 1 && packet <= report.packets)).toBe(true);
      }
    },
  );

  it('take a join that the end of the capture cut short for nothing to worry about', () => {
    for (const packets of [1, 2] as const) {
      const [found, ...more] = findingsOf(after(1, (connection) => halfJoin(connection, packets)));
      expect(more).toEqual([]);
      expect(found).toMatchObject({ severity: 'info' });
      expect(found!.text).toMatch(/was not complete when the connection, or the capture, ended/);
    }
  });

  it('take a reset of the opener for no third packet: the join is refused, not stripped', () => {
    const report = after(1, (connection) => {
      halfJoin(connection, 2);
      connection.subflows[1]!.reset('client');
    });
    const codes = findingsOf(report).map(({ code }) => code);
    expect(codes).toContain('join-refused');
    expect(codes).not.toContain('join-option-removed');
  });

  it('all have a sentence that says what they mean, and a test here', () => {
    expect(Object.keys(cases)).toEqual(Object.keys(findingCodes));
  });

  it.each([0, 1] as const)(
    'are not there when two subflows of version %d share the data as they should',
    (version) => {
      const script = new TraceScript();
      const connection = new ScriptedConnection(script, { version }).open();
      connection.join();
      for (let i = 0; i < 100; i++) {
        connection.transfer('server', i % 2, 2);
        connection.transfer('client', i % 2, 1);
      }
      expect(findingsOf(script.report())).toEqual([]);
    },
  );
});
