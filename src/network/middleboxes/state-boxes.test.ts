import { describe, expect, it } from 'vitest';
import { countingBytes } from '../../../test/simulation/packets.js';
import { BoxRun, optionBytes } from '../../../test/support/box-run.js';
import { NEVER, SeededRandom, SECOND } from '../../base/index.js';
import { IpAddress, parseTcpOptions, TcpFlag, type TcpOption } from '../../wire/index.js';
import { Nat } from '../nat.js';
import { DataProxying } from './data-proxying.js';
import { hopLimitFilter, hopLimitNormaliser } from './hop-limit.js';
import { NatRebinding } from './nat-rebinding.js';
import { PreAcknowledging } from './pre-acknowledging.js';
import { middleboxBehaviour, middleboxBehaviours } from './registry.js';
import { ResetInjection } from './reset-injection.js';
import { StatefulFirewall } from './stateful-firewall.js';
import { SynProxying } from './syn-proxying.js';
import { WindowClamping } from './window-clamping.js';

const synOptions: readonly TcpOption[] = [
  { kind: 'mss', mss: 1460 },
  { kind: 'sack-permitted' },
  { kind: 'window-scale', shift: 7 },
  { kind: 'mptcp', option: { subtype: 'MP_CAPABLE', version: 1, flags: 1 } },
];

describe.each([4, 6] as const)('IPv%i', (family) => {
  it('SynProxying answers the SYN, then connects and moves the numbers of the server', () => {
    const run = new BoxRun(new SynProxying(new SeededRandom(1)), family);
    const [synAck] = run.send('outward', {
      flags: TcpFlag.SYN,
      seq: 100,
      ack: 0,
      options: optionBytes(...synOptions),
    });
    expect(synAck!.direction).toBe('inward');
    expect([synAck!.tcp.ack, synAck!.tcp.windowScale, synAck!.tcp.mptcpCount]).toEqual([101, 0, 0]);
    const own = synAck!.tcp.seq;
    const [syn] = run.send('outward', { seq: 101, ack: own + 1 });
    expect([syn!.tcp.flags, syn!.tcp.seq, syn!.tcp.mss]).toEqual([TcpFlag.SYN, 100, 1460]);
    expect(syn!.tcp.windowScale).toBe(7);
    const options = optionBytes({ kind: 'mss', mss: 1460 }, { kind: 'window-scale', shift: 3 });
    const [ack] = run.send('inward', { flags: TcpFlag.SYN | TcpFlag.ACK, seq: 9000, ack: 101, options });
    expect([ack!.direction, ack!.tcp.seq, ack!.tcp.ack]).toEqual(['outward', 101, 9001]);
    const [data] = run.send('inward', { seq: 9001, ack: 101, window: 100, payload: countingBytes(3) });
    expect([data!.tcp.seq, data!.tcp.window]).toEqual([own + 1, 800]);
    expect(run.send('outward', { seq: 101, ack: own + 4 })[0]!.tcp.ack).toBe(9004);
  });

  it('StatefulFirewall resets what it does not know where told so', () => {
    const run = new BoxRun(new StatefulFirewall({ answer: 'reset' }), family);
    const [reset] = run.send('inward', { seq: 7, ack: 99, payload: countingBytes(3) });
    expect([reset!.direction, reset!.tcp.flags, reset!.tcp.seq]).toEqual(['outward', TcpFlag.RST, 99]);
  });

  it('ResetInjection ends a flow on both sides with the numbers that they expect, once', () => {
    const run = new BoxRun(new ResetInjection(5), family);
    expect(run.send('outward', { seq: 1, ack: 99, payload: countingBytes(5) })).toHaveLength(1);
    const out = run.send('outward', { seq: 6, ack: 99, payload: countingBytes(5) });
    const resets = out.filter(({ tcp }) => (tcp.flags & TcpFlag.RST) !== 0);
    expect(resets.map(({ direction, tcp }) => [direction, tcp.seq])).toEqual([
      ['outward', 11],
      ['inward', 99],
    ]);
    expect(run.send('outward', { seq: 11, payload: countingBytes(5) })).toHaveLength(1);
  });

  it('hop limits are looked at and rewritten', () => {
    const filter = new BoxRun(hopLimitFilter(16), family);
    expect([15, 16].map((hopLimit) => filter.send('outward', { hopLimit }).length)).toEqual([0, 1]);
    expect(new BoxRun(hopLimitNormaliser(9), family).send('inward', { hopLimit: 200 })[0]!.ip.hopLimit).toBe(
      9,
    );
  });
});

describe('PreAcknowledging', () => {
  it('acknowledges data in order in the name of the receiver, which has it from the box', () => {
    const box = new PreAcknowledging();
    const run = new BoxRun(box);
    run.handshake();
    run.send('inward', { seq: 501, ack: 101 });
    const [data, ack] = run.send('outward', { seq: 101, ack: 501, payload: countingBytes(10) });
    expect(data!.payload).toHaveLength(10);
    expect([ack!.direction, ack!.tcp.seq, ack!.tcp.ack]).toEqual(['inward', 501, 111]);
    // Behind a hole it waits for the receiver.
    expect(run.send('outward', { seq: 121, ack: 501, payload: countingBytes(10) })).toHaveLength(1);
    // The receiver's own acknowledgements never fall behind those of the box.
    expect(run.send('inward', { seq: 501, ack: 101 })[0]!.tcp.ack).toBe(111);
    expect(box.acknowledged).toBe(1);
  });

  it('sends again what the receiver does not acknowledge, until it does', () => {
    const run = new BoxRun(new PreAcknowledging({ timeoutNs: 10 }));
    run.handshake();
    run.send('inward', { seq: 501, ack: 101 });
    run.send('outward', { seq: 101, ack: 501, payload: countingBytes(10) });
    expect(run.box.pollTimeout()).toBe(10);
    expect(run.wake(10).map(({ tcp }) => tcp.seq)).toEqual([101]);
    run.send('inward', { seq: 501, ack: 111 }, 15);
    expect(run.box.pollTimeout()).toBe(NEVER);
  });

  it('acknowledges in what it sends again all that the sender has acknowledged since', () => {
    const run = new BoxRun(new PreAcknowledging({ timeoutNs: 10 }));
    run.handshake();
    run.send('inward', { seq: 501, ack: 101 });
    run.send('outward', { seq: 101, ack: 501, payload: countingBytes(10) });
    run.send('inward', { seq: 501, ack: 101, payload: countingBytes(40) });
    run.send('outward', { seq: 111, ack: 541 });
    expect(run.wake(10).map(({ tcp }) => [tcp.seq, tcp.ack])).toContainEqual([101, 541]);
  });

  it('lets go of what the receiver never acknowledges, after a number of times', () => {
    const run = new BoxRun(new PreAcknowledging({ timeoutNs: 10 }));
    run.handshake();
    run.send('inward', { seq: 501, ack: 101 });
    run.send('outward', { seq: 101, ack: 501, payload: countingBytes(10) });
    let count = 0;
    for (; run.box.pollTimeout() !== NEVER && count < 1000; count++) run.wake(run.box.pollTimeout());
    // The last time it wakes it gives up.
    expect(count).toBe(65);
    expect(run.send('outward', { seq: 111, ack: 501, payload: countingBytes(10) }, 2000)).toHaveLength(2);
    expect(run.wake(2010).map(({ tcp }) => tcp.seq)).toEqual([111]);
  });

  it('acknowledges no more than it can keep', () => {
    const run = new BoxRun(new PreAcknowledging({ maxKept: 1 }));
    run.handshake();
    run.send('inward', { seq: 501, ack: 101 });
    expect(run.send('outward', { seq: 101, ack: 501, payload: countingBytes(10) })).toHaveLength(2);
    expect(run.send('outward', { seq: 111, ack: 501, payload: countingBytes(10) })).toHaveLength(1);
  });
});

describe('StatefulFirewall', () => {
  it('lets pass what begins behind it, and drops what it did not see begin', () => {
    const run = new BoxRun(new StatefulFirewall());
    expect(run.send('outward', { seq: 5 })).toEqual([]);
    expect(run.send('inward', { flags: TcpFlag.SYN })).toEqual([]);
    expect(run.handshake()).toHaveLength(2);
    expect(run.send('inward', { seq: 501 })).toHaveLength(1);
  });

  it('forgets a flow that was idle too long, and all of them when it restarts', () => {
    const box = new StatefulFirewall({ idleTimeoutNs: 10 });
    const run = new BoxRun(box);
    run.handshake();
    expect(run.send('outward', { seq: 101 }, 10)).toHaveLength(1);
    expect(run.send('outward', { seq: 101 }, 21)).toEqual([]);
    run.handshake();
    box.restart();
    expect(run.send('outward', { seq: 101 }, 21)).toEqual([]);
    expect(box.dropped).toBe(2);
  });

  it('remembers the flows used last when there are too many', () => {
    const run = new BoxRun(new StatefulFirewall({ maxFlows: 2 }));
    for (const sourcePort of [1, 2, 3]) run.send('outward', { flags: TcpFlag.SYN, sourcePort });
    expect([1, 2, 3].map((sourcePort) => run.send('outward', { sourcePort }).length)).toEqual([0, 1, 1]);
  });
});

describe('NatRebinding', () => {
  it('forgets its mappings once so much has passed: the same flow gets another port', () => {
    const publicAddresses = [IpAddress.parse('192.0.2.1')!];
    const run = new BoxRun(new NatRebinding(new Nat({ publicAddresses, random: new SeededRandom(2) }), 150));
    const ports = [0, 0, 0, 0, 0].map(() => run.send('outward', {})[0]!.tcp.sourcePort);
    expect(new Set(ports).size).toBe(2);
    expect(ports[0]).toBe(ports[2]);
    expect(ports[3]).toBe(ports[4]);
  });
});

describe('Nat', () => {
  it('with one port for all destinations lets in only those that were sent to (port-restricted)', () => {
    const publicAddresses = [IpAddress.parse('192.0.2.1')!];
    const random = new SeededRandom(2);
    const run = new BoxRun(new Nat({ publicAddresses, random, mapping: 'endpoint-independent' }));
    const [first] = run.send('outward', { destinationPort: 80 });
    const [second] = run.send('outward', { destinationPort: 81 });
    expect(second!.tcp.sourcePort).toBe(first!.tcp.sourcePort);
    const back = { destination: '192.0.2.1', destinationPort: first!.tcp.sourcePort };
    expect(run.send('inward', { ...back, sourcePort: 81 })).toHaveLength(1);
    expect(run.send('inward', { ...back, sourcePort: 82 })).toEqual([]);
  });

  it('forgets a mapping that was idle too long', () => {
    const publicAddresses = [IpAddress.parse('192.0.2.1')!];
    const random = new SeededRandom(2);
    const timeouts = { idleTimeoutNs: 2 * SECOND, transitoryTimeoutNs: 2 * SECOND };
    const run = new BoxRun(new Nat({ publicAddresses, random, ...timeouts }));
    const [out] = run.send('outward', {});
    const back = { destination: '192.0.2.1', destinationPort: out!.tcp.sourcePort, sourcePort: 80 };
    expect(run.send('inward', back, 2 * SECOND)).toHaveLength(1);
    expect(run.send('inward', back, 4 * SECOND + 1)).toEqual([]);
  });
});

describe('WindowClamping', () => {
  it('lowers windows, but not those of SYNs', () => {
    const run = new BoxRun(new WindowClamping(100));
    expect([50, 5000].map((window) => run.send('outward', { window })[0]!.tcp.window)).toEqual([50, 100]);
    expect(run.send('outward', { window: 5000, flags: TcpFlag.SYN })[0]!.tcp.window).toBe(5000);
    expect(() => new WindowClamping(0)).toThrow(/1 to 65535/);
  });
});

describe('DataProxying', () => {
  it('answers as the server, without options that it does not know, and connects as the client', () => {
    const box = new DataProxying(new SeededRandom(1));
    const run = new BoxRun(box);
    const [synAck] = run.send('outward', {
      flags: TcpFlag.SYN,
      seq: 100,
      ack: 0,
      options: optionBytes(...synOptions),
    });
    expect([synAck!.direction, synAck!.tcp.flags, synAck!.tcp.ack]).toEqual([
      'inward',
      TcpFlag.SYN | TcpFlag.ACK,
      101,
    ]);
    const { bytes, headerLength, offset } = synAck!.tcp;
    const kinds = parseTcpOptions(bytes, offset + 20, headerLength - 20).options.map(({ kind }) => kind);
    expect(kinds).not.toContain('mptcp');
    const out = run.send('outward', { seq: 101, ack: (synAck!.tcp.seq + 1) >>> 0 });
    const syn = out.find(({ tcp }) => (tcp.flags & TcpFlag.SYN) !== 0)!;
    expect([syn.direction, syn.tcp.sourcePort, syn.tcp.mptcpCount]).toEqual(['outward', 1000, 0]);
    expect(box.proxied).toBe(1);
  });

  it('ends what nobody answers for any more, at both ends', () => {
    const box = new DataProxying(new SeededRandom(1));
    const run = new BoxRun(box);
    const [synAck] = run.send('outward', { flags: TcpFlag.SYN, seq: 100, ack: 0 });
    const out = run.send('outward', { seq: 101, ack: (synAck!.tcp.seq + 1) >>> 0 });
    const syn = out.find(({ tcp }) => (tcp.flags & TcpFlag.SYN) !== 0)!;
    run.send('inward', { flags: TcpFlag.SYN | TcpFlag.ACK, seq: 500, ack: (syn.tcp.seq + 1) >>> 0 });
    const resets = new Set<string>();
    for (let turn = 0; turn < 100 && box.pollTimeout() !== NEVER; turn++) {
      for (const { direction, tcp } of run.wake(box.pollTimeout()))
        if ((tcp.flags & TcpFlag.RST) !== 0) resets.add(direction);
    }
    expect([...resets].sort()).toEqual(['inward', 'outward']);
    expect(box.pollTimeout()).toBe(NEVER);
  });
});

describe('the registry', () => {
  it('has names that are unique and in kebab-case, and finds them', () => {
    const names = middleboxBehaviours.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(middleboxBehaviour('nat').name).toBe('nat');
    expect(() => middleboxBehaviour('nats')).toThrow(/no middlebox called nats/);
  });
});
