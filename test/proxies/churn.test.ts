/**
 * A converter and a proxy whose clients connect, stall, reset and vanish, over uplinks that flap. Less than a minute, or as long as
 * SUBFLOW_CHURN_SECONDS says (`npm run churn`: an hour): then both hold no more than they did after the first rounds.
 */
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { connectKernel, kernelMptcp, mayCreateNamespaces, NetworkNamespace } from '../../src/linux/index.js';
import { askFor, askProxy, type Holdings, RelayProcess, spawnEcho } from '../support/relay-process.js';
import { describeWith } from '../support/with-rights.js';

const SECONDS = Number(process.env['SUBFLOW_CHURN_SECONDS'] ?? 20);
/** Clients of a round, and rounds after which holdings are taken as what it needs. */
const CLIENTS = 24;
const WARM_UP_ROUNDS = 3;
const MAX_ROUNDS = 100_000;
/**
 * Time after which a client that says nothing is given up, in ms, and one that has not said what it wants: longer than this process, which makes
 * and removes links meanwhile, may be held up on a busy machine.
 */
const IDLE_MS = 5_000;
const REQUEST_MS = 5_000;
/** What caches and the collector may add, whatever the number of rounds. */
const SLACK_BYTES = 3_000_000;
const SLACK_DESCRIPTORS = 40;
const PROXY = '10.7.1.2';
/** How clients say what they want: the first of a converter, the others of a proxy. */
const ways = ['convert', 'socks5', 'http'] as const;
type Way = (typeof ways)[number];

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
  readonly machine: NetworkNamespace;
  readonly converter: RelayProcess;
  readonly proxy: RelayProcess;
  readonly echoPort: number;
}

/** A client: how it says what it wants, over Multipath TCP or not, and from where to where. */
interface Client {
  readonly way: Way;
  readonly isMultipath: boolean;
  readonly from: NetworkNamespace;
  readonly to?: string;
}

function dialled({ converter, proxy }: World, { way, isMultipath, from, to = PROXY }: Client): net.Socket {
  const { port } = way === 'convert' ? converter : proxy;
  const protocol = isMultipath ? 'mptcp' : 'tcp';
  const fd = connectKernel({ address: to, port, protocol, namespace: from });
  return new net.Socket({ fd, allowHalfOpen: true }).on('error', () => undefined);
}

async function connected(world: World, client: Client): Promise<net.Socket | undefined> {
  const socket = dialled(world, client);
  const { way } = client;
  const { echoPort } = world;
  const isThere =
    way === 'convert' ? await askFor(socket, PROXY, echoPort) : await askProxy(socket, way, PROXY, echoPort);
  return isThere ? socket : undefined;
}

/** A client that says half of what it wants, and no more; settles when it is given up. */
async function stalling(world: World, client: Client): Promise<void> {
  const socket = dialled(world, client);
  socket.write(client.way === 'http' ? 'CONNECT ' : Uint8Array.of(client.way === 'socks5' ? 5 : 1));
  const over = once(socket, 'close').catch(() => undefined);
  // An answer that comes before the end is of no interest.
  socket.once('end', () => socket.destroy()).resume();
  await over;
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

/** What one client does, and what became of it. */
async function client(
  world: World,
  from: NetworkNamespace,
  index: number,
): Promise<'fine' | 'refused' | 'other bytes'> {
  const socket = await connected(world, { way: ways[index % 3]!, isMultipath: index % 2 === 0, from });
  if (socket === undefined) return 'refused';
  if (index % 4 === 0 || index % 4 === 1) return (await exchange(socket, index)) ? 'fine' : 'other bytes';
  socket.write(stream(index, 300_000));
  if (index % 4 === 2) {
    // It takes nothing of what comes back, and then is gone without an end in good order.
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.resetAndDestroy();
  } else socket.destroy();
  return 'fine';
}

/** Clients whose links go down for ever under them: neither an end nor a reset gets out. */
async function vanishing(world: World): Promise<void> {
  const ghost = joined(world.machine, 'ghost', 3);
  try {
    const clients = ways.flatMap((way) => [true, false].map((isMultipath) => ({ way, isMultipath })));
    const sockets = await Promise.all(
      clients.map((each) => connected(world, { ...each, from: ghost, to: '10.7.3.2' })),
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

async function makeWorld(): Promise<World> {
  const machine = NetworkNamespace.create('proxy');
  ended.push(() => machine.close());
  machine.ip('mptcp limits set subflow 4 add_addr_accepted 4');
  const spawner = machine.spawn.bind(machine);
  const echo = spawnEcho(spawner, '0.0.0.0');
  const [echoPort] = (await once(echo, 'message')) as [number];
  const rules = {
    clients: ['10.7.0.0/16'],
    deny: [],
    allowPrivate: true,
    allowLoopback: true,
  };
  const limits = { idleMs: IDLE_MS };
  const place = { host: '0.0.0.0', port: 0 };
  const converter = await RelayProcess.start({ ...place, rules, limits, helloMs: REQUEST_MS }, spawner);
  const options = { listen: [place], rules, limits, requestMs: REQUEST_MS };
  return { machine, converter, proxy: await RelayProcess.startProxy(options, spawner), echoPort };
}

describeWith('a converter and a proxy in churn', [mayCreateNamespaces(), kernelMptcp()], () => {
  it(
    'lose no byte, keep no connection, and leak neither descriptors nor memory, whatever their clients and their uplinks do',
    async () => {
      const here = await makeWorld();
      const relays = [here.converter, here.proxy];
      const uplinks = joined(here.machine, 'client', 1);
      ended.push(() => uplinks.close());
      const until = Date.now() + SECONDS * 1000;
      let early: Holdings[] | undefined;
      let exchanged = 0;
      let rounds = 0;
      /** They take longer than a round. */
      const stalled = new Set<Promise<void>>();
      for (let round = 0; round < MAX_ROUNDS && (early === undefined || Date.now() < until); round++) {
        for (const way of ways) {
          const stall = stalling(here, { way, isMultipath: round % 2 === 0, from: uplinks });
          stalled.add(stall);
          void stall.then(() => stalled.delete(stall));
        }
        const clients = Array.from({ length: CLIENTS }, (_, i) => client(here, uplinks, round * CLIENTS + i));
        // The second uplink comes and goes under them; what joined there goes on over the first.
        uplinks.ip('link set up2 down');
        const gone = vanishing(here);
        await new Promise((resolve) => setTimeout(resolve, 100));
        uplinks.ip('link set up2 up');
        const results = await Promise.all(clients);
        await gone;
        expect(results, `round ${round}`).toEqual(results.map(() => 'fine'));
        exchanged += results.length / 2;
        rounds++;
        if (rounds === WARM_UP_ROUNDS) early = await Promise.all(relays.map(settled));
      }
      await Promise.all(stalled);
      const late = await Promise.all(relays.map(settled));
      expect(exchanged).toBeGreaterThanOrEqual((WARM_UP_ROUNDS * CLIENTS) / 2);
      for (const [i, after] of late.entries()) {
        expect(after.relays).toBe(0);
        expect(after.descriptors).toBeLessThanOrEqual(early![i]!.descriptors + SLACK_DESCRIPTORS);
        expect(after.bytes).toBeLessThanOrEqual(early![i]!.bytes + SLACK_BYTES);
      }
      if (SECONDS >= 60) console.log(JSON.stringify({ rounds, exchanged, early, late }));
    },
    SECONDS * 1000 + 200_000,
  );
});
