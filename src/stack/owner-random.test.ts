/** Owners that do anything at any time: in the end nothing is left of it on either host. */
import { expect, it } from 'vitest';
import { prefix, World, type TestHost } from '../../test/support/stack-pair.js';
import { MILLISECOND, randomBelow, SECOND, SeededRandom } from '../base/index.js';
import type { Socket, StackEvent } from './index.js';

const HOUR = 3600 * SECOND;

/** What a host still keeps, by table. */
function kept({ stack }: TestHost): Record<string, number> {
  const { host } = stack as unknown as {
    host: {
      sockets: Set<unknown>;
      tokens: Map<number, unknown>;
      flows: { size: number };
      timers: { size?: number };
    };
  };
  return {
    sockets: host.sockets.size,
    tokens: host.tokens.size,
    flows: host.flows.size,
    timeWaits: stack.timeWaitCount,
  };
}

const nothing = { sockets: 0, tokens: 0, flows: 0, timeWaits: 0 };

class Storm {
  readonly world = new World();
  readonly client: TestHost;
  readonly server: TestHost;
  readonly random: SeededRandom;
  private readonly sockets: Socket[] = [];
  private readonly interfaces: number[] = [];
  private isUp = [true, true];

  constructor(seed: number) {
    const { world } = this;
    this.random = new SeededRandom(seed);
    this.client = world.host();
    this.server = world.host();
    for (const i of [0, 1]) {
      const ends = world.wire(this.client, [prefix(`10.0.${i}.1/24`)], this.server, [
        prefix(`10.0.${i}.2/24`),
      ]);
      this.interfaces.push(ends.left);
    }
    const listener = this.server.stack.listen(0, { local: { port: 80 } });
    for (const host of [this.client, this.server]) {
      host.onEvent = (event) => this.handle(host, event);
      host.filter = (packet) => (randomBelow(this.random, 50) === 0 ? undefined : packet);
    }
    listener.data = 'listener';
  }

  private handle(host: TestHost, event: StackEvent): void {
    host.sent.length = 0;
    host.events.length = 0;
    if (event.type === 'acceptable') {
      for (let socket = event.listener.accept(); socket !== undefined; socket = event.listener.accept()) {
        socket.data = host;
        this.sockets.push(socket);
        if (randomBelow(this.random, 4) === 0) this.act(socket);
      }
      return;
    }
    if (randomBelow(this.random, 3) === 0) this.act(event.socket);
  }

  /** One thing that an owner may do, at whatever time. */
  private act(socket: Socket): void {
    const { world, random } = this;
    const { now } = world;
    const subflow = socket.connection.subflows[0];
    switch (randomBelow(random, 14)) {
      case 0:
      case 1:
      case 2:
        try {
          socket.write(now, new Uint8Array(randomBelow(random, 20_000)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SUBFLOW_STATE' });
        }
        break;
      case 3:
      case 4:
      case 5:
        socket.read(now, randomBelow(random, 50_000));
        break;
      case 6:
        socket.shutdown(now);
        break;
      case 7:
        socket.close(now);
        break;
      case 8:
        socket.abort(now);
        break;
      case 9:
        socket.setNagle(now, randomBelow(random, 2) === 0);
        break;
      case 10:
        socket.setKeepAlive(now, SECOND);
        break;
      case 11:
        if (subflow !== undefined) socket.closeSubflow(now, subflow);
        break;
      case 12:
        if (subflow !== undefined) socket.setBackup(now, subflow, randomBelow(random, 2) === 0);
        break;
      default:
        if (randomBelow(random, 2) === 0) socket.withdrawAddress(now, randomBelow(random, 3));
        else
          socket.announceAddress(
            now,
            { address: prefix('10.0.1.2/24').address, port: 0 },
            1 + randomBelow(random, 3),
          );
    }
  }

  step(): void {
    const { world, random, client } = this;
    switch (randomBelow(random, 8)) {
      case 0:
      case 1:
      case 2: {
        const address = prefix(randomBelow(random, 5) === 0 ? '10.0.1.2/24' : '10.0.0.2/24').address;
        try {
          const port = randomBelow(random, 6) === 0 ? 81 : 80;
          const socket = client.stack.connect(world.now, { remote: { address, port } });
          socket.data = client;
          this.sockets.push(socket);
          if (randomBelow(random, 4) === 0) this.act(socket);
        } catch (error) {
          expect((error as { code: string }).code).toMatch(/^E(NETUNREACH|NETDOWN|ADDRNOTAVAIL)$/);
        }
        break;
      }
      case 3: {
        const i = randomBelow(random, 2);
        if (randomBelow(random, 4) > 0) break;
        this.isUp[i] = !this.isUp[i];
        client.stack.setInterfaceState(world.now, this.interfaces[i]!, this.isUp[i]!);
        break;
      }
      default: {
        const socket = this.sockets[randomBelow(random, Math.max(1, this.sockets.length))];
        if (socket !== undefined) this.act(socket);
      }
    }
    world.run(world.now + randomBelow(random, 200) * MILLISECOND);
  }

  /** Everybody lets go; time passes. */
  end(): void {
    const { world, random } = this;
    for (const host of [this.client, this.server])
      host.onEvent = (event) => {
        host.sent.length = 0;
        host.events.length = 0;
        if (event.type === 'acceptable')
          for (let s = event.listener.accept(); s !== undefined; s = event.listener.accept())
            s.close(world.now);
      };
    for (const socket of this.sockets) {
      if (randomBelow(random, 2) === 0) socket.close(world.now);
      else socket.abort(world.now);
    }
    world.run(world.now + 24 * HOUR);
  }
}

it('leave nothing behind, whatever they do and when', () => {
  const seeds = Number(process.env['SUBFLOW_STACK_SEEDS'] ?? 4);
  for (let seed = 1; seed <= seeds; seed++) {
    const storm = new Storm(seed);
    try {
      for (let i = 0; i < 150; i++) storm.step();
      storm.end();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    expect([seed, kept(storm.client)]).toEqual([seed, nothing]);
    expect([seed, kept(storm.server)]).toEqual([seed, nothing]);
    expect([seed, storm.client.stack.pollTimeout(), storm.server.stack.pollTimeout()]).toEqual([
      seed,
      Infinity,
      Infinity,
    ]);
  }
});

it('may open and close hundreds of connections', () => {
  const world = new World();
  const client = world.host();
  const server = world.host();
  world.wire(client, [prefix('10.0.0.1/24')], server, [prefix('10.0.0.2/24')]);
  server.stack.listen(0, { local: { port: 80 } });
  server.onEvent = (event) => {
    if (event.type === 'acceptable')
      for (let s = event.listener.accept(); s !== undefined; s = event.listener.accept()) s.close(world.now);
  };
  client.onEvent = (event) => {
    if (event.type === 'established') event.socket.close(world.now);
  };
  for (let i = 0; i < 300; i++) {
    client.stack.connect(world.now, { remote: { address: prefix('10.0.0.2/24').address, port: 80 } });
    world.run(world.now + MILLISECOND);
    for (const host of world.hosts) host.sent.length = host.events.length = 0;
  }
  world.run(world.now + HOUR);
  expect([kept(client), kept(server)]).toEqual([nothing, nothing]);
});
