import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientFlow, server } from '../../test/support/balancer-packets.js';
import { IpAddress } from '../wire/index.js';
import { encapsulate, encapsulationBytes, TunnelPacket } from './encapsulation.js';
import { OuterHeader } from './outer-header.js';
import type { Server } from './servers.js';
import { Verdict } from './verdict.js';

const sources = { 4: IpAddress.parse('10.9.0.99')!, 6: IpAddress.parse('fd09::99')! } as const;
const serverAt = (id: number, family: 4 | 6): Server => ({
  ...{ id, weight: 1, state: 'up', address: server(id, {}, family).address },
});

/** The packet with the header in front that `verdict` wants. */
function written(packet: Uint8Array, to: Server, verdict: Verdict): Uint8Array {
  const header = new OuterHeader(sources[to.address.family], to.address);
  const room = new Uint8Array(header.mostBytes + packet.length).fill(0xaa);
  room.set(packet, header.mostBytes);
  const start = header.write(new DataView(room.buffer), header.mostBytes, packet.length, verdict);
  return room.subarray(start);
}

describe.each([4, 6] as const)('a header over IPv%i written in place', (family) => {
  it.each([4, 6] as const)(
    'is the one that encapsulation makes of a packet of IPv%i, whatever the note says',
    (inner) => {
      fc.assert(
        fc.property(
          ...[fc.integer({ min: 1, max: 16_383 }), fc.integer({ min: 0, max: 16_383 })],
          ...[fc.integer({ min: 1, max: 0xffff_ffff }), fc.nat(0xffff_ffff), fc.nat(255)],
          (id, former, movedAtSeconds, generation, traffic) => {
            const packet = new ClientFlow(7, 40_000, inner).data();
            if (inner === 4) packet[1] = traffic;
            else packet[0] = 0x60 | (traffic >> 4);
            const verdict = new Verdict();
            const to = serverAt(id, family);
            const previous = former === 0 ? undefined : serverAt(former, family);
            verdict.encapsulate(to, previous, previous === undefined ? 0 : movedAtSeconds, generation);
            const expected = encapsulate(packet, 0, packet.length, {
              ...{ source: sources[family], destination: to.address, previous: previous?.address },
              ...{ movedAtSeconds, generation },
            });
            expect(written(packet, to, verdict)).toEqual(expected);
          },
        ),
      );
    },
  );

  it.each([4, 6] as const)('has no note for a packet of IPv%i that is to be delivered', (inner) => {
    const packet = new ClientFlow(7, 40_000, inner).data();
    const verdict = new Verdict();
    verdict.deliver(serverAt(3, family));
    const out = written(packet, serverAt(3, family), verdict);
    expect(out.length).toBe(packet.length + (family === 4 ? 20 : 40));
    expect(out.length).toBeLessThan(packet.length + encapsulationBytes(family));
    const tunnel = new TunnelPacket();
    expect(tunnel.read(out, 0, out.length)).toBe(true);
    expect(out.subarray(tunnel.innerOffset)).toEqual(packet);
    expect(tunnel.outer.destination.equals(serverAt(3, family).address)).toBe(true);
    expect(tunnel.outer.source.equals(sources[family])).toBe(true);
    expect(tunnel.generation).toBe(0);
  });
});
