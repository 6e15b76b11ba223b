import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectionReport, Observation } from '../../trace/index.js';
import {
  allTime,
  type CaptureLook,
  connectionOf,
  everyConnection,
  filterConnections,
  packetEnds,
  PacketRows,
  plotCommand,
  readLook,
  readSpan,
  traceCommand,
  visibleText,
  writeLook,
} from './index.js';

function observed(packet: number, fields: Partial<Observation> = {}): Observation {
  return Object.assign(new Observation(), { packet, atNs: packet * 1000, connection: 0, subflow: 0 }, fields);
}

describe('the packets of a connection', () => {
  it('are rows with what was seen of them, and any part is there at once', () => {
    const rows = new PacketRows();
    for (let packet = 2; packet <= 20_000; packet += 2) {
      rows.take(
        observed(packet, {
          ...{ sender: packet % 4 === 0 ? 'server' : 'client', subflow: packet % 3, flags: 16 },
          ...{ dataOffset: packet % 4 === 0 ? packet * 1e6 : -1, payloadLength: 1400, optionBits: 4 },
        }),
      );
    }
    expect(rows.count).toBe(10_000);
    expect(rows.rows(5999, 1)).toEqual([
      {
        ...{ packet: 12_000, atNs: 12_000_000, subflow: 0, sender: 'server', flags: 16 },
        ...{ dataOffset: 12e9, payloadLength: 1400, optionBits: 4 },
      },
    ]);
    expect(rows.positionOf(12_000)).toBe(5999);
    expect(rows.positionOf(12_001)).toBe(5999);
    expect(rows.positionOf(1)).toBe(-1);
    expect(rows.find(12_001)).toBeUndefined();
    expect(rows.rows(-5, 2).map(({ packet }) => packet)).toEqual([2, 4]);
    expect(rows.rows(9999, 50)).toHaveLength(1);
    expect(rows.rows(Number.NaN, Number.NaN)).toEqual([]);
  });

  it('are shown without those of hidden subflows, whose packets can be found all the same', () => {
    const rows = new PacketRows();
    for (let packet = 1; packet <= 90; packet++) rows.take(observed(packet, { subflow: packet % 3 }));
    rows.hide([1, 2]);
    expect(rows.count).toBe(30);
    expect(rows.rows(0, 3).map(({ packet }) => packet)).toEqual([3, 6, 9]);
    expect(rows.positionOf(7)).toBe(1);
    expect(rows.find(7)?.subflow).toBe(1);
    rows.hide([]);
    expect(rows.count).toBe(90);
  });

  it('are those of a span of time', () => {
    const rows = new PacketRows({ fromNs: 5000, toNs: 7000 });
    for (let packet = 1; packet <= 10; packet++) rows.take(observed(packet));
    expect(rows.rows(0, 9).map(({ packet }) => packet)).toEqual([5, 6, 7]);
  });

  it('are never more than the limit, around the packet that is looked at', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 4000 }), (count, around) => {
        const rows = new PacketRows({ around, maxRows: 100 });
        for (let packet = 1; packet <= count; packet++) rows.take(observed(packet));
        const { before, behind } = rows.omitted;
        expect(rows.count).toBeLessThanOrEqual(100);
        expect(before + rows.count + behind).toBe(count);
        expect(rows.find(Math.min(around, count))).toBeDefined();
      }),
    );
  });
});

const plain = { protocol: 'tcp', version: null, fallback: false, fallbackCause: null };

function connection(id: number, fields: Partial<ConnectionReport> = {}): ConnectionReport {
  return {
    ...{
      id,
      protocol: 'mptcp',
      version: 1,
      fallback: false,
      fallbackCause: null,
      findings: [],
      subflows: [],
    },
    ...{
      client: `10.0.0.${id}:4000${id}`,
      server: '[2001:db8::1]:443',
      clientToken: null,
      serverToken: 0xabc,
    },
    ...{ startNs: id * 1e9, durationNs: 1e9, firstPacket: 1, lastPacket: 100 },
    ...fields,
  } as ConnectionReport;
}

describe('connections that are looked for', () => {
  const finding = {
    code: 'backup-idle',
    severity: 'info',
    text: 'Nothing went over it',
    packets: [3],
  } as const;
  const all = [
    connection(0),
    connection(1, { findings: [finding] }),
    connection(2, { fallback: true, fallbackCause: 'no-dss' }),
    connection(3, plain as Partial<ConnectionReport>),
  ];
  const ids = (filter: Partial<typeof everyConnection>): readonly number[] =>
    filterConnections(all, { ...everyConnection, ...filter }).map(({ id }) => id);

  it('are found by address, port, number, token, finding, and why they fell back', () => {
    expect(ids({})).toEqual([0, 1, 2, 3]);
    expect(ids({ text: '10.0.0.2' })).toEqual([2]);
    expect(ids({ text: ':40001' })).toEqual([1]);
    expect(ids({ text: '3' })).toContain(3);
    expect(ids({ text: '0x00000abc' })).toHaveLength(4);
    expect(ids({ text: 'NOTHING went' })).toEqual([1]);
    expect(ids({ text: 'no-dss 2001:DB8' })).toEqual([2]);
    expect(ids({ text: 'nobody' })).toEqual([]);
  });

  it('are those of a kind, with a finding, or seen in a span of time', () => {
    expect(ids({ kind: 'mptcp' })).toEqual([0, 1]);
    expect(ids({ kind: 'fallback' })).toEqual([2]);
    expect(ids({ kind: 'tcp' })).toEqual([3]);
    expect(ids({ finding: 'any' })).toEqual([1]);
    expect(ids({ finding: 'backup-idle' })).toEqual([1]);
    expect(ids({ finding: 'other' })).toEqual([]);
    expect(ids({ fromNs: 2.5e9, toNs: 2.6e9 })).toEqual([2]);
  });
});

describe('the connection of a packet', () => {
  // IPv4, TCP from 10.0.0.1:40001 to 10.0.0.9:443, cut behind the ports.
  const frame = Buffer.from(
    '450000280000400040060000 0a000001 0a000009 9c41 01bb 00000000'.replaceAll(' ', ''),
    'hex',
  );
  const flow = { client: '10.0.0.1:40001', server: '10.0.0.9:443', firstPacket: 5, lastPacket: 9 };
  const known = [connection(7, { subflows: [flow] as never })];

  it('is the one with its ends at its time', () => {
    const ends = packetEnds(frame, 101)!;
    expect(ends).toEqual({ source: flow.client, destination: flow.server });
    expect(connectionOf(known, ends, 7)).toMatchObject({ connection: { id: 7 }, sender: 'client' });
    const back = { source: ends.destination, destination: ends.source };
    expect(connectionOf(known, back, 7)?.sender).toBe('server');
    expect(connectionOf(known, ends, 10)).toBeUndefined();
    expect(connectionOf(known, { ...ends, source: '10.0.0.1:40002' }, 7)).toBeUndefined();
  });

  it('is nothing that bytes without a segment have, whatever they are', () => {
    for (let length = 0; length < 24; length++)
      expect(packetEnds(frame.subarray(0, length), 101)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 300 }), (bytes, linkType) => {
        packetEnds(bytes, linkType);
      }),
    );
  });
});

describe('the address of what is looked at', () => {
  it('is read as it was written', () => {
    const time = fc.option(fc.integer({ min: 1, max: 1e12 }));
    const look = fc.record({
      connection: fc.option(fc.nat(), { nil: undefined }),
      sender: fc.constantFrom('client', 'server', undefined),
      span: fc.tuple(time, time).map(([one, other]) => ({
        fromNs: one === null || other === null ? one : Math.min(one, other),
        toNs: one === null || other === null ? other : Math.max(one, other),
      })),
      packet: fc.option(fc.integer({ min: 1, max: 4e9 }), { nil: undefined }),
      includesPlain: fc.boolean(),
    }) as fc.Arbitrary<CaptureLook>;
    fc.assert(
      fc.property(look, (one) => {
        expect(readLook(writeLook(one))).toEqual(one);
      }),
    );
  });

  it('is nothing where it makes no sense', () => {
    const texts = [
      '',
      '&&=',
      'connection=-1&packet=0&by=nobody&from=x&to=1s',
      'from=2s&to=1s',
      '%',
      'packet=1e99',
    ];
    for (const text of [...texts, 'connection='.repeat(1e5)]) {
      expect(readLook(text)).toEqual({ span: allTime, includesPlain: false });
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readLook(text).span).toBeDefined();
      }),
    );
  });

  it('takes times as people write them', () => {
    expect(readSpan('1.5', '2000 ms')).toEqual({ fromNs: 1.5e9, toNs: 2e9 });
    expect(readSpan(' ', '12us')).toEqual({ fromNs: null, toNs: 12_000 });
    expect(readSpan('0s', '')).toEqual(allTime);
    expect(readSpan('2s', '1s')).toBeUndefined();
    expect(readSpan('soon', '')).toBeUndefined();
  });
});

describe('the command line of what is shown', () => {
  const looked = {
    ...{
      file: 'run.pcapng',
      connection: connection(3),
      sender: 'server' as const,
      span: { fromNs: 1.5e9, toNs: null },
    },
    includesPlain: false,
  } as const;

  it('names the connection and the span', () => {
    expect(traceCommand(looked)).toBe('subflow trace run.pcapng --connection 3 --from 1.5s --options');
    expect(plotCommand(looked)).toBe('subflow plot run.pcapng --connection 3 --by server --from 1.5s');
  });

  it('asks for plain TCP where that is looked at; its number is the same without', () => {
    const plain = { ...looked, includesPlain: true, span: allTime };
    expect(traceCommand(plain)).toBe('subflow trace run.pcapng --all --connection 3 --options');
    expect(plotCommand(plain)).toBe('subflow plot run.pcapng --connection 3 --by server');
  });

  it.each([
    ['-rf', `'./-rf'`],
    ["it's $(id).pcap", `'it'\\''s $(id).pcap'`],
    ['a\nb\u202e', `$'a\\U0000000ab\\U0000202e'`],
    [`'\u0007\\`, `$'\\'\\U00000007\\\\'`],
  ])('has the file as one word of a shell: %j', (file, word) => {
    expect(traceCommand({ ...looked, file })).toContain(`subflow trace ${word} --`);
  });
});

describe('text that somebody else wrote', () => {
  it('shows what would move or hide what is around it, and is cut', () => {
    expect(visibleText('<b>eth0</b>')).toBe('<b>eth0</b>');
    expect(visibleText('ab\u202egnp.exe\u0000\n\u200b')).toBe('ab\\u{202e}gnp.exe\\u{0}\\u{a}\\u{200b}');
    expect(visibleText('مرحبا Ωλ 漢字 é')).toBe('مرحبا Ωλ 漢字 é');
    expect(visibleText('x'.repeat(1000))).toHaveLength(241);
    expect(visibleText('\ud800x')).toBe('\\u{d800}x');
  });
});
