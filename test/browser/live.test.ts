/** This machine in a browser: a namespace with connections of the kernel's own Multipath TCP, looked at and changed by clicks and keys. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { formatShare, formatSize } from '../../src/base/index.js';
import {
  connectKernel,
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  NetworkNamespace,
} from '../../src/linux/index.js';
import { announceService, type Announcement } from '../../src/node/daemon/index.js';
import type { MonitorLook } from '../../src/node/index.js';
import { type LabServer, serveLab } from '../../src/node/lab/index.js';
import { runSubflow } from '../support/subflow-command.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { built, faultsOfLook, LabBrowser, type LabPage } from './lab-page.js';

const patience = { timeout: 20_000 };
/** A name that an interface may have. */
const strange = '<b>x';

describeWith('this machine in a browser', [hasTool('chromium'), kernelMptcp(), mayCreateNamespaces()], () => {
  const browser = new LabBrowser();
  const services = mkdtempSync(join(tmpdir(), 'subflow-services-'));
  const open: { close(): unknown }[] = [];
  const pages: LabPage[] = [];
  let client: NetworkNamespace;
  let server: NetworkNamespace;
  let lab: LabServer;
  let announcement: Announcement;

  beforeAll(async () => {
    client = NetworkNamespace.create('client');
    server = NetworkNamespace.create('server');
    for (const [path, name] of [
      [1, 'path1'],
      [2, strange],
    ] as const) {
      client.connectTo(server, name, `path${path}`);
      client.ip(`address add 10.0.${path}.1/24 dev ${name}`);
      server.ip(`address add 10.0.${path}.2/24 dev path${path}`);
    }
    for (const each of [client, server]) each.ip('mptcp limits set subflow 4 add_addr_accepted 4');
    await listen('mptcp', 7000);
    await listen('tcp', 7001);
    announcement = (await announceService(
      'converter',
      () => ({
        ...{ isHealthy: true, said: '<img src=x onerror=alert(1)>', load: { connections: 17 } },
        metrics: 'subflow_converter_relays 3\n',
      }),
      services,
    ))!;
    lab = await browser.open(liveOptions(true));
  });
  afterEach(async () => {
    for (const { page, complaints } of pages.splice(0)) {
      await page.context().close();
      expect(complaints).toEqual([]);
    }
    // Nobody looks any more.
    await expect.poll(() => lab.isLooking, patience).toBe(false);
  });
  afterAll(async () => {
    await browser.close();
    await announcement.close();
    for (const each of open.reverse()) each.close();
    client.close();
    server.close();
    rmSync(services, { recursive: true });
  });

  const liveOptions = (allowsControl: boolean) => ({
    ...{ namespace: client.path, serviceFolders: [services], allowsControl },
  });

  /** A server that sends back what it gets. */
  async function listen(protocol: 'mptcp' | 'tcp', port: number): Promise<void> {
    const made = createServer((socket) => {
      open.push({ close: () => socket.destroy() });
      socket.on('error', () => undefined).pipe(socket);
    });
    made.listen({ fd: listenKernel({ address: '0.0.0.0', port, protocol, namespace: server }) });
    await once(made, 'listening');
    open.push(made);
  }

  /** A connection over which so many bytes went, there and back. */
  async function connect(port: number, bytes: number): Promise<Socket> {
    const socket = new Socket({ fd: connectKernel({ address: '10.0.1.2', port, namespace: client }) });
    open.push({ close: () => socket.destroy() });
    socket.on('error', () => undefined);
    await exchange(socket, bytes);
    return socket;
  }

  async function exchange(socket: Socket, bytes: number): Promise<void> {
    let back = 0;
    const done = new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        back += chunk.length;
        if (back === bytes) resolve();
      });
    });
    socket.write(Buffer.alloc(bytes, 7));
    await done;
    socket.removeAllListeners('data').resume();
  }

  async function visit(hash: string, at?: LabServer): Promise<Page> {
    const visited = await browser.visit(hash, {}, at);
    pages.push(visited);
    return visited.page;
  }

  const connectionRows = (page: Page): Locator => page.locator('tbody[data-token]');
  const endpoints = (): string => client.ip('mptcp endpoint show');

  it('shows what subflow monitor says of it, and changes endpoints and limits', async () => {
    const first = await connect(7000, 300_000);
    const page = await visit(`live?token=${lab.token!}`);
    expect(page.url()).toBe(`${lab.url}#live`);
    const rows = connectionRows(page);
    await expect.poll(() => rows.count(), patience).toBe(1);

    // A second subflow, by an endpoint that is made here.
    const form = page.getByRole('form', { name: 'New endpoint' });
    await form.getByLabel('address').fill('10.0.2.1');
    await form.getByLabel('interface').selectOption(strange);
    await form.getByLabel('address').press('Enter');
    await expect.poll(endpoints, patience).toContain(`10.0.2.1 id 1 subflow dev ${strange}`);
    await expect.poll(() => rows.locator('tr.subflow').count(), patience).toBe(2);
    await page.getByRole('region', { name: 'List of events' }).getByText('subflow opened').first().waitFor();
    await exchange(first, 3_000_000);

    // Nothing moves: the page has the numbers of the command line.
    const args = ['monitor', '--once', '--json', '--namespace', client.path];
    const look = JSON.parse((await runSubflow(services, args)).out) as MonitorLook;
    const [connection] = look.connections;
    expect(await rows.getAttribute('data-token')).toBe(connection!.token);
    const text = (index: number): Promise<string> => rows.locator('tr').nth(index).innerText();
    await expect.poll(() => text(0), patience).toContain(formatSize(connection!.sentBytes));
    expect(await text(0)).toContain(connection!.local);
    expect(await text(0)).toContain(formatSize(connection!.receivedBytes));
    expect(connection!.subflows).toHaveLength(2);
    for (const [index, subflow] of connection!.subflows.entries()) {
      const row = await text(index + 1);
      for (const part of [subflow.local, subflow.remote, subflow.state]) expect(row).toContain(part);
      for (const bytes of [subflow.sentBytes, subflow.receivedBytes])
        expect(row).toContain(formatSize(bytes));
      const isSender = subflow.sentBytes >= subflow.receivedBytes;
      expect(row).toContain(formatShare(isSender ? subflow.sendShare : subflow.receiveShare));
    }
    expect(await page.getByTestId('subflows').innerText()).toBe(`${look.totals.subflows}`);
    for (const figure of ['rates', 'subflows', 'rtt'])
      expect(await page.locator(`[data-figure=${figure}]`).count()).toBe(1);

    await page.getByLabel('backup of 10.0.2.1').check();
    await rows.getByText('backup (local)').waitFor();
    await page.getByRole('form', { name: 'Limits' }).getByLabel('subflows').selectOption('3');
    await page.getByRole('button', { name: 'Set limits' }).click();
    await page.getByTestId('said').getByText('limits: subflows 3').waitFor();
    expect(client.ip('mptcp limits show')).toContain('subflows 3');

    // What the kernel refuses is said in its words.
    await form.getByRole('button').click();
    await expect.poll(() => page.getByTestId('said').innerText(), patience).toMatch(/exist/i);

    // What ends subflows is asked about first.
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Remove 10.0.2.1' }).click();
    expect(await dialog.innerText()).toContain('1 subflow ends; every connection has another one.');
    await page.keyboard.press('Escape');
    expect(endpoints()).toContain('10.0.2.1');
    await page.getByRole('button', { name: 'Remove 10.0.2.1' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await expect.poll(endpoints, patience).toBe('');
    await expect.poll(() => rows.locator('tr.subflow').count(), patience).toBe(1);
  });

  it('shows fall-backs as they happen, sorts and filters by keys, and names with HTML as text', async () => {
    const page = await visit(`live?token=${lab.token!}`);
    await connectionRows(page).first().waitFor();
    await connect(7001, 5_000_000);
    await page.getByRole('region', { name: 'List of events' }).getByText('fell back').waitFor();
    const rows = connectionRows(page);
    await expect.poll(() => rows.count(), patience).toBe(2);
    const fallen = rows.filter({ hasText: 'fell back' });
    expect(await fallen.innerText()).toContain('10.0.1.2:7001');
    await expect.poll(() => page.getByTestId('fell back').innerText(), patience).toBe('1');

    const sent = page.getByRole('columnheader', { name: 'sent', exact: true });
    await sent.getByRole('button').focus();
    await page.keyboard.press('Enter');
    expect(await sent.getAttribute('aria-sort')).toBe('descending');
    await expect.poll(() => rows.first().innerText()).toContain('7001');
    await page.keyboard.press('Enter');
    expect(await sent.getAttribute('aria-sort')).toBe('ascending');
    await expect.poll(() => rows.last().innerText()).toContain('7001');
    await rows.first().getByRole('button').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => rows.last().getAttribute('class')).toBe('chosen');
    await page.getByPlaceholder('address, port, token or state').fill(':7001 fell');
    await expect.poll(() => rows.count()).toBe(1);
    expect(await page.getByTestId('shown').innerText()).toBe('1 of 2');
    await page.keyboard.press('Escape');
    await expect.poll(() => rows.count()).toBe(2);

    const service = page.getByRole('region', { name: 'Services' });
    await expect.poll(() => service.innerText(), patience).toContain('<img src=x onerror=alert(1)>');
    expect(await service.innerText()).toMatch(/converter[\s\S]*connections\s+17[\s\S]*1 metrics/);
    expect(await page.locator('img, main b > b').count()).toBe(0);
    expect(await page.locator('option').allInnerTexts()).toContain(strange);

    await page.getByRole('button', { name: 'Hold' }).click();
    await expect.poll(() => lab.isLooking, patience).toBe(false);
    await page.getByRole('button', { name: 'Go on' }).click();
    await expect.poll(() => lab.isLooking, patience).toBe(true);

    // Nor while another view is looked at; and nothing of the page tells the secret.
    await page.getByRole('link', { name: 'Capture' }).click();
    await expect.poll(() => lab.isLooking, patience).toBe(false);
    await page.getByRole('link', { name: 'Live' }).click();
    await expect.poll(() => lab.isLooking, patience).toBe(true);
    expect(await page.content()).not.toContain(lab.token);
    expect(page.url()).not.toContain(lab.token);

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 768]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await faultsOfLook(page)).toEqual([]);
      }
    }
  });

  it('tells no page of another origin anything, and does nothing for it, whatever it knows', async () => {
    const attack = `<!doctype html><iframe name="frame"></iframe>
      <form method="post" enctype="text/plain" target="frame" action="${lab.url}api/control">
        <input name='{"do":"limits","subflows":7,"x":"' value='"}'></form>
      <script>
        const headers = { authorization: 'Bearer ${lab.token!}', 'content-type': 'application/json' };
        const body = '{"do":"limits","subflows":7}';
        const socket = new Promise((resolve) => {
          const it = new WebSocket('${lab.url.replace('http', 'ws')}api/state');
          it.onopen = () => resolve('open');
          it.onerror = () => resolve('refused');
        });
        const tries = [
          fetch('${lab.url}api/state', { headers }),
          fetch('${lab.url}api/control', { method: 'POST', headers, body }),
          fetch('${lab.url}api/control', { method: 'POST', mode: 'no-cors', body }),
          fetch('${lab.url}'),
        ].map((each) => each.then((response) => response.type, () => 'refused'));
        document.forms[0].submit();
        Promise.all([socket, ...tries]).then((all) => (document.title = all.join(' ')));
      </script>`;
    const foreign = createHttpServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end(attack);
    });
    foreign.listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    open.push(foreign);
    const limits = client.ip('mptcp limits show');
    const { port } = foreign.address() as AddressInfo;
    // What it tries stands on its console: it is not one of ours.
    const { page } = await browser.visit('', {}, { ...lab, url: `http://127.0.0.1:${port}/` });
    await expect.poll(() => page.title(), patience).toMatch(/^refused refused refused \w+ refused$/);
    await page.context().close();
    expect(client.ip('mptcp limits show')).toBe(limits);
  });

  it('is read-only unless that was wanted, asks nothing without a secret, and nothing at all of another server', async () => {
    const readOnly = await serveLab({ folder: built, live: liveOptions(false) });
    const elsewhere = await serveLab({ folder: built });
    open.push(readOnly, elsewhere);
    client.ip('mptcp endpoint add 10.0.1.1 subflow');
    const page = await visit(`live?token=${readOnly.token!}`, readOnly);
    await page.getByRole('region', { name: 'List of endpoints' }).getByText('10.0.1.1').waitFor();
    const paths = page.getByRole('region', { name: 'Paths' });
    expect(await paths.locator('button, input, select').count()).toBe(0);
    expect(await paths.innerText()).toContain('read-only');
    expect(await page.getByTestId('limits').innerText()).toContain('subflows 3');

    const asked = (): string[] =>
      pages.flatMap(({ loaded }) => [...loaded]).filter((name) => /api/.test(name));
    expect(asked()).toEqual(['api/state']);
    const stranger = await visit('live', readOnly);
    await stranger.getByText('Open the address that it printed').waitFor();
    const other = await visit(`live?token=${lab.token!}`, elsewhere);
    await other.getByText('asks nobody anything').waitFor();
    expect(asked()).toEqual(['api/state']);
  });

  it('takes the secret of an address that is opened in a page that has none, or one of an earlier run', async () => {
    const later = await serveLab({ folder: built, live: liveOptions(false) });
    open.push(later);
    // A browser notes each refusal on its console.
    const { page } = await browser.visit('live', {}, later);
    const goTo = (secret: string): Promise<unknown> =>
      page.evaluate(`location.hash = '#live?token=${secret}'`);
    await page.getByText('Open the address that it printed').waitFor();
    await goTo(lab.token!);
    await page.getByText('The server does not take the secret of this tab').waitFor();
    await goTo(later.token!);
    await expect.poll(() => page.getByTestId('subflows').count(), patience).toBe(1);
    expect(await page.getByTestId('notices').innerText()).not.toContain('secret');
    expect(page.url()).toBe(`${later.url}#live`);
    await page.context().close();
    await expect.poll(() => later.isLooking, patience).toBe(false);
  });
});
