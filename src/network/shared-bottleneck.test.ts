import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../base/index.js';
import { Link, Packet, SharedBottleneck, Simulator } from './index.js';

describe('a shared bottleneck', () => {
  /** Two paths of 10 ms behind a bottleneck of 8 Mbit/s: a packet of 1000 bytes takes 1 ms. */
  function world(queueBytes = 1e6) {
    const simulator = new Simulator(1);
    const bottleneck = new SharedBottleneck(simulator, { rateBps: 8e6, queue: { bytes: queueBytes } });
    const arrivals: string[] = [];
    const entries = ['a', 'b'].map((name) => {
      const link = new Link(simulator, { both: { delayNs: 10 * MILLISECOND } });
      link.right.attach({
        handlePacket: (now, packet) => arrivals.push(`${name}${packet.bytes[0]} ${now / MILLISECOND}`),
        handleCarrier: () => undefined,
      });
      return bottleneck.before(link.left);
    });
    const send = (entry: number, number: number): void =>
      entries[entry]!.send(simulator.now, new Packet(new Uint8Array(1000).fill(number)));
    return { simulator, bottleneck, arrivals, send };
  }

  it('has packets of all paths wait together, and sends each on along its own', () => {
    const { simulator, arrivals, send, bottleneck } = world();
    send(0, 1);
    send(1, 2);
    send(0, 3);
    simulator.run();
    expect(arrivals).toEqual(['a1 11', 'b2 12', 'a3 13']);
    expect(bottleneck.counters.deliveredPackets).toBe(3);
  });

  it('drops what finds no room, whosever it is', () => {
    const { simulator, arrivals, send, bottleneck } = world(2000);
    for (let i = 1; i <= 4; i++) send(i % 2, i);
    simulator.run();
    expect(arrivals).toEqual(['b1 11', 'a2 12']);
    expect(bottleneck.counters.droppedQueue).toBe(2);
  });

  it('may change its rate', () => {
    const { simulator, arrivals, send, bottleneck } = world();
    bottleneck.configure(0, { rateBps: 16e6 });
    send(0, 1);
    simulator.run({ until: SECOND });
    expect(arrivals).toEqual(['a1 10.5']);
  });
});
