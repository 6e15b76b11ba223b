/** Why a connection went on as plain TCP, told from its packets (RFC 8684 §3.1 and §3.7), and when it did not. */
import { describe, expect, it } from 'vitest';
import type { ConnectionReport, FallbackCause } from '../../src/trace/index.js';
import { MpCapableFlag, type MptcpOption, TcpFlag } from '../../src/wire/index.js';
import {
  mptcp,
  ScriptedConnection,
  type ScriptedSubflow,
  TraceScript,
  usualOptions,
} from '../support/trace-script.js';

const { SYN, ACK, RST } = TcpFlag;
const payload = new Uint8Array(100);

/** What became of the connection whose packets `make` wrote. */
function connectionOf(
  make: (connection: ScriptedConnection, subflow: ScriptedSubflow) => void,
): ConnectionReport {
  const script = new TraceScript();
  const connection = new ScriptedConnection(script);
  make(connection, connection.stream());
  return script.report().connections[0]!;
}

/** Packets of plain TCP in both directions. */
function plainData(subflow: ScriptedSubflow): void {
  subflow.send('client', { payload });
  subflow.send('server', { payload });
}

function syn(connection: ScriptedConnection, subflow: ScriptedSubflow, isBare = false): void {
  const options = isBare ? usualOptions : [...usualOptions, connection.capable('syn')];
  subflow.send('client', { flags: SYN, seq: 1000, options });
}

function synAck(subflow: ScriptedSubflow, ...options: Parameters<typeof mptcp>[0][]): void {
  subflow.next.client = 1001;
  subflow.send('server', { flags: SYN | ACK, options: [...usualOptions, ...options.map(mptcp)] });
}

const older: MptcpOption = { subtype: 'MP_CAPABLE', version: 0, flags: MpCapableFlag.HMAC, senderKey: 5n };

/** Each cause: its packets, and the frame that shows it. */
const causes: readonly (readonly [FallbackCause, number, Parameters<typeof connectionOf>[0]])[] = [
  [
    'no-mp-capable-in-syn-ack',
    2,
    (connection, subflow) => {
      connection.three(subflow, connection.capable('syn'));
      plainData(subflow);
    },
  ],
  [
    'syn-without-mp-capable',
    3,
    (connection, subflow) => {
      syn(connection, subflow);
      syn(connection, subflow, true);
      synAck(subflow);
      subflow.send('client');
      plainData(subflow);
    },
  ],
  [
    'no-mp-capable-in-third-ack',
    3,
    (connection, subflow) => {
      connection.three(subflow, connection.capable('syn'), connection.capable('syn-ack'));
      plainData(subflow);
    },
  ],
  [
    'version',
    3,
    (connection, subflow) => {
      connection.three(subflow, connection.capable('syn'), mptcp(older));
      plainData(subflow);
    },
  ],
  [
    'no-dss',
    4,
    (connection, subflow) => {
      connection.three(
        subflow,
        connection.capable('syn'),
        connection.capable('syn-ack'),
        connection.capable('third'),
      );
      plainData(subflow);
    },
  ],
  [
    'checksum',
    6,
    (connection, subflow) => {
      connection.three(
        subflow,
        connection.capable('syn'),
        connection.capable('syn-ack'),
        connection.capable('third'),
      );
      connection.transfer('server', 0, 1);
      subflow.send('client', { options: [mptcp({ subtype: 'MP_FAIL', dataSeq: 5n })] });
      plainData(subflow);
    },
  ],
  [
    'infinite-mapping',
    6,
    (connection, subflow) => {
      connection.three(
        subflow,
        connection.capable('syn'),
        connection.capable('syn-ack'),
        connection.capable('third'),
      );
      connection.transfer('server', 0, 1);
      const mapping = { dataSeq: { value: 5n, bits: 32 }, subflowSeq: 1001, dataLength: 0 } as const;
      subflow.send('server', { payload, options: [mptcp({ subtype: 'DSS', dataFin: false, mapping })] });
    },
  ],
];

describe('a fallback', () => {
  it.each(causes)('is known by its cause: %s', (fallbackCause, fallbackPacket, make) => {
    const connection = connectionOf(make);
    expect(connection).toMatchObject({ fallback: true, fallbackCause, fallbackPacket });
    const said = connection.findings.filter(({ code }) => code.startsWith('fallback-'));
    expect(said).toHaveLength(1);
    expect(said[0]!.text).toMatch(/^Plain TCP: /);
    expect(said[0]!.packets).toContain(fallbackPacket);
  });

  // The infinite mapping of the script has a number that is none of its connection's.
  const mapped = causes.filter(([cause]) => cause !== 'infinite-mapping');

  it.each(mapped)('counts the data that follows as that of the subflow: %s', (_, __, make) => {
    const { clientData, serverData, subflows } = connectionOf(make);
    const [first] = subflows;
    expect(clientData.uniqueBytes).toBe(first!.clientToServer.uniqueBytes);
    expect(serverData.uniqueBytes).toBe(first!.serverToClient.uniqueBytes);
  });

  it('is none when the option comes in a SYN+ACK that is sent again', () => {
    const connection = connectionOf((scripted, subflow) => {
      syn(scripted, subflow);
      synAck(subflow);
      subflow.next.server = subflow.initial.server;
      subflow.send('server', { flags: SYN | ACK, options: [...usualOptions, scripted.capable('syn-ack')] });
      subflow.send('client', { options: [scripted.capable('third')] });
      scripted.transfer('server', 0, 3);
    });
    expect(connection).toMatchObject({ fallback: false, fallbackCause: null, fallbackPacket: null });
  });

  it('is none when a bare SYN is answered by one that was sent before it', () => {
    const connection = connectionOf((scripted, subflow) => {
      syn(scripted, subflow);
      syn(scripted, subflow, true);
      synAck(subflow);
      subflow.next.server = subflow.initial.server;
      subflow.send('server', { flags: SYN | ACK, options: [...usualOptions, scripted.capable('syn-ack')] });
      subflow.send('client', { options: [scripted.capable('third')] });
      scripted.transfer('client', 0, 3);
    });
    expect(connection.fallback).toBe(false);
  });

  it('is none when only the third packet lost the option, and the data has it', () => {
    const connection = connectionOf((scripted, subflow) => {
      scripted.three(subflow, scripted.capable('syn'), scripted.capable('syn-ack'));
      subflow.send('client', { options: [scripted.capable('third')], payload });
      scripted.transfer('server', 0, 3);
    });
    expect(connection.fallback).toBe(false);
  });

  it('is none when the capture begins behind the handshake, or a segment lies in a mapping that came before', () => {
    const amid = connectionOf((scripted) => scripted.transfer('server', 0, 3));
    expect(amid.fallback).toBe(false);
    const long = connectionOf((scripted, subflow) => {
      scripted.three(
        subflow,
        scripted.capable('syn'),
        scripted.capable('syn-ack'),
        scripted.capable('third'),
      );
      scripted.data('server', 0, 1000, 0, 1000 + payload.length);
      subflow.send('server', { payload });
    });
    expect(long.fallback).toBe(false);
  });

  it('is none when the SYN is reset, or MP_FAIL comes with the reset of a subflow', () => {
    const refused = connectionOf((scripted, subflow) => {
      syn(scripted, subflow);
      subflow.send('server', { flags: RST | ACK });
    });
    expect(refused.fallback).toBe(false);
    const failed = connectionOf((scripted, subflow) => {
      scripted.three(
        subflow,
        scripted.capable('syn'),
        scripted.capable('syn-ack'),
        scripted.capable('third'),
      );
      scripted.transfer('server', 0, 1);
      scripted.join();
      scripted.transfer('server', 1, 1);
      scripted.subflows[1]!.reset('client', mptcp({ subtype: 'MP_FAIL', dataSeq: 5n }));
    });
    expect(failed).toMatchObject({ fallback: false });
    expect(failed.subflows[1]!.ending).toBe('reset');
  });

  it('keeps the cause that came first', () => {
    const connection = connectionOf((scripted, subflow) => {
      scripted.three(subflow, scripted.capable('syn'));
      plainData(subflow);
      subflow.send('client', { options: [mptcp({ subtype: 'MP_FAIL', dataSeq: 5n })] });
    });
    expect(connection).toMatchObject({ fallbackCause: 'no-mp-capable-in-syn-ack' });
  });
});
