/** The live part of the lab's server, as pages of its own and of others, and no browser, would speak to it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../../../../test/support/with-rights.js';
import { machineSchema, type MachineState, MAX_COMMAND_BYTES } from '../../../lab/index.js';
import { kernelMptcp, mayCreateNamespaces, NetworkNamespace } from '../../../linux/index.js';
import { type LabServer, MAX_STREAMS, serveLab } from '../index.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-live-'));
const patience = { timeout: 20_000 };
let server: LabServer;
let closed: LabServer;
let port: number;
const open: { destroy(): unknown }[] = [];

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><head><title>lab</title></head>');
  writeFileSync(join(folder, 'assets', 'live-worker-Ab_1.js'), '');
  writeFileSync(join(folder, 'assets', 'view-x.js'), '');
  server = await serveLab({ folder, live: { serviceFolders: [] } });
  closed = await serveLab({ folder });
  port = Number(new URL(server.url).port);
});
afterEach(async () => {
  for (const each of open.splice(0)) each.destroy();
  await expect.poll(() => server.isLooking, patience).toBe(false);
});
afterAll(async () => {
  await server.close();
  await closed.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly to?: LabServer;
}

/** Asks as a program would, which may say anything; gives the status, and leaves a body that goes on to itself. */
function ask({ method = 'GET', path = '/api/state', headers = {}, body, to = server }: Ask): Promise<number> {
  return new Promise((resolve, reject) => {
    const { port: at } = new URL(to.url);
    const request = http.request({ host: '127.0.0.1', port: at, method, path, headers }, (response) => {
      resolve(response.statusCode!);
      response.destroy();
    });
    request.on('error', reject);
    request.end(body);
  });
}

const bearer = (token = server.token!): Record<string, string> => ({ authorization: `Bearer ${token}` });
const own = (to = server): Record<string, string> => ({ origin: to.url.slice(0, -1) });
const json = { 'content-type': 'application/json' };

/** A stream that is read line by line. */
function stream(to = server): {
  readonly states: MachineState[];
  readonly response: Promise<http.IncomingMessage>;
} {
  const states: MachineState[] = [];
  const response = new Promise<http.IncomingMessage>((resolve, reject) => {
    const request = http.get(`${to.url}api/state`, { headers: bearer(to.token) }, resolve);
    request.on('error', reject);
  });
  let rest = '';
  void response.then((message) => {
    open.push(message);
    message.on('error', () => undefined);
    message.on('data', (bytes) => {
      const lines = (rest + String(bytes)).split('\n');
      rest = lines.pop()!;
      states.push(...lines.map((line) => JSON.parse(line) as MachineState));
    });
  });
  return { states, response };
}

describe('the state of a machine, served', () => {
  it('is a line of JSON a look, for as long as somebody reads', async () => {
    const { states, response } = stream();
    expect((await response).headers).toMatchObject({
      'content-type': 'application/x-ndjson; charset=utf-8',
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
    });
    await expect.poll(() => states.length, patience).toBeGreaterThan(1);
    expect(states[0]).toMatchObject({ schema: machineSchema, allowsControl: false });
    expect(server.isLooking).toBe(true);
    (await response).destroy();
    await expect.poll(() => server.isLooking, patience).toBe(false);
  });

  it('takes the token, and is where it was wanted alone', async () => {
    expect(await ask({})).toBe(401);
    for (const wrong of ['', 'x', server.token!.slice(1), `${server.token!}0`, '0'.repeat(32)])
      expect(await ask({ headers: bearer(wrong) }), wrong).toBe(401);
    expect(await ask({ path: `/api/state?token=${server.token!}` })).toBe(401);
    expect(await ask({ headers: bearer() })).toBe(200);
    expect(closed.token).toBeUndefined();
    expect(await ask({ headers: bearer(), to: closed })).toBe(404);
    expect(server.token).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is not for other pages, whatever they know: other names of this server, other origins, other sites', async () => {
    const host = `rebound.example:${port}`;
    expect(await ask({ headers: { ...bearer(), host } })).toBe(421);
    expect(await ask({ headers: { ...bearer(), host, origin: `http://${host}` } })).toBe(421);
    expect(await ask({ headers: { ...bearer(), origin: 'http://other.example' } })).toBe(403);
    expect(await ask({ headers: { ...bearer(), origin: 'null' } })).toBe(403);
    expect(await ask({ headers: { ...bearer(), 'sec-fetch-site': 'cross-site' } })).toBe(403);
    expect(
      await ask({ method: 'OPTIONS', headers: { 'access-control-request-headers': 'authorization' } }),
    ).toBe(405);
    const headers = { ...bearer(), ...json };
    for (const origin of ['http://other.example', 'null', `https://127.0.0.1:${port}`])
      expect(await ask({ method: 'POST', path: '/api/control', headers: { ...headers, origin } })).toBe(403);
  });

  it('takes the method of each path and no other, and no WebSocket', async () => {
    for (const method of ['TRACE', 'POST', 'PUT', 'DELETE', 'HEAD'])
      expect(await ask({ method, headers: { ...bearer(), ...own() } }), method).toBe(405);
    expect(await ask({ path: '/api/control', headers: bearer() })).toBe(405);
    expect(await ask({ path: '/api/', headers: bearer() })).toBe(404);
    expect(await ask({ path: '/api/state/', headers: bearer() })).toBe(404);
    for (const origin of ['http://other.example', server.url.slice(0, -1)]) {
      const socket = {
        ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      };
      expect(await ask({ headers: { ...bearer(), origin, ...socket } })).toBe(403);
    }
  });

  it('bears fields without end, targets that are none, and goes on', async () => {
    expect(await ask({ headers: { ...bearer(), cookie: 'x'.repeat(9000) } })).toBe(431);
    for (const path of ['//other.example/', '/\\\\[x', '/\\other.example/api/state'])
      expect(await ask({ path, headers: bearer() }), path).toBe(400);
    expect(await ask({ headers: bearer() })).toBe(200);
  });

  it('goes to a few pages at a time', async () => {
    const streams = Array.from({ length: MAX_STREAMS }, () => stream());
    for (const { response } of streams) expect((await response).statusCode).toBe(200);
    expect(await ask({ headers: bearer() })).toBe(503);
    (await streams[0]!.response).destroy();
    await expect.poll(() => ask({ headers: bearer() }), patience).toBe(200);
  });

  it('is served beside a page that says so, of which one worker alone may ask', async () => {
    const mark = '<meta name="subflow-live"';
    const page = await fetch(server.url);
    expect(await page.text()).toContain(mark);
    expect(page.headers.get('content-security-policy')).toContain("connect-src 'none'");
    expect(await (await fetch(closed.url)).text()).not.toContain(mark);
    const policyOf = async (name: string, to = server): Promise<string> =>
      (await fetch(`${to.url}assets/${name}`)).headers.get('content-security-policy')!;
    expect(await policyOf('live-worker-Ab_1.js')).toContain("connect-src 'self'");
    expect(await policyOf('view-x.js')).toContain("connect-src 'none'");
    expect(await policyOf('live-worker-Ab_1.js', closed)).toContain("connect-src 'none'");
  });
});

describeWith('endpoints and limits from a page', [kernelMptcp(), mayCreateNamespaces()], () => {
  let namespace: NetworkNamespace;
  let lab: LabServer;
  const said: string[] = [];
  beforeAll(async () => {
    namespace = NetworkNamespace.create('lab');
    namespace.ip(
      'link add path0 type veth peer name path1',
      'link set path0 up',
      'address add 10.0.5.1/24 dev path0',
    );
    lab = await serveLab({
      folder,
      live: {
        ...{ namespace: namespace.path, serviceFolders: [], allowsControl: true },
        onControl: (answer) => said.push(answer.said),
      },
    });
  });
  afterAll(async () => {
    await lab.close();
    namespace.close();
  });

  const post = (body: unknown, headers = {}): Promise<number> =>
    ask({
      ...{ to: lab, method: 'POST', path: '/api/control' },
      headers: { ...bearer(lab.token), ...own(lab), ...json, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const endpoints = (): string => namespace.ip('mptcp endpoint show');

  it('are changed as `ip mptcp` would, and refused as the kernel refuses them', async () => {
    const address = '10.0.5.1';
    expect(await post({ do: 'add', address, flags: ['subflow'], device: 'path0', id: 7 })).toBe(200);
    expect(endpoints()).toMatch(/10\.0\.5\.1 id 7 subflow dev path0/);
    expect(await post({ do: 'add', address, flags: ['subflow'] })).toBe(409);
    expect(await post({ do: 'add', address: '10.0.5.2', flags: ['signal'], device: 'none' })).toBe(409);
    for (const wrong of [
      ...[{ address: '0.0.0.0' }, { address: '224.0.0.1' }, { flags: ['signal', 'fullmesh'] }, { port: 80 }],
    ])
      expect(await post({ do: 'add', address: '10.0.5.2', flags: ['subflow'], ...wrong })).toBe(409);
    expect(await post({ do: 'change', id: 7, address, flags: ['backup'] })).toBe(200);
    expect(endpoints()).toMatch(/subflow backup/);
    expect(await post({ do: 'limits', subflows: 3, addAddrAccepted: 2 })).toBe(200);
    expect(namespace.ip('mptcp limits show')).toMatch(/add_addr_accepted 2 subflows 3/);
    // The number may be another's by now.
    expect(await post({ do: 'remove', id: 7, address: '10.0.5.9' })).toBe(409);
    const { states } = stream(lab);
    await expect.poll(() => states.length, patience).toBeGreaterThan(0);
    expect(states[0]).toMatchObject({
      allowsControl: true,
      paths: {
        limits: { subflows: 3, addAddrAccepted: 2 },
        endpoints: [
          { id: 7, address, device: 'path0', flags: ['subflow', 'backup'], subflows: 0, aloneFor: 0 },
        ],
      },
    });
    expect(await post({ do: 'remove', id: 7, address })).toBe(200);
    expect(endpoints()).not.toContain(address);
    expect(said).toContain(`endpoint ${address} removed`);
  });

  it('are not changed by what is no command, is too long, or comes otherwise than from the page', async () => {
    const address = '10.0.5.1';
    const command = { do: 'add', address, flags: ['subflow'] };
    const deep = `${'['.repeat(2000)}${']'.repeat(2000)}`;
    for (const wrong of [
      ...[
        '',
        '{',
        'null',
        '[]',
        deep,
        { do: 'flush' },
        { ...command, address: 'x' },
        { ...command, flags: [] },
      ],
      ...[
        { ...command, more: 1 },
        { ...command, flags: ['implicit'] },
        { ...command, id: 256 },
      ],
      ...[
        { ...command, id: 1.5 },
        { do: 'limits', subflows: 9 },
        { do: 'remove', id: 0, address },
      ],
      `{"__proto__":{"do":"limits"},"do":"add","address":"${address}","flags":["subflow"]}`,
    ])
      expect(await post(wrong), JSON.stringify(wrong).slice(0, 80)).toBe(400);
    expect(await post(JSON.stringify(command).padEnd(MAX_COMMAND_BYTES + 1))).toBe(413);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])
      expect(await post(command, { 'content-type': type }), type).toBe(415);
    expect(await post(command, { authorization: '' })).toBe(401);
    const headers = { ...bearer(lab.token), ...json };
    const body = JSON.stringify(command);
    expect(await ask({ to: lab, method: 'POST', path: '/api/control', headers, body })).toBe(403);
    expect(endpoints()).toBe('');
  });

  it('are shown as far as they can be where Multipath TCP is off, with what is missing', async () => {
    const off = NetworkNamespace.create('off');
    const without = await serveLab({
      folder,
      live: { namespace: off.path, serviceFolders: [], allowsControl: true },
    });
    open.push({ destroy: () => without.close().then(() => off.close()) });
    off.sysctl('net.mptcp.enabled', 0);
    const { states } = stream(without);
    await expect.poll(() => states.length, patience).toBeGreaterThan(0);
    expect(states[0]!.lacks.join()).toContain('switched off. Switch it on: sysctl');
    expect(states[0]).toMatchObject({ connections: [], paths: { endpoints: [] } });
    const nowhere = await serveLab({ folder, live: { namespace: '/none', serviceFolders: [] } });
    open.push({ destroy: () => nowhere.close() });
    const { states: none } = stream(nowhere);
    await expect.poll(() => none.length, patience).toBeGreaterThan(0);
    expect(none[0]!.lacks.join()).toContain('ENOENT');
  });

  it('are not changed where that was not wanted', async () => {
    const headers = { ...bearer(), ...own(), ...json };
    const body = JSON.stringify({ do: 'limits', subflows: 1 });
    expect(await ask({ method: 'POST', path: '/api/control', headers, body })).toBe(403);
  });
});
