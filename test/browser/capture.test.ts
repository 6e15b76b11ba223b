import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { formatCount, formatShare, formatSize, SeededRandom } from '../../src/base/index.js';
import { PcapngWriter, readCapture } from '../../src/capture/index.js';
import { plotKinds } from '../../src/lab/index.js';
import type { TraceReport } from '../../src/trace/index.js';
import { openLargeCapture, writeLargeCapture } from '../support/lab-capture.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { runSubflow } from '../support/subflow-command.js';
import { faultsOfLook, LabBrowser, type LabPage } from './lab-page.js';

describeWith('captures in a browser', [hasTool('chromium')], () => {
  const browser = new LabBrowser();
  const folder = mkdtempSync(join(tmpdir(), 'subflow-lab-'));
  const capture = join(folder, 'run.pcapng');
  let lab: LabPage;
  let page: Page;
  let expected: TraceReport;

  beforeAll(async () => {
    const scenario = 'seed=5&traffic=bulk,1M&at=150ms,0,kill';
    expect((await runSubflow(folder, ['lab', 'run', scenario, '--write', capture])).status).toBe(0);
    expected = JSON.parse((await runSubflow(folder, ['trace', capture, '--json'])).out) as TraceReport;
    await browser.open();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    lab = await browser.visit('capture');
    page = lab.page;
  });
  afterEach(async () => {
    const { complaints } = lab;
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  const open = (file: string): Promise<void> => page.setInputFiles('input[type=file]', file);
  const text = (id: string): Promise<string> => page.getByTestId(id).innerText();

  const packetPanel = (packet: number | string): Locator =>
    page.getByRole('region', { name: `Packet ${packet}`, exact: true });
  const chosenRow = (): Locator => page.getByTestId('packet-rows').locator('[aria-selected=true]');

  /** Drops files where a reader would. */
  async function drop(files: readonly (readonly [name: string, bytes: Buffer])[]): Promise<void> {
    const transfer = await page.evaluateHandle(
      (dropped) => {
        const { DataTransfer: Transfer } = globalThis as unknown as {
          DataTransfer: new () => { items: { add(file: File): void } };
        };
        const made = new Transfer();
        for (const [name, content] of dropped) {
          const data = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
          made.items.add(new File([data], name));
        }
        return made;
      },
      files.map(([name, bytes]) => [name, bytes.toString('base64')] as const),
    );
    await page.dispatchEvent('.capture', 'dragover', { dataTransfer: transfer });
    await page.dispatchEvent('.capture', 'drop', { dataTransfer: transfer });
  }

  /** The capture again, of an interface with that name, and with a comment on its first packet. */
  function namedCapture(name: string): Uint8Array {
    const { reader, packets } = readCapture(readFileSync(capture));
    const writer = new PcapngWriter();
    for (const { linkType } of reader.interfaces) writer.addInterface({ linkType, name });
    for (const packet of packets) {
      packet.comments = packet.frame === 1 ? [`comment ${name}`] : [];
      writer.write(packet);
    }
    return writer.take();
  }

  it('are read to the numbers of subflow trace, and drawn; packets are chosen in figures, findings and the list', async () => {
    await open(capture);
    await page.locator('[data-figure=sequence]').waitFor();
    expect(await text('packets')).toBe(formatCount(expected.packets));
    expect(await text('connections')).toBe(`${expected.connections.length}`);
    expect(await text('options')).toContain(`DSS ${formatCount(expected.options.DSS)}`);
    const connection = expected.connections[0]!;
    const rows = page.getByRole('region', { name: 'Subflows' }).locator('tbody tr');
    expect(await rows.count()).toBe(connection.subflows.length);
    for (const [index, { client, serverToClient }] of connection.subflows.entries()) {
      const row = await rows.nth(index).innerText();
      expect(row).toContain(client);
      expect(row).toContain(formatShare(serverToClient.share!));
      expect(row).toContain(formatSize(serverToClient.bytes));
    }
    const said = await page
      .locator('.findings li')
      .evaluateAll((items) =>
        items.map((item) => (item as unknown as { dataset: { code: string } }).dataset.code),
      );
    expect(said).toEqual([...expected.findings, ...connection.findings].map(({ code }) => code));
    const figures = page.locator('[data-figure]');
    const drawn = await figures.evaluateAll((all) =>
      all.map((one) => (one as unknown as { dataset: { figure: string } }).dataset.figure),
    );
    expect(drawn).toEqual(plotKinds);
    expect(await text('packet-count')).toContain(`${formatCount(expected.packets)} of the connection`);

    // In a figure, by keys and by a click.
    const canvas = page.locator('[data-figure=sequence] canvas').last();
    const other = page.locator('[data-figure=goodput] canvas').last();
    const before = await other.screenshot();
    await canvas.focus();
    for (const key of ['+', '+', 'ArrowRight', 's', 'n', 'Enter']) await page.keyboard.press(key);
    const tip = await page.locator('[data-figure=sequence] .tip').innerText();
    const chosen = /packet (\d+)/.exec(tip)![1]!;
    await packetPanel(chosen).waitFor();
    expect(await packetPanel(chosen).innerText()).toMatch(/TCP/);
    await expect
      .poll(() => page.url())
      .toMatch(new RegExp(`#capture\\?connection=0&by=server&packet=${chosen}$`));
    const marked = await other.screenshot();
    expect(marked.equals(before)).toBe(false);
    expect(await chosenRow().innerText()).toContain(chosen);

    // In a finding: the figures go there, and all of them mark it.
    const finding = connection.findings.find(({ packets }) => packets.length > 0)!;
    await page.locator(`[data-code=${finding.code}]`).getByRole('button').first().click();
    await packetPanel(finding.packets[0]!).waitFor();
    expect((await other.screenshot()).equals(marked)).toBe(false);

    // In the list, by keys; the data of the other host leaves it chosen.
    await page.getByTestId('packet-rows').focus();
    for (const key of ['Home', 'ArrowDown', 'ArrowDown', 'ArrowUp']) await page.keyboard.press(key);
    await packetPanel(2).waitFor();
    expect(await packetPanel(2).innerText()).toMatch(/MP_CAPABLE/);
    await page.keyboard.press('End');
    await packetPanel(connection.lastPacket).waitFor();
    await page.locator('label', { hasText: 'data of the client' }).click();
    await expect.poll(() => page.locator('[data-figure=shares]').count()).toBe(1);
    await expect.poll(() => page.url()).toContain(`by=client&packet=${connection.lastPacket}`);
    expect(await chosenRow().count()).toBe(1);
    await page.getByText('Options of the handshakes').click();
    const options = await page.getByTestId('option-report').innerText();
    expect(options).toMatch(/SYN of the client[\s\S]*MP_CAPABLE[\s\S]*Agreed: Multipath TCP version 1/);
  });

  it('are filtered, looked at in parts, given away, and found again by their address', async () => {
    await open(capture);
    await page.locator('[data-figure=sequence]').waitFor();
    const filter = page.getByPlaceholder('address, port, token, finding');
    await filter.fill('203.0.113.9');
    await expect.poll(() => text('found')).toBe('0 of 1');
    await filter.fill(expected.connections[0]!.findings[0]!.code);
    await expect.poll(() => page.getByRole('button', { name: 'Connection 0' }).count()).toBe(1);
    await page.getByLabel('kind').selectOption('fallback');
    await expect.poll(() => text('found')).toBe('0 of 1');

    await page.getByLabel('Show subflow 0').uncheck();
    await expect
      .poll(() => page.getByTestId('packet-rows').locator('[aria-selected]').first().innerText())
      .toMatch(/^\d+\s+[\d.]+\s+1\s/);
    expect(await page.locator('[data-figure=rtt]').getByLabel('subflow 0').isChecked()).toBe(false);

    const span = page.getByRole('region', { name: 'What is drawn' });
    await span.getByLabel('from').fill('soon');
    expect(await span.getByRole('button', { name: 'Look at this span' }).isDisabled()).toBe(true);
    await span.getByLabel('from').fill('0.1');
    await span.getByLabel('to').fill('250ms');
    await page.keyboard.press('Enter');
    await expect.poll(() => text('packet-count')).toContain('of this span');
    await expect.poll(() => page.url()).toContain('from=0.1s&to=0.25s');
    const command = (await text('trace-command')).replace('run.pcapng', capture).split(' ').slice(1);
    const { out } = await runSubflow(folder, [...command, '--json']);
    const [part] = (JSON.parse(out) as TraceReport).connections;
    const shown = await page
      .getByRole('region', { name: 'Subflows' })
      .locator('tbody tr')
      .first()
      .innerText();
    expect(shown).toContain(formatSize(part!.subflows[0]!.serverToClient.bytes));

    const file = async (button: string): Promise<string> => {
      const waiting = page.waitForEvent('download');
      await page.getByRole('button', { name: button, exact: true }).click();
      return readFileSync(await (await waiting).path(), 'utf8');
    };
    expect(JSON.parse(await file('report (JSON)'))).toMatchObject({ schema: 'subflow/trace/1' });
    expect(await file('Goodput as CSV')).toMatch(/^series,x,y,top,packet\r\n/);
    expect(await file('Data sequence as SVG')).toMatch(/^<svg .*Data sequence/s);

    const address = page.url().replace(/from=.*$/, 'packet=40');
    await page.goto('about:blank');
    await page.goto(address);
    expect(await text('wish')).toContain('connection=0&by=server&packet=40');
    await open(capture);
    await packetPanel(40).waitFor();
    await page.evaluate(() => {
      (globalThis as unknown as { location: { hash: string } }).location.hash =
        '#capture?connection=0&packet=41';
    });
    await packetPanel(41).waitFor();
  });

  it('may be dropped, packed, under a name with HTML in it, with names of others in them; what is none is told', async () => {
    const hostile = '<img src=x onerror=alert(1)>\u202egnp';
    await drop([[`${hostile}.gz`, gzipSync(namedCapture(hostile))]]);
    await page.locator('[data-figure=goodput]').waitFor();
    await page.getByTestId('packet-rows').focus();
    await page.keyboard.press('Home');
    await packetPanel(1).waitFor();
    const said = await packetPanel(1).innerText();
    expect(said).toContain('on <img src=x onerror=alert(1)>\\u{202e}gnp');
    expect(said).toContain('comment <img src=x');
    expect(await page.locator('.opener').innerText()).toContain('<img src=x');
    expect(await page.locator('img').count()).toBe(0);

    const random = new SeededRandom(11);
    const whole = readFileSync(capture);
    const noise = Buffer.from(Array.from({ length: 5000 }, () => random.nextUint32() & 255));
    await drop([['<b>noise</b>', noise]]);
    await expect.poll(() => text('notices')).toContain('<b>noise</b>');
    expect(await page.locator('.notices b').count()).toBe(0);
    await drop([['empty', Buffer.alloc(0)]]);
    await expect.poll(() => text('notices')).toContain('empty');
    await drop([
      ['one', whole],
      ['two', whole],
    ]);
    await expect.poll(() => text('notices')).toContain('2 files were dropped');
    await drop([]);
    await expect.poll(() => text('notices')).toContain('no file');
    await drop([['cut.gz', gzipSync(whole).subarray(0, 20_000)]]);
    await page.getByText('Reading stopped early').waitFor();
    await open(capture);
    await expect.poll(() => text('packets')).toBe(formatCount(expected.packets));
    expect(await text('notices')).toBe('');
  });

  it('have nothing that axe-core calls serious, light and dark, and nothing beside the screen', async () => {
    await open(capture);
    await page.locator('[data-figure=sequence]').waitFor();
    await page.getByText('Options of the handshakes').click();
    await page.getByTestId('packet-rows').focus();
    await page.keyboard.press('Home');
    await packetPanel(1).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 768]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await faultsOfLook(page)).toEqual([]);
      }
    }
  });

  it('of many megabytes are read to the numbers of the command line, and a packet amid them is found', async () => {
    const large = join(folder, 'large.pcapng');
    writeLargeCapture(large, 10e6);
    const { out } = await runSubflow(folder, ['trace', large, '--json']);
    const { packets } = JSON.parse(out) as TraceReport;
    const opened = await browser.with((chromium, url) => openLargeCapture(chromium, url, large));
    expect(opened.packets).toBe(packets);
    expect(packets).toBeGreaterThan(7000);
  });
});
