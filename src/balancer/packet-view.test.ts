import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  balancerOf,
  ClientFlow,
  inWords,
  serverFor,
  serviceAddress,
} from '../../test/support/balancer-packets.js';
import {
  datagramLength,
  emitDatagram,
  IpAddress,
  IpProtocol,
  TcpFlag,
  type IpDatagram,
} from '../wire/index.js';
import { designNames } from './designs.js';
import { defaultJoinPortBase } from './services.js';

const families = [4, 6] as const;

/** The TCP segment of `flow`'s packet under other IP headers. */
function datagram(flow: ClientFlow, change: Record<string, unknown>): Uint8Array {
  const source = IpAddress.parse(flow.source)!;
  const destination = IpAddress.parse(serviceAddress[flow.family])!;
  const payload = flow.data().subarray(flow.family === 4 ? 20 : 40);
  const common = { source, destination, protocol: 6, hopLimit: 60, dscpEcn: 0, payload };
  const own =
    flow.family === 4
      ? {
          family: 4,
          identification: 1,
          dontFragment: false,
          moreFragments: false,
          fragmentOffset: 0,
          options: [],
        }
      : { family: 6, flowLabel: 0, extensions: [] };
  const whole = { ...common, ...own, ...change } as IpDatagram;
  const bytes = new Uint8Array(datagramLength(whole));
  emitDatagram(whole, bytes, 0);
  return bytes;
}

describe.each(families)('packets over IPv%i', (family) => {
  const flow = new ClientFlow(1, 40_000, family);

  it('of one flow all go to one server', () => {
    const balancer = balancerOf('stateless');
    const to = serverFor(balancer, flow.syn());
    expect(to).toBeGreaterThan(0);
    expect(serverFor(balancer, flow.data())).toBe(to);
    expect(serverFor(balancer, flow.data(undefined, TcpFlag.RST))).toBe(to);
  });

  it('that are ICMP errors go where the packet went that they quote, however little of it is there', () => {
    const balancer = balancerOf('stateless');
    const ipBytes = family === 4 ? 20 : 40;
    for (let port = 40_000; port < 40_020; port++) {
      const other = new ClientFlow(1, port, family);
      const to = serverFor(balancer, other.data());
      expect(serverFor(balancer, other.tooBig(ipBytes + 8))).toBe(to);
      expect(serverFor(balancer, other.tooBig(ipBytes + 40))).toBe(to);
    }
    expect(inWords(balancer.steer(0, flow.tooBig(ipBytes + 7)))).toBe('drop malformed-tcp');
  });

  it('for other addresses are left to the host', () => {
    const balancer = balancerOf('beamer');
    const elsewhere = family === 4 ? '192.0.2.81' : '2001:db8::81';
    expect(inWords(balancer.steer(0, flow.packet({ destination: elsewhere })))).toBe('pass not-ours');
  });

  it('for a port without a service are refused, but not resets', () => {
    const balancer = balancerOf('stateful');
    const wrong = new ClientFlow(1, 40_000, family, 81);
    expect(inWords(balancer.steer(0, wrong.syn()))).toBe('refuse no-service');
    expect(inWords(balancer.steer(0, wrong.data(undefined, TcpFlag.RST)))).toBe('drop no-service');
  });

  it('that hold a packet, and are for a service, are dropped', () => {
    const balancer = balancerOf('beamer');
    for (const protocol of [4, 41, 47]) {
      expect(inWords(balancer.steer(0, datagram(flow, { protocol })))).toBe('drop tunnelled');
    }
    expect(inWords(balancer.steer(0, datagram(flow, { protocol: IpProtocol.UDP })))).toBe('pass not-tcp');
  });

  it('are refused when no server takes connections', () => {
    for (const design of designNames) {
      const balancer = balancerOf(design, { servers: [] });
      expect(inWords(balancer.steer(0, flow.syn()))).toBe('refuse no-server');
    }
  });
});

describe('what is not steered', () => {
  const four = new ClientFlow(1);
  const six = new ClientFlow(1, 40_000, 6);

  it('are fragments of IPv4, the first as well: its ports say nothing of the others', () => {
    const balancer = balancerOf('stateful');
    const first = datagram(four, { moreFragments: true });
    const later = datagram(four, { fragmentOffset: 64 });
    expect([first, later].map((packet) => inWords(balancer.steer(0, packet)))).toEqual([
      'drop fragment',
      'drop fragment',
    ]);
  });

  it('are IPv6 packets that have places left to visit; other extension headers are skipped', () => {
    const balancer = balancerOf('stateful');
    const options = (kind: string): unknown => ({ kind, options: [] });
    const routing = (segmentsLeft: number): unknown => ({
      ...{ kind: 'routing', routingType: 4, segmentsLeft, body: new Uint8Array(4) },
    });
    const skipped = datagram(six, {
      extensions: [options('hop-by-hop'), routing(0), options('destination-options')],
    });
    expect(serverFor(balancer, skipped)).toBe(serverFor(balancer, six.data()));
    expect(inWords(balancer.steer(0, datagram(six, { extensions: [routing(1)] })))).toBe(
      'drop source-routed',
    );
  });

  it('are malformed packets', () => {
    const balancer = balancerOf('stateful');
    const short = four.data();
    short[32] = 0x10;
    expect(inWords(balancer.steer(0, short))).toBe('drop malformed-tcp');
    expect(inWords(balancer.steer(0, new Uint8Array(0)))).toBe('drop malformed-ip');
    expect(inWords(balancer.steer(0, four.data().subarray(0, 30)))).toBe('drop malformed-ip');
  });
});

describe('any bytes', () => {
  it.each(designNames)('get a verdict from %s, never an exception, and counters that add up', (design) => {
    const balancer = balancerOf(design);
    const packets = families.flatMap((family) => {
      const flow = new ClientFlow(9, 50_000, family);
      const direct = new ClientFlow(9, 50_000, family, defaultJoinPortBase + 2);
      return [flow.syn(), flow.thirdAck(5n), flow.join(99), direct.join(99), flow.data(7), flow.tooBig()];
    });
    const edits = fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...packets), edits, fc.nat(120), (packet, changes, cut) => {
        const bytes = packet.slice(0, Math.max(0, packet.length - Math.max(0, cut - 60)));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const { action, server } = balancer.steer(0, bytes);
        expect(server !== undefined).toBe(action === 1 || action === 2);
      }),
      { numRuns: 2000, seed: 5 },
    );
    const { packets: count, byReason, forwarded } = balancer.counters;
    expect(byReason.reduce((sum, each) => sum + each, 0)).toBe(count);
    expect(byReason[0]).toBe(forwarded);
  });

  it.each(designNames)('of one flow go to one server by %s, while the servers stay', (design) => {
    const balancer = balancerOf(design);
    fc.assert(
      fc.property(
        fc.nat(60_000),
        fc.integer({ min: 1, max: 65_535 }),
        fc.constantFrom(...families),
        (host, port, family) => {
          const flow = new ClientFlow(host % 250, port, family);
          const to = serverFor(balancer, flow.syn());
          expect(serverFor(balancer, flow.data())).toBe(to);
          expect(serverFor(balancer, flow.data(undefined, TcpFlag.FIN | TcpFlag.ACK))).toBe(to);
        },
      ),
      { numRuns: 300, seed: 6 },
    );
  });
});
