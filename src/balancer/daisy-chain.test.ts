import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balancerOf, ClientFlow, server, services } from '../../test/support/balancer-packets.js';
import { SECOND } from '../base/index.js';
import { IpAddress, verifyIpv4Checksum } from '../wire/index.js';
import { DaisyChain } from './daisy-chain.js';
import { encapsulate, encapsulationBytes, TunnelPacket, type TunnelNote } from './encapsulation.js';
import { defaultJoinPortBase } from './services.js';
import { defaultSteeringSettings } from './settings.js';

const balancerAddress = { 4: IpAddress.parse('10.9.9.9')!, 6: IpAddress.parse('fd09::9999')! };

function note(family: 4 | 6, more: Partial<TunnelNote> = {}): TunnelNote {
  const destination = server(2, {}, family).address;
  return {
    source: balancerAddress[family],
    destination,
    previous: undefined,
    movedAtSeconds: 0,
    generation: 7,
    ...more,
  };
}

/** Server 2, whose only other server is 1. */
function chainOf(family: 4 | 6 = 4): DaisyChain {
  return new DaisyChain({
    address: server(2, {}, family).address,
    balancers: [balancerAddress[family]],
    peers: [server(1, {}, family).address],
    services,
  });
}

describe.each([4, 6] as const)('encapsulation over IPv%i', (family) => {
  const previous = server(1, {}, family).address;

  it.each([4, 6] as const)('carries an IPv%i packet, and says who had it before', (inner) => {
    const packet = new ClientFlow(1, 40_000, inner).data();
    const bytes = encapsulate(packet, 0, packet.length, note(family, { previous, movedAtSeconds: 12_345 }));
    expect(bytes).toHaveLength(packet.length + encapsulationBytes(family));
    const tunnel = new TunnelPacket();
    expect(tunnel.read(bytes, 0, bytes.length)).toBe(true);
    expect(tunnel.previous).toEqual(previous);
    expect(tunnel).toMatchObject({ movedAtSeconds: 12_345, generation: 7 });
    expect(bytes.subarray(tunnel.innerOffset, tunnel.innerOffset + tunnel.innerLength)).toEqual(packet);
    if (family === 4) expect(verifyIpv4Checksum(bytes, 0, 36)).toBe(true);
  });

  it('says that nobody had it by a time of 0', () => {
    const packet = new ClientFlow(1).data();
    const bytes = encapsulate(packet, 0, packet.length, note(family, { movedAtSeconds: 5 }));
    const tunnel = new TunnelPacket();
    expect(tunnel.read(bytes, 0, bytes.length)).toBe(true);
    expect(tunnel.previous).toBeUndefined();
    expect(tunnel).toMatchObject({ movedAtSeconds: 0, generation: 7 });
  });

  it('gives values for any bytes', () => {
    const packet = new ClientFlow(1).data();
    const whole = encapsulate(packet, 0, packet.length, note(family));
    const chain = chainOf(family);
    fc.assert(
      fc.property(
        fc.nat(whole.length),
        fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 4 }),
        (cut, edits) => {
          const bytes = whole.slice(0, cut);
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
          const arrival = chain.open(bytes);
          if (arrival !== 'ask') return;
          expect(chain.innerOffset + chain.innerLength).toBeLessThanOrEqual(bytes.length);
          expect(['keep', 'forward', 'drop']).toContain(chain.settle(0, false));
        },
      ),
      { numRuns: 1000, seed: 3 },
    );
  });
});

it('encapsulation has the bytes of Beamer over IPv4', () => {
  const packet = new ClientFlow(1).data();
  const bytes = encapsulate(
    packet,
    0,
    packet.length,
    note(4, { previous: server(1).address, movedAtSeconds: 0x0102_0304 }),
  );
  const header = [...bytes.subarray(0, 36)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  expect(header.slice(0, 4)).toBe('4900');
  expect(header.slice(16, 20)).toBe('fa04');
  expect(header.slice(24)).toBe('0a0909090a090002611000000a090001' + '01020304' + '00000007');
});

describe('the daisy chain', () => {
  const flow = new ClientFlow(1);
  const wrap = (packet: Uint8Array, more: Partial<TunnelNote> = {}): Uint8Array =>
    encapsulate(packet, 0, packet.length, note(4, more));
  const moved = { previous: server(1).address, movedAtSeconds: 10 };

  it('keeps SYNs and what it knows, and forwards the rest to who had the bucket', () => {
    const chain = chainOf();
    expect(chain.open(wrap(flow.syn(), moved))).toBe('keep');
    expect(chain.open(wrap(flow.data(), moved))).toBe('ask');
    expect(chain.settle(11 * SECOND, true)).toBe('keep');
    chain.open(wrap(flow.data(), moved));
    expect(chain.settle(11 * SECOND, false)).toBe('forward');
    const tunnel = new TunnelPacket();
    const onward = chain.forwarded(11 * SECOND);
    expect(tunnel.read(onward, 0, onward.length)).toBe(true);
    expect([tunnel.outer.source, tunnel.outer.destination].map(String)).toEqual(['10.9.0.2', '10.9.0.1']);
    expect(tunnel.previous).toBeUndefined();
    expect(chain.counters).toMatchObject({ kept: 2, forwarded: 1 });
  });

  it('keeps what another server forwarded, so that nothing goes round', () => {
    const chain = chainOf();
    expect(chain.open(wrap(flow.data(), { ...moved, source: server(1).address }))).toBe('keep');
    expect(chain.counters.fromPeers).toBe(1);
  });

  it('keeps what comes to its own port', () => {
    const direct = new ClientFlow(1, 40_000, 4, defaultJoinPortBase + 2);
    expect(chainOf().open(wrap(direct.data()))).toBe('keep');
  });

  it('forwards for a while only', () => {
    const chain = chainOf();
    const end = 11 * SECOND + defaultSteeringSettings.chainNs;
    chain.open(wrap(flow.data(), moved));
    expect(chain.settle(end - 1, false)).toBe('forward');
    expect(chain.settle(end, false)).toBe('keep');
  });

  it('remembers who had a bucket for packets of a balancer that does not know it yet', () => {
    const chain = chainOf();
    chain.open(wrap(flow.data(), moved));
    chain.open(wrap(flow.data(), { generation: 6 }));
    expect(chain.settle(11 * SECOND, false)).toBe('forward');
  });

  it('drops an unknown flow of a balancer with old buckets: the packet comes again', () => {
    const chain = chainOf();
    chain.open(wrap(new ClientFlow(9).data(), { generation: 8 }));
    chain.open(wrap(flow.data(), { generation: 7 }));
    expect(chain.settle(0, false)).toBe('drop');
    chain.open(wrap(flow.data(), { generation: 8 }));
    expect(chain.settle(0, false)).toBe('keep');
    expect(chain.counters.stale).toBe(1);
  });

  it('refuses encapsulation from strangers, and of packets for no service', () => {
    const chain = chainOf();
    expect(chain.open(wrap(flow.syn(), { source: IpAddress.parse('198.51.100.1')! }))).toBe('drop');
    expect(chain.open(wrap(flow.packet({ destination: '192.0.2.99' })))).toBe('drop');
    expect(chain.counters).toMatchObject({ spoofed: 1, foreign: 1, kept: 0 });
  });

  it('leaves packets alone that hold none, or are not for its server', () => {
    const chain = chainOf();
    expect(chain.open(flow.data())).toBe('plain');
    expect(chain.open(wrap(flow.data(), { destination: server(3).address }))).toBe('plain');
  });

  it('takes what a balancer makes of a verdict', () => {
    const balancer = balancerOf('beamer', { servers: [server(1)] });
    balancer.setServers(10 * SECOND, [server(1, { state: 'draining' }), server(2)]);
    const { previous, movedAtSeconds, generation } = balancer.steer(10 * SECOND, flow.data());
    const chain = chainOf();
    chain.open(wrap(flow.data(), { previous: previous?.address, movedAtSeconds, generation }));
    expect(chain.settle(11 * SECOND, false)).toBe('forward');
  });
});
