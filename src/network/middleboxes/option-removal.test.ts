import { describe, expect, it } from 'vitest';
import { BoxRun, optionBytes } from '../../../test/support/box-run.js';
import { countingBytes } from '../../../test/simulation/packets.js';
import { parseTcpOptions, TcpFlag, type TcpOption } from '../../wire/index.js';
import { OptionEcho } from './option-echo.js';
import { OptionRemoval, removalRules } from './option-removal.js';
import { SynDrop } from './syn-drop.js';

const capable = {
  kind: 'mptcp',
  option: { subtype: 'MP_CAPABLE', version: 1, flags: 1 },
} as const satisfies TcpOption;
const dataAck = {
  kind: 'mptcp',
  option: { subtype: 'DSS', dataFin: false, dataAck: { bits: 32, value: 7n } },
} as unknown as TcpOption;
const mss = { kind: 'mss', mss: 1460 } as const satisfies TcpOption;
const timestamps = { kind: 'timestamps', tsVal: 1, tsEcr: 2 } as const satisfies TcpOption;

function kindsOf(packet: { tcp: { bytes: Uint8Array; offset: number; headerLength: number } }): string[] {
  const { bytes, headerLength, offset } = packet.tcp;
  return parseTcpOptions(bytes, offset + 20, headerLength - 20).options.map(({ kind }) => kind);
}

describe.each([4, 6] as const)('OptionRemoval, IPv%i', (family) => {
  it('puts NOPs in place of MP_CAPABLE in the SYN, and leaves the SYN+ACK alone', () => {
    const run = new BoxRun(new OptionRemoval(removalRules.capableFromSyn), family);
    const [syn, synAck] = run.handshake([mss, capable], [mss, capable]);
    expect(kindsOf(syn!)).toEqual(['mss', 'nop', 'nop', 'nop', 'nop']);
    expect(kindsOf(synAck!)).toEqual(['mss', 'mptcp']);
    expect(syn!.tcp.headerLength).toBe(28);
  });

  it('makes the header shorter, with the payload and the other options where they belong', () => {
    const box = new OptionRemoval({ ...removalRules.everything, replacement: 'shorten' });
    const run = new BoxRun(box, family);
    const options = optionBytes(capable, timestamps);
    const [out] = run.send('outward', { options, payload: countingBytes(10) });
    expect(kindsOf(out!)).toEqual(['timestamps', 'nop', 'nop']);
    expect(out!.tcp.headerLength).toBe(32);
    expect([...out!.payload]).toEqual([...countingBytes(10)]);
    expect(box.removed).toBe(1);
  });

  it('ends the list of options where one stood: those behind are lost', () => {
    const run = new BoxRun(new OptionRemoval({ ...removalRules.everything, replacement: 'eol' }), family);
    const [out] = run.send('outward', { options: optionBytes(mss, capable, timestamps) });
    expect(kindsOf(out!)).toEqual(['mss']);
    expect(out!.tcp.headerLength).toBe(40);
  });
});

describe('OptionRemoval', () => {
  it('removes from the segments in its scope only', () => {
    const options = optionBytes(capable);
    const payload = countingBytes(4);
    const isKept = (rule: ConstructorParameters<typeof OptionRemoval>[0], flags: number, data = payload) =>
      new BoxRun(new OptionRemoval(rule)).send('outward', { flags, options, payload: data })[0]!.tcp
        .mptcpCount === 1;
    const none = new Uint8Array(0);
    expect(isKept(removalRules.capableFromSynAck, TcpFlag.SYN, none)).toBe(true);
    expect(isKept(removalRules.capableFromSynAck, TcpFlag.SYN | TcpFlag.ACK, none)).toBe(false);
    expect(isKept(removalRules.afterHandshake, TcpFlag.SYN, none)).toBe(true);
    expect(isKept(removalRules.afterHandshake, TcpFlag.ACK, none)).toBe(false);
    expect(isKept(removalRules.dssFromData, TcpFlag.ACK, none)).toBe(true);
    expect(isKept(removalRules.dssFromData, TcpFlag.ACK)).toBe(false);
    expect(isKept(removalRules.joinFromSyn, TcpFlag.SYN, none)).toBe(true);
    expect(isKept(removalRules.addAddr, TcpFlag.ACK)).toBe(true);
    expect(isKept({ scope: 'all', direction: 'inward' }, TcpFlag.ACK)).toBe(true);
  });

  it('lets a flow pass until the route changes', () => {
    const run = new BoxRun(new OptionRemoval({ scope: 'later', afterBytes: 10 }));
    const send = () => run.send('outward', { options: optionBytes(capable), payload: countingBytes(6) });
    expect([send(), send(), send()].map(([out]) => out!.tcp.mptcpCount)).toEqual([1, 0, 0]);
  });

  it('leaves a damaged packet as it is: a right checksum would make it look whole', () => {
    const box = new OptionRemoval(removalRules.everything);
    const run = new BoxRun(box);
    const packet = run.packet('outward', { options: optionBytes(capable), payload: countingBytes(8) });
    packet.bytes[packet.bytes.length - 1]! ^= 1;
    const before = packet.bytes.slice();
    const passed: Uint8Array[] = [];
    box.handlePacket(0, packet, 'outward', {
      outward: [],
      inward: [],
      pass: ({ bytes }) => passed.push(bytes),
    });
    expect(passed).toEqual([before]);
  });
});

describe('OptionEcho', () => {
  it('keeps MPTCP options from the other side and sends them back', () => {
    const run = new BoxRun(new OptionEcho());
    const [syn, synAck] = run.handshake([mss, capable], [mss]);
    expect(kindsOf(syn!)).toEqual(['mss', 'nop', 'nop', 'nop', 'nop']);
    expect(kindsOf(synAck!)).toEqual(['mss', 'mptcp']);
    const [data] = run.send('outward', { seq: 101, options: optionBytes(dataAck) });
    expect(data!.tcp.mptcpCount).toBe(0);
    expect(run.send('inward', { seq: 501 })[0]!.tcp.mptcpCount).toBe(1);
  });

  it('echoes in the SYN+ACK only where told so', () => {
    const run = new BoxRun(new OptionEcho('syn'));
    const [, synAck] = run.handshake([capable]);
    expect(synAck!.tcp.mptcpCount).toBe(1);
    run.send('outward', { seq: 101, options: optionBytes(dataAck) });
    expect(run.send('inward', { seq: 501 })[0]!.tcp.mptcpCount).toBe(0);
  });
});

describe('SynDrop', () => {
  it('drops SYNs with MPTCP options and lets the others pass', () => {
    const run = new BoxRun(new SynDrop());
    expect(run.send('outward', { flags: TcpFlag.SYN, options: optionBytes(capable) })).toEqual([]);
    expect(run.send('outward', { flags: TcpFlag.SYN, options: optionBytes(mss) })).toHaveLength(1);
    expect(run.send('outward', { options: optionBytes(dataAck) })).toHaveLength(1);
  });
});
