/**
 * Relays under whatever their peers do. Scenarios are drawn from seeds and run side by side, so that their turns interleave; each is held to what
 * is promised of all. `SUBFLOW_RELAY_ROUNDS` scenarios are run, with the seeds from `SUBFLOW_RELAY_SEED` on; a failure names its own.
 */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { RelayPeer } from '../../../test/support/relay-peer.js';
import {
  drawPlan,
  type Fault,
  type Plan,
  pool,
  type Protocol,
  protocols,
  type Side,
  stretch,
} from '../../../test/support/relay-plan.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { SeededRandom } from '../../base/index.js';
import {
  type Capability,
  connectKernel,
  descriptorOf,
  listenKernel,
  localAddressOf,
  resetOnClose,
  unsupportedReason,
} from '../../linux/index.js';
import { IpAddress } from '../../wire/index.js';
import { connectForRelay, listenForRelay, Relay, type RelayOutcome, RelaySet } from './index.js';
import { sharedBudget } from './descriptor-budget.js';
import { MAX_POURED_BYTES } from './pour.js';
import { sharedLoop } from './relay-loop.js';
import type { RelaySocket } from './relay-socket.js';

const FIRST_SEED = Number(process.env['SUBFLOW_RELAY_SEED'] ?? 1);
const SCENARIOS = Number(process.env['SUBFLOW_RELAY_ROUNDS'] ?? 600);
const SIDE_BY_SIDE = 20;
/**
 * Until a scenario counts as one that never ends. A reset of Multipath TCP that comes ahead of bytes which found no room is answered with a challenge
 * (RFC 5961 §3.2), and what answers that ends the subflow alone: Linux tells so after `net.mptcp.close_timeout`, a minute.
 */
const PATIENCE_MS = 100_000;
/** Until all of them do: of a run that was asked to be long. */
const LONGEST_MS = 3_600_000;
const HOST = '127.0.0.1';
const loopback = IpAddress.parse(HOST)!;

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

const reason = unsupportedReason();
const callable: Capability =
  reason === undefined ? { available: true } : { available: false, reason, hint: 'Use Linux.' };

/** What a relay was told of one of its sockets. */
interface Told {
  ends: number;
  closes: number;
  /** Whether bytes came behind the end, or anything after it was over. */
  isLate: boolean;
}

function watch(socket: RelaySocket): Told {
  const told: Told = { ends: 0, closes: 0, isLate: false };
  const listen = socket.listen.bind(socket);
  socket.listen = (listener) =>
    listen({
      onBytes(bytes) {
        told.isLate ||= told.ends > 0 || told.closes > 0;
        return listener.onBytes(bytes);
      },
      onEnd() {
        told.ends++;
        told.isLate ||= told.closes > 0;
        listener.onEnd();
      },
      onRoom() {
        told.isLate ||= told.closes > 0;
        listener.onRoom();
      },
      onClose(error) {
        told.closes++;
        listener.onClose(error);
      },
    });
  return told;
}

/** Proxies and servers of both protocols, and whom their next connections belong to, by the port where these come from. */
class World {
  readonly set = new RelaySet({ maxConnections: 1e6, maxPerClient: 1e6, maxPendingPerClient: 1e6 });
  readonly proxyPorts = new Map<Protocol, number>();
  readonly targetPorts = new Map<Protocol, number>();
  readonly expected = new Map<string, (socket: RelaySocket | net.Socket) => void>();

  async begin(): Promise<void> {
    for (const protocol of protocols) {
      const listener = listenForRelay({ host: HOST, port: 0, isPlain: protocol === 'tcp' });
      open.push(() => listener.close());
      this.proxyPorts.set(protocol, listener.address.port);
      listener.serve({
        onArrival: ({ client, port }) => this.expected.get(`${listener.address.port} ${port}`)!(client),
        onShortage: (shortage) => expect.fail(shortage),
      });
      const target = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
      target.listen({ fd: listenKernel({ address: HOST, port: 0, protocol, backlog: 4096 }) });
      await once(target, 'listening');
      open.push(() => target.close());
      const { port } = target.address() as net.AddressInfo;
      this.targetPorts.set(protocol, port);
      target.on('connection', (socket) => {
        const expected = this.expected.get(`${port} ${String(socket.remotePort)}`);
        // It was reset before it was taken: then it is not known whose it was.
        if (expected === undefined) socket.on('error', () => undefined).destroy();
        else expected(socket);
      });
    }
  }
}

/** One scenario, from its first connection to the verdict. */
class Scenario {
  readonly plan: Plan;
  relay: Relay | undefined;
  private readonly world: World;
  private readonly random: SeededRandom;
  private readonly keys: string[] = [];
  private client!: RelayPeer;
  private server: RelayPeer | undefined;
  private readonly told: Told[] = [];
  private outcome: RelayOutcome | undefined;
  private over: (error?: Error) => void = () => undefined;
  private moved = 0;
  private mostHeld = 0;
  /** Whether the fault came about before the relay was over. */
  private hasFailed = false;
  private isFaultDue: boolean;

  constructor(world: World, seed: number) {
    this.world = world;
    this.random = new SeededRandom(seed);
    this.plan = drawPlan(this.random);
    this.isFaultDue = this.plan.fault !== undefined;
  }

  async run(): Promise<void> {
    const { plan, world } = this;
    const isOver = new Promise<void>((resolve, reject) => {
      this.over = (error) => (error === undefined ? resolve() : reject(error));
    });
    const port = world.proxyPorts.get(plan.listener)!;
    const fd = connectKernel({ address: HOST, port, protocol: plan.client });
    this.expect(`${port} ${localAddressOf(fd).port}`, (socket) => this.arrived(socket as RelaySocket));
    const socket = new net.Socket({ fd, allowHalfOpen: true });
    this.client = new RelayPeer(socket, [plan.up, plan.down], this.random.fork());
    let timer: NodeJS.Timeout | undefined;
    const isLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('it never ends')), PATIENCE_MS);
    });
    try {
      await Promise.race([isOver, isLate]);
      await Promise.race([this.client.closed, isLate]);
      await Promise.race([this.server?.closed, isLate]);
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${this.state()}`, { cause: error });
    } finally {
      clearTimeout(timer);
      for (const key of this.keys) world.expected.delete(key);
    }
    const wrong = this.verdict();
    if (wrong !== undefined) throw new Error(`${wrong}: ${this.state()}`);
  }

  private expect(key: string, then: (socket: RelaySocket | net.Socket) => void): void {
    this.keys.push(key);
    this.world.expected.set(key, then);
  }

  private arrived(client: RelaySocket): void {
    const { plan, world } = this;
    const place = world.set.admit(HOST);
    if (typeof place === 'string') throw new Error(place);
    const port = world.targetPorts.get(plan.target)!;
    const remote = connectForRelay({ address: loopback, port, isPlain: plan.onward === 'tcp' }, (error) => {
      if (error !== undefined) this.over(error);
      place.settle();
      this.told.push(watch(client), watch(remote));
      const relay = new Relay(client, remote, plan.pourFrom);
      this.relay = relay;
      const early = stretch(plan.up, plan.up.early);
      void world.set.run(relay, early, stretch(plan.down, plan.down.early)).then((outcome) => {
        place.release();
        this.outcome = outcome;
        this.over();
      });
      this.bothThere();
    });
    this.expect(`${port} ${localAddressOf(remote.fd!).port}`, (socket) => {
      this.server = new RelayPeer(socket as net.Socket, [plan.down, plan.up], this.random.fork());
      this.server.start((bytes) => this.progress(bytes));
      this.bothThere();
    });
    this.client.start((bytes) => this.progress(bytes));
    if (plan.fault?.when === 'arrival') this.act();
  }

  private bothThere(): void {
    const { fault } = this.plan;
    if (this.relay === undefined || this.server === undefined) return;
    if (typeof fault?.when === 'object' && 'ms' in fault.when) setTimeout(() => this.act(), fault.when.ms);
    else this.progress(0);
  }

  private progress(bytes: number): void {
    const { fault } = this.plan;
    this.moved += bytes;
    this.mostHeld = Math.max(this.mostHeld, this.relay?.heldBytes ?? 0);
    if (this.relay === undefined || this.server === undefined) return;
    if (typeof fault?.when === 'object' && 'bytes' in fault.when && this.moved >= fault.when.bytes)
      this.act();
  }

  private act(): void {
    const { fault } = this.plan;
    if (!this.isFaultDue || this.outcome !== undefined) return;
    this.isFaultDue = false;
    this.hasFailed = true;
    const { socket } = this[fault!.by]!;
    if (fault!.kind === 'abort') this.relay!.abort(fault!.outcome);
    else {
      // As resetAndDestroy, which refuses where an end is on its way.
      if (fault!.kind === 'reset' && !socket.destroyed) resetOnClose(descriptorOf(socket));
      socket.destroy();
    }
  }

  /** What is not as it is to be. */
  private verdict(): string | undefined {
    const { client, server, relay, told, plan } = this;
    const { clientBytes, serverBytes, heldBytes } = relay!;
    const wrong = client.wrong ?? server?.wrong;
    if (wrong !== undefined) return wrong;
    if (told.some(({ ends, closes, isLate }) => ends > 1 || closes !== 1 || isLate))
      return 'told otherwise than once';
    if (heldBytes > 0 || this.mostHeld > 2 * MAX_POURED_BYTES) return 'too much is held';
    if (clientBytes < (server?.received ?? 0) || serverBytes < client.received)
      return 'fewer counted than came';
    if (clientBytes > plan.up.size || serverBytes > plan.down.size) return 'more counted than sent';
    return this.hasFailed ? this.verdictOnFault(plan.fault!) : this.verdictOnWhole();
  }

  private verdictOnWhole(): string | undefined {
    const { client, server, relay, plan } = this;
    if (this.outcome !== 'ended') return 'another outcome than the end';
    if (client.errors.length > 0 || server!.errors.length > 0) return 'an error of one that ends';
    if (!client.heardEnd || !server!.heardEnd) return 'an end is missing';
    if (server!.received !== plan.up.size || client.received !== plan.down.size) return 'bytes are missing';
    if (relay!.clientBytes !== plan.up.size || relay!.serverBytes !== plan.down.size)
      return 'counts are not exact';
    return undefined;
  }

  private verdictOnFault({ kind, by, outcome }: Fault): string | undefined {
    const { client, server, plan } = this;
    const directions = [
      { from: 'client', sender: client, reader: server, size: plan.up.size },
      { from: 'server', sender: server, reader: client, size: plan.down.size },
    ] as const;
    const mayHaveEnded = (side: Side, sender: RelayPeer | undefined): boolean =>
      (kind === 'destroy' && by === side) || sender?.hasEnded === true;
    for (const { from, sender, reader, size } of directions) {
      if (reader?.heardEnd !== true) continue;
      if (!mayHaveEnded(from, sender)) return `the ${from} has not ended, and the other heard so`;
      if (sender?.hasEnded === true && !(kind === 'destroy' && by === from) && reader.received !== size)
        return `the end of the ${from} came before its bytes`;
    }
    if (this.outcome === 'ended' && kind !== 'abort')
      return directions.every(({ from, sender }) => mayHaveEnded(from, sender))
        ? undefined
        : 'an end where there was none';
    if (this.outcome !== outcome) return 'another outcome';
    const others = directions.filter(({ from }) => kind === 'abort' || from !== by);
    // Whoever has heard the end reads no more, and is told by its next write, if there is one.
    const untold = others.find(({ sender }) => sender?.errors.length === 0 && !sender.heardEnd);
    return untold && `the ${untold.from} was not told`;
  }

  private state(): string {
    const { client, server, relay, outcome, moved, hasFailed, told, plan } = this;
    const peers = [client, server].map((peer) =>
      peer === undefined
        ? 'none'
        : { received: peer.received, hasEnded: peer.hasEnded, heardEnd: peer.heardEnd, errors: peer.errors },
    );
    const counts = relay && [relay.clientBytes, relay.serverBytes, relay.heldBytes];
    return JSON.stringify({ outcome, peers, counts, moved, hasFailed, told, plan });
  }
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

describeWith('relays between any peers', [callable], () => {
  it(
    'carry every byte, or tell both sides that they did not, and leave nothing behind',
    async () => {
      const loop = sharedLoop();
      const { pipes } = loop;
      sharedBudget();
      const world = new World();
      await world.begin();
      const listeners = loop.size;
      pipes.clear();
      const before = descriptors();
      let next = 0;
      let bytes = 0;
      const worker = async (): Promise<void> => {
        while (next < SCENARIOS) {
          const seed = FIRST_SEED + next++;
          const scenario = new Scenario(world, seed);
          try {
            await scenario.run();
          } catch (error) {
            const again = `SUBFLOW_RELAY_SEED=${seed} has it first, ${FIRST_SEED} among the same neighbours`;
            throw new Error(`${again}: ${(error as Error).message}`, { cause: error });
          }
          bytes += scenario.relay!.bytes;
        }
      };
      await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
      const { set } = world;
      expect([set.connections, set.active, set.clientCount]).toEqual([0, 0, 0]);
      expect(set.totals.clientBytes + set.totals.serverBytes).toBe(bytes);
      expect([loop.size, pipes.lentPipes]).toEqual([listeners, 0]);
      pipes.clear();
      await expect.poll(descriptors).toBeLessThanOrEqual(before);
    },
    LONGEST_MS,
  );

  it('answer 200 that ask beside 4 that send all they can', async () => {
    const listen = async (onConnection: (socket: net.Socket) => void): Promise<number> => {
      const server = net.createServer(onConnection).listen({ port: 0, host: HOST, backlog: 4096 });
      open.push(() => server.close());
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      const listener = listenForRelay({ host: HOST, port: 0, isPlain: true });
      open.push(() => listener.close());
      listener.serve({
        onArrival({ client }) {
          const remote = connectForRelay({ address: loopback, port, isPlain: true }, (error) => {
            expect(error).toBeUndefined();
            new Relay(client, remote).start();
          });
        },
        onShortage: (shortage) => expect.fail(shortage),
      });
      return listener.address.port;
    };
    const connected = async (port: number): Promise<net.Socket> => {
      const socket = net.connect({ port, host: HOST }).on('error', () => undefined);
      open.push(() => socket.destroy());
      await once(socket, 'connect');
      return socket;
    };
    const echo = await listen((socket) => socket.on('error', () => undefined).pipe(socket));
    let poured = 0;
    const sink = await listen((socket) => {
      socket.on('error', () => undefined).on('data', (chunk: Buffer) => (poured += chunk.length));
    });
    const askers = await Promise.all(Array.from({ length: 200 }, () => connected(echo)));
    for (let i = 0; i < 4; i++) {
      const bulk = await connected(sink);
      const fill = (): void => {
        while (!bulk.destroyed && bulk.write(pool.subarray(0, 65_536)));
      };
      bulk.on('drain', fill);
      fill();
    }
    await Promise.all(
      askers.map(async (asker, i) => {
        for (let round = 0; round < 20; round++) {
          const question = `${i} asks ${round}.`;
          asker.write(question);
          let answer = '';
          while (answer.length < question.length) answer += String((await once(asker, 'data'))[0]);
          expect(answer).toBe(question);
        }
      }),
    );
    expect(poured).toBeGreaterThan(0);
  });
});
