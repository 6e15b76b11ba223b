/**
 * Packets and the verdicts on them, one file a design: what every data path has to reproduce, bit for bit. The files are made by
 * this test with `npx vitest run test/balancer --update=true`; what the verdicts ought to be is tested beside the designs.
 */
import { describe, expect, it } from 'vitest';
import {
  Balancer,
  defaultJoinPortBase,
  type DesignName,
  designNames,
  type ServerSpec,
  verdictActionNames,
  verdictReasonNames,
} from '../../src/balancer/index.js';
import { SECOND, SeededRandom, uint64 } from '../../src/base/index.js';
import { deriveToken, TcpFlag } from '../../src/wire/index.js';
import { ClientFlow, server, servers, services } from '../support/balancer-packets.js';

/** Limits that the steps come by. */
const settings = {
  maxFlows: 64,
  maxNewFlows: 16,
  maxTokens: 16,
  maglevPlaces: 251,
  buckets: 128,
  serverBits: 8,
};
const seed = 1;

/** One thing that happens: a packet, or a new list of servers. */
type Step =
  { readonly name: string; readonly packet: Uint8Array } | { readonly servers: readonly ServerSpec[] };

/** The packets of one client for which the designs differ, in the order in which they would come. */
function flowSteps(family: 4 | 6, host: number): Step[] {
  const key = BigInt(host) * 0x0101_0101_0101n + 7n;
  const steps: Step[] = [];
  const add = (name: string, packet: Uint8Array): unknown =>
    steps.push({ name: `${name}, IPv${family}`, packet });
  const first = new ClientFlow(host, 40_000 + host, family);
  for (const version of [1, 0] as const) {
    const flow = new ClientFlow(host, 41_000 + host + version, family);
    add(`SYN with MP_CAPABLE, version ${version}`, flow.syn(version));
    add(`third ACK, version ${version}`, flow.thirdAck(key, version));
    const token = deriveToken(uint64(key), version);
    const join = new ClientFlow(host + 100, 42_000 + host + version, family);
    add(`SYN with MP_JOIN, version ${version}`, join.join(token));
    add('data of the join', join.data());
  }
  add('third ACK with data', first.thirdAck(key + 1n, 1, 20));
  add('third ACK with data and checksum', first.thirdAck(key + 2n, 1, 20, 0x1234));
  for (const id of [1, 2, 77]) add(`data that echoes the timestamp of server ${id}`, first.data(0x7700 + id));
  add('SYN with MP_JOIN, a token of server 3', new ClientFlow(host, 5, family).join(0xabcd_0003));
  add('SYN with MP_JOIN, a token of nobody', new ClientFlow(host, 6, family).join(0xabcd_0099));
  for (const id of [2, 4, 99]) {
    const direct = new ClientFlow(host, 43_000 + host, family, defaultJoinPortBase + id);
    add(`SYN with MP_JOIN to the port of server ${id}`, direct.join(0xabcd_0001));
    add(`FIN to the port of server ${id}`, direct.data(undefined, TcpFlag.FIN | TcpFlag.ACK));
  }
  add('packet too big, quoting all of the header', first.tooBig(100, 0x7702));
  add('packet too big, quoting 8 bytes', first.tooBig(family === 4 ? 28 : 48));
  add('RST', first.data(undefined, TcpFlag.RST));
  return steps;
}

/** Packets that no design steers. */
function oddSteps(): Step[] {
  const flow = new ClientFlow(9);
  const fragment = flow.data();
  fragment[6] = 0x20;
  const later = flow.data();
  later[7] = 0x10;
  const cut = flow.data();
  cut[32] = 0x10;
  const tunnel = flow.data();
  tunnel[9] = 4;
  const udp = flow.data();
  udp[9] = 17;
  const routed = new ClientFlow(9, 40_000, 6).data();
  const withRouting = new Uint8Array(routed.length + 8);
  withRouting.set(routed.subarray(0, 40));
  withRouting.set([6, 0, 4, 1, 0, 0, 0, 0], 40);
  withRouting.set(routed.subarray(40), 48);
  withRouting[6] = 43;
  withRouting[5]! += 8;
  return [
    { name: 'IPv6 with a routing header that has a place left', packet: withRouting },
    { name: 'first fragment', packet: fragment },
    { name: 'later fragment', packet: later },
    { name: 'TCP data offset too small', packet: cut },
    { name: 'IPv4 in IPv4', packet: tunnel },
    { name: 'UDP', packet: udp },
    { name: 'another address', packet: flow.packet({ destination: '192.0.2.81' }) },
    { name: 'another port', packet: new ClientFlow(9, 40_000, 4, 81).syn() },
    { name: 'nothing', packet: new Uint8Array(0) },
    { name: 'one byte', packet: new Uint8Array([0x45]) },
  ];
}

function script(): Step[] {
  const flows = [1, 2].flatMap((host) => [...flowSteps(4, host), ...flowSteps(6, host)]);
  const some = flows.slice(0, 50);
  return [
    ...oddSteps(),
    ...flows,
    { servers: servers(5) },
    ...flows,
    { servers: [server(1), server(2, { state: 'draining' }), server(3, { weight: 3 }), server(5)] },
    ...some,
    { servers: [server(1), server(2, { state: 'draining' })] },
    ...some,
    { servers: [] },
    ...some.slice(0, 5),
  ];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const listed = (list: readonly ServerSpec[]) =>
  list.map(({ id, address, weight = 1, state = 'up' }) => ({
    id,
    address: address.toString(),
    weight,
    state,
  }));

/** Runs the script, a second a step, and gives what a data path has to reproduce. */
function fixture(design: DesignName): string {
  const balancer = new Balancer(SECOND, {
    design,
    services,
    servers: servers(4),
    random: new SeededRandom(seed),
    settings,
  });
  const lines = script().map((step, index) => {
    const atSeconds = index + 1;
    const now = atSeconds * SECOND;
    if (balancer.pollTimeout() <= now) balancer.handleTimeout(now);
    if ('servers' in step) {
      balancer.setServers(now, step.servers);
      return { atSeconds, servers: listed(step.servers) };
    }
    const verdict = balancer.steer(now, step.packet);
    return {
      ...{ atSeconds, name: step.name, packet: hex(step.packet) },
      action: verdictActionNames[verdict.action],
      reason: verdictReasonNames[verdict.reason],
      server: verdict.server?.id ?? 0,
      previous: verdict.previous?.id ?? 0,
      movedAtSeconds: verdict.movedAtSeconds,
      generation: verdict.generation,
    };
  });
  const head = {
    ...{ schema: 'subflow/balancer-fixture/1', design, joinPortBase: defaultJoinPortBase, settings },
    services: services.map(({ address, port }) => ({ address: address.toString(), port })),
    servers: listed(servers(4)),
  };
  const steps = lines.map((line) => `    ${JSON.stringify(line)}`).join(',\n');
  return `${JSON.stringify(head).slice(0, -1)},\n  "steps": [\n${steps}\n  ]\n}\n`;
}

describe('the fixtures', () => {
  it.each(designNames)('of %s hold', async (design) => {
    await expect(fixture(design)).toMatchFileSnapshot(`fixtures/${design}.json`);
  });

  it('have every action and every reason in them', () => {
    const all = designNames.map(fixture).join('');
    for (const name of verdictActionNames) expect(all).toContain(`"action":"${name}"`);
    for (const name of verdictReasonNames) expect(all).toContain(`"reason":"${name}"`);
  });
});
