/**
 * A converter whose clients connect, stall, reset and vanish, over uplinks that flap. A minute, or as long as SUBFLOW_CHURN_SECONDS says
 * (`npm run churn`: an hour): then it holds no more than it did after the first rounds.
 */
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { connectKernel, kernelMptcp, mayCreateNamespaces, NetworkNamespace } from '../../src/linux/index.js';
import { askFor, type Holdings, RelayProcess, spawnEcho } from '../support/relay-process.js';
import { describeWith } from '../support/with-rights.js';

const SECONDS = Number(process.env['SUBFLOW_CHURN_SECONDS'] ?? 40);
/** Clients of a round, and rounds after which holdings are taken as what it needs. */
const CLIENTS = 24;
const WARM_UP_ROUNDS = 3;
const MAX_ROUNDS = 100_000;
/** Time after which the converter gives up on a client that says nothing, in ms. */
const IDLE_MS = 2_000;
/** What caches and the collector may add, whatever the number of rounds. */
const SLACK_BYTES = 3_000_000;
const SLACK_DESCRIPTORS = 40;
const PROXY = '10.7.1.2';

const ended: (() => void)[] = [];
afterAll(() => {
  for (const end of ended.reverse()) end();
});

/** Bytes that tell where in which stream they are. */
function stream(index: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 8 <= length; at += 8) bytes.writeUInt32LE(at, bytes.writeUInt32LE(index, at));
  return bytes;
}

/** A client's namespace with two links to the proxy's; their numbers tell them from others'. */
function joined(proxy: NetworkNamespace, label: string, first: number): NetworkNamespace {
  const client = NetworkNamespace.create(label);
  client.ip('mptcp limits set subflow 4 add_addr_accepted 4');
  for (const link of [first, first + 1]) {
    client.connectTo(proxy, `up${link}`, `down${link}`);
    client.ip(`address add 10.7.${link}.1/24 dev up${link}`);
    proxy.ip(`address add 10.7.${link}.2/24 dev down${link}`);
  }
  client.ip(`mptcp endpoint add 10.7.${first + 1}.1 dev up${first + 1} subflow fullmesh`);
  return client;
}

interface World {
  readonly proxy: NetworkNamespace;
  readonly relay: RelayProcess;
  readonly echoPort: number;
}

async function connected(
  { relay, echoPort }: World,
  namespace: NetworkNamespace,
  address = PROXY,
  isMultipath = true,
): Promise<net.Socket | undefined> {
  const protocol = isMultipath ? 'mptcp' : 'tcp';
  const socket = new net.Socket({
    fd: connectKernel({ address, port: relay.port, protocol, namespace }),
    allowHalfOpen: true,
  });
  socket.on('error', () => undefined);
  return (await askFor(socket, PROXY, echoPort)) ? socket : undefined;
}

/** All that was sent comes back, in order, over links that come and go. */
async function exchange(socket: net.Socket, index: number): Promise<boolean> {
  const sent = stream(index, 100_000 + 1_000 * (index % 50));
  const chunks: Buffer[] = [];
  const over = once(socket, 'close').catch(() => undefined);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', () => socket.destroy());
  socket.end(sent);
  socket.resume();
  await over;
  return Buffer.concat(chunks).equals(sent);
}

/** What one client does; whether all was well with its bytes. */
async function client(world: World, uplinks: NetworkNamespace, index: number): Promise<boolean> {
  const socket = await connected(world, uplinks, PROXY, index % 2 === 0);
  if (socket === undefined) return false;
  if (index % 4 === 0 || index % 4 === 1) return exchange(socket, index);
  socket.write(stream(index, 300_000));
  if (index % 4 === 2) {
    // It takes nothing of what comes back, and then is gone without an end in good order.
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.resetAndDestroy();
  } else socket.destroy();
  return true;
}

/** Clients whose links go down for ever under them: neither an end nor a reset gets out. */
async function vanishing(world: World): Promise<void> {
  const ghost = joined(world.proxy, 'ghost', 3);
  try {
    const sockets = await Promise.all(
      Array.from({ length: 4 }, (_, i) => connected(world, ghost, '10.7.3.2', i % 2 === 0)),
    );
    for (const socket of sockets) socket?.write(stream(1, 50_000));
    ghost.ip('link del up3', 'link del up4');
    for (const socket of sockets) socket?.destroy();
  } finally {
    ghost.close();
  }
}

async function settled(relay: RelayProcess): Promise<Holdings> {
  await expect
    .poll(async () => (await relay.holdings()).connections, { timeout: 60_000, interval: 200 })
    .toBe(0);
  return relay.holdings();
}

async function world(): Promise<World> {
  const proxy = NetworkNamespace.create('proxy');
  ended.push(() => proxy.close());
  proxy.ip('mptcp limits set subflow 4 add_addr_accepted 4');
  const spawner = proxy.spawn.bind(proxy);
  const echo = spawnEcho(spawner, '0.0.0.0');
  const [echoPort] = (await once(echo, 'message')) as [number];
  const rules = {
    clients: ['10.7.0.0/16'],
    deny: [],
    allowPrivate: true,
    allowLoopback: true,
  };
  const limits = { idleMs: IDLE_MS };
  const relay = await RelayProcess.start(
    { host: '0.0.0.0', port: 0, rules, limits, helloMs: 2_000 },
    spawner,
  );
  return { proxy, relay, echoPort };
}

describeWith('a converter in churn', [mayCreateNamespaces(), kernelMptcp()], () => {
  it(
    'loses no byte, keeps no connection, and leaks neither descriptors nor memory, whatever its clients and their uplinks do',
    async () => {
      const here = await world();
      const uplinks = joined(here.proxy, 'client', 1);
      ended.push(() => uplinks.close());
      const until = Date.now() + SECONDS * 1000;
      let early: Holdings | undefined;
      let exchanged = 0;
      for (let round = 0; round < MAX_ROUNDS && (early === undefined || Date.now() < until); round++) {
        const clients = Array.from({ length: CLIENTS }, (_, i) => client(here, uplinks, round * CLIENTS + i));
        // The second uplink comes and goes under them; what joined there goes on over the first.
        uplinks.ip('link set up2 down');
        const gone = vanishing(here);
        await new Promise((resolve) => setTimeout(resolve, 100));
        uplinks.ip('link set up2 up');
        const results = await Promise.all(clients);
        await gone;
        expect(results, `round ${round}`).toEqual(results.map(() => true));
        exchanged += results.length / 2;
        if (round + 1 === WARM_UP_ROUNDS) early = await settled(here.relay);
      }
      const late = await settled(here.relay);
      expect(exchanged).toBeGreaterThanOrEqual((WARM_UP_ROUNDS * CLIENTS) / 2);
      expect(late.relays).toBe(0);
      expect(late.descriptors).toBeLessThanOrEqual(early!.descriptors + SLACK_DESCRIPTORS);
      expect(late.bytes).toBeLessThanOrEqual(early!.bytes + SLACK_BYTES);
    },
    SECONDS * 1000 + 200_000,
  );
});
