import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ServerAgent } from '../../node/index.js';
import { IpAddress } from '../../wire/index.js';
import { completePlace, followServers, markOfFile } from './agent-config.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'subflow-agent-config-'));
  file = join(folder, 'balance.json');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

function write(...servers: readonly string[]): void {
  const config = {
    ...{
      name: 'b1',
      design: 'beamer',
      interfaces: ['eth0'],
      services: ['203.0.113.10:443'],
      source: '10.0.0.254',
    },
    servers: servers.map((address, i) => ({ id: i + 1, address })),
    settings: { buckets: 512, chainMs: 1000 },
    store: { kind: 'folder', folder: 'state' },
  };
  writeFileSync(file, JSON.stringify(config));
}

/** An agent that only remembers the servers that it was told of. */
function agentOf(): { readonly agent: ServerAgent; readonly told: string[] } {
  const told: string[] = [];
  const setPeers = (peers: readonly IpAddress[]): void => {
    told.push(peers.map((peer) => peer.toString()).join(' '));
  };
  return { agent: { setPeers } as unknown as ServerAgent, told };
}

it('what is given counts, then what the file says, then what is usual', async () => {
  write('10.0.0.1', '10.0.0.2');
  const place = await completePlace({ id: 2, config: file, chain: 7 });
  expect(place.address.toString()).toBe('10.0.0.2');
  expect(place.peer.map((peer) => peer.toString())).toEqual(['10.0.0.1', '10.0.0.2']);
  expect(place).toMatchObject({ design: 'beamer', buckets: 512, chain: 7 });
  const own = IpAddress.parse('10.0.0.9')!;
  expect((await completePlace({ id: 2, config: file, address: own, peer: [] })).address).toBe(own);
});

it('the servers of the file are followed, a file with a mistake aside', async () => {
  write('10.0.0.1', '10.0.0.2');
  const { agent, told } = agentOf();
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const given = { id: 1, config: file };
  const unfollow = await followServers(given, agent, await markOfFile(given));
  write('10.0.0.1', '10.0.0.2', '10.0.0.3');
  await vi.waitUntil(() => told.length === 1, { timeout: 20_000 });
  writeFileSync(file, '{');
  await vi.waitUntil(() => said.mock.calls.length > 0, { timeout: 20_000 });
  expect(told).toEqual(['10.0.0.1 10.0.0.2 10.0.0.3']);
  unfollow();
});

it('servers that the file was given after it was read are followed too', async () => {
  write('10.0.0.1');
  const { agent, told } = agentOf();
  const given = { id: 1, config: file };
  const since = await markOfFile(given);
  await completePlace(given);
  write('10.0.0.1', '10.0.0.2');
  const unfollow = await followServers(given, agent, since);
  await vi.waitUntil(() => told.length === 1, { timeout: 20_000 });
  expect(told).toEqual(['10.0.0.1 10.0.0.2']);
  unfollow();
});

it('servers that were given stay as they are', async () => {
  write('10.0.0.1');
  const { agent, told } = agentOf();
  const given = { id: 1, config: file, peer: [] };
  const unfollow = await followServers(given, agent, await markOfFile(given));
  write('10.0.0.1', '10.0.0.2');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(told).toEqual([]);
  unfollow();
});
