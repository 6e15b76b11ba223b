import { describe, expect, it } from 'vitest';
import { RecordingDevice, tcpPacket } from '../../test/simulation/packets.js';
import { MILLISECOND, NEVER, SeededRandom } from '../base/index.js';
import { Stack, type StackEvent } from '../stack/index.js';
import { IpAddress } from '../wire/index.js';
import { bridge, Packet } from './device.js';
import { type Application, Host } from './host.js';
import { Link } from './link.js';
import { Nat } from './nat.js';
import { MiddleboxDevice } from './middlebox.js';
import { Router } from './router.js';
import { Simulator } from './simulator.js';
import { pathAddress, type PathSetup, twoHosts, type TwoHosts } from './topology.js';

const message = Uint8Array.from([1, 2, 3, 4, 5]);

/** Answers what it reads with the same bytes and ends the connection when its peer does; keeps what it saw. */
class Echo implements Application {
  readonly events: string[] = [];
  readonly read: number[] = [];

  handleEvent(now: number, event: StackEvent): void {
    this.events.push(event.type);
    if (event.type === 'acceptable') event.listener.accept();
    if (event.type === 'readable') {
      for (let bytes = event.socket.read(now); bytes !== undefined; bytes = event.socket.read(now)) {
        this.read.push(...bytes);
        event.socket.write(now, bytes.slice());
      }
    }
    if (event.type === 'peer-closed') event.socket.shutdown(now);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // It has no timers.
  }
}

/** Says its message once it is connected, and ends when it has heard it back. */
class Caller implements Application {
  readonly events: string[] = [];
  readonly read: number[] = [];

  handleEvent(now: number, event: StackEvent): void {
    this.events.push(event.type);
    if (event.type === 'established') event.socket.write(now, message.slice());
    if (event.type === 'readable') {
      for (let bytes = event.socket.read(now); bytes !== undefined; bytes = event.socket.read(now))
        this.read.push(...bytes);
      if (this.read.length === message.length) event.socket.shutdown(now);
    }
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // It has no timers.
  }
}

function world(paths: readonly PathSetup[]): { simulator: Simulator; hosts: TwoHosts } {
  const simulator = new Simulator(1);
  const stack = (): Stack => new Stack({ random: simulator.random.fork() });
  return { simulator, hosts: twoHosts(simulator, { client: stack(), server: stack(), paths }) };
}

/** Has the client call the server over path 0. */
function call({ client, server }: TwoHosts, family: 4 | 6 = 4): { caller: Caller; echo: Echo } {
  const [caller, echo] = [new Caller(), new Echo()];
  server.stack.listen(0, { local: { port: 7 } });
  server.run(0, echo);
  client.stack.connect(0, { remote: { address: pathAddress(0, 'server', family), port: 7 } });
  client.run(0, caller);
  return { caller, echo };
}

describe('Host', () => {
  it('drives a stack and an application over links, and comes to rest', () => {
    const { simulator, hosts } = world([{ both: { delayNs: 5 * MILLISECOND } }]);
    const { caller, echo } = call(hosts);
    expect(simulator.run()).toBe('idle');
    expect(caller.read).toEqual([...message]);
    expect(echo.read).toEqual([...message]);
    expect(caller.events).toContain('closed');
    expect([hosts.client.stack.connectionCount, hosts.server.stack.connectionCount]).toEqual([0, 0]);
  });

  it('looks after the timers of its application', () => {
    const { simulator, hosts } = world([{}]);
    const woken: number[] = [];
    let next = 10;
    hosts.client.run(0, {
      handleEvent: () => undefined,
      pollTimeout: () => next,
      handleTimeout: (now) => {
        woken.push(now);
        next = woken.length < 3 ? now * 2 : NEVER;
      },
    });
    simulator.run();
    expect(woken).toEqual([10, 20, 40]);
  });

  it('tells the stack when a device goes down and comes up', () => {
    const { simulator, hosts } = world([{}, {}]);
    const up = (): boolean[] => hosts.client.stack.interfaces.map((entry) => entry.up);
    hosts.links[1]!.setState(simulator.now, 'down');
    expect(up()).toEqual([true, false]);
    hosts.links[1]!.setState(simulator.now, 'up');
    expect(up()).toEqual([true, true]);
  });

  it('copes with devices that deliver before they return', () => {
    const simulator = new Simulator(1);
    const make = (name: string, address: IpAddress): { host: Host; device: RecordingDevice } => {
      const host = new Host(simulator, name, new Stack({ random: new SeededRandom(1) }));
      const device = new RecordingDevice();
      host.addDevice(0, device, { name: 'eth0', addresses: [{ address, prefixLength: 24 }] });
      return { host, device };
    };
    const [client, server] = [
      make('client', pathAddress(0, 'client', 4)),
      make('server', pathAddress(0, 'server', 4)),
    ];
    client.device.send = (now, packet) => server.device.receiver!.handlePacket(now, packet);
    server.device.send = (now, packet) => client.device.receiver!.handlePacket(now, packet);
    const { caller } = call({ client: client.host, server: server.host, links: [] });
    simulator.run();
    expect(caller.read).toEqual([...message]);
  });

  it('leaves the checksum to a device that offers it, and cutting too', () => {
    const { simulator, hosts } = world([
      { checksumOffload: true, maxOffloadBytes: 60_000, both: { mtu: 1500 } },
    ]);
    const { caller, echo } = call(hosts);
    simulator.run();
    expect([caller.read, echo.read]).toEqual([[...message], [...message]]);
    expect(hosts.client.stack.counters.checksumErrors).toBe(0);
  });
});

describe('twoHosts', () => {
  it('gives every path addresses of its own, in both families', () => {
    const { hosts } = world([{ families: 'both' }, { families: 'ipv6' }]);
    const shown = (host: Host): string[][] =>
      host.stack.interfaces.map(({ addresses }) => addresses.map(({ address }) => address.toString()));
    expect(shown(hosts.client)).toEqual([['10.0.0.2', 'fd00::2'], ['fd00:0:0:1::2']]);
    expect(shown(hosts.server)).toEqual([['10.0.0.1', 'fd00::1'], ['fd00:0:0:1::1']]);
  });

  it('makes subflows over all paths, whatever the family', () => {
    for (const families of ['ipv4', 'ipv6'] as const) {
      const { simulator, hosts } = world([{ families }, { families }]);
      const { caller } = call(hosts, families === 'ipv4' ? 4 : 6);
      simulator.run();
      expect(caller.events).toContain('path');
      expect(hosts.server.stack.counters.joinsAccepted).toBe(1);
    }
  });

  it('lets a client be reached behind a translator', () => {
    const simulator = new Simulator(1);
    const own = new IpAddress(4, 0, 0, 0, 0xc0a8_0102);
    const nat = new Nat({ publicAddresses: [pathAddress(0, 'client', 4)], random: new SeededRandom(1) });
    const hosts = twoHosts(simulator, {
      client: new Stack({ random: simulator.random.fork() }),
      server: new Stack({ random: simulator.random.fork() }),
      paths: [
        {
          clientAddress: own,
          wrap: (device, side) => (side === 'client' ? new MiddleboxDevice(simulator, nat, device) : device),
        },
      ],
    });
    const { caller } = call(hosts);
    simulator.run();
    expect(caller.read).toEqual([...message]);
    expect(nat.mappingCount).toBe(1);
  });

  it('finds the MTU of a path behind a router', () => {
    const { simulator, hosts } = world([{ both: { mtu: 1500 } }]);
    const [inner, outer] = [
      new Link(simulator, { both: { mtu: 1500 } }),
      new Link(simulator, { both: { mtu: 1300 } }),
    ];
    // The server moves behind a router whose far link is narrower.
    const router = new Router();
    const near = router.addDevice(hosts.links[0]!.right, [new IpAddress(4, 0, 0, 0, 0x0a00_00fe)]);
    const far = router.addDevice(outer.left, []);
    router.addRoute(pathAddress(0, 'client', 4), 32, near);
    router.addRoute(pathAddress(0, 'server', 4), 32, far);
    bridge(outer.right, inner.left);
    const server = new Host(simulator, 'far', new Stack({ random: simulator.random.fork() }));
    const addresses = [{ address: pathAddress(0, 'server', 4), prefixLength: 24 }];
    server.addDevice(0, inner.right, { name: 'eth0', addresses });
    const received: number[] = [];
    server.stack.listen(0, { local: { port: 7 } });
    server.run(0, {
      handleEvent: (now, event) => {
        if (event.type === 'acceptable') event.listener.accept();
        if (event.type !== 'readable') return;
        for (let bytes = event.socket.read(now); bytes !== undefined; bytes = event.socket.read(now))
          received.push(bytes.length);
      },
      pollTimeout: () => NEVER,
      handleTimeout: () => undefined,
    });
    const socket = hosts.client.stack.connect(0, {
      remote: { address: pathAddress(0, 'server', 4), port: 7 },
    });
    socket.write(0, new Uint8Array(50_000));
    hosts.client.wake(0);
    simulator.runUntil(30e9);
    expect(received.reduce((sum, length) => sum + length, 0)).toBe(50_000);
    expect(router.counters.droppedTooBig).toBeGreaterThan(0);
    expect(hosts.client.stack.counters.icmpPathMtu).toBeGreaterThan(0);
  });

  it('hands a host nothing that comes after its link went down', () => {
    const { simulator, hosts } = world([{ both: { delayNs: MILLISECOND } }]);
    hosts.links[0]!.left.send(0, new Packet(tcpPacket({ source: '10.0.0.2', destination: '10.0.0.1' })));
    hosts.links[0]!.setState(0, 'down');
    simulator.run();
    expect(hosts.server.stack.counters.packetsReceived).toBe(0);
  });
});
