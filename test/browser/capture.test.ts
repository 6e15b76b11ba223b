import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { formatCount, formatShare, formatSize, SeededRandom } from '../../src/base/index.js';
import type { TraceReport } from '../../src/trace/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { runSubflow } from '../support/subflow-command.js';
import { LabBrowser, type LabPage, seriousFindings } from './lab-page.js';

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

  /** Drops a file where a reader would. */
  async function drop(name: string, bytes: Buffer): Promise<void> {
    const transfer = await page.evaluateHandle(
      ([fileName, content]) => {
        const { DataTransfer: Transfer } = globalThis as unknown as {
          DataTransfer: new () => { items: { add(file: File): void } };
        };
        const made = new Transfer();
        const data = Uint8Array.from(atob(content!), (letter) => letter.charCodeAt(0));
        made.items.add(new File([data], fileName!));
        return made;
      },
      [name, bytes.toString('base64')] as const,
    );
    await page.dispatchEvent('.capture', 'dragover', { dataTransfer: transfer });
    await page.dispatchEvent('.capture', 'drop', { dataTransfer: transfer });
  }

  it('are read to the numbers of subflow trace, and drawn', async () => {
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
    expect(await page.locator('[data-figure]').count()).toBeGreaterThanOrEqual(6);
  });

  it('may be dropped, packed with gzip, under a name with HTML in it', async () => {
    await drop('<img src=x onerror=alert(1)>.pcapng.gz', gzipSync(readFileSync(capture)));
    await page.locator('[data-figure=goodput]').waitFor();
    expect(await text('packets')).toBe(formatCount(expected.packets));
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('.opener').innerText()).toContain('<img src=x');
  });

  it('are moved in by keys, all figures together, and a point says which packet it is', async () => {
    await open(capture);
    const canvas = page.locator('[data-figure=sequence] canvas').last();
    const other = page.locator('[data-figure=goodput] canvas').last();
    await canvas.waitFor();
    await page.waitForTimeout(300);
    const before = await other.screenshot();
    await canvas.focus();
    for (const key of ['+', '+', 'ArrowRight', 's', 'n']) await page.keyboard.press(key);
    await expect.poll(() => page.locator('[data-figure=sequence] .tip').innerText()).toMatch(/packet \d+/);
    expect((await other.screenshot()).equals(before)).toBe(false);
  });

  it("show the other host's data, and explain the options of the handshakes", async () => {
    await open(capture);
    await page.locator('[data-figure=sequence]').waitFor();
    await page.getByText('Options of the handshakes').click();
    expect(await page.locator('.packet-options').first().innerText()).toMatch(
      /SYN of the client[\s\S]*MP_CAPABLE/,
    );
    await page.locator('label', { hasText: 'data of the client' }).click();
    await expect.poll(() => page.locator('[data-figure=shares]').count()).toBe(1);
    await page.getByPlaceholder('address, port or number').fill('203.0.113.9');
    expect(await page.getByRole('button', { name: 'Connection 0' }).count()).toBe(0);
  });

  it('that are none, or damaged, are told in a sentence, and the page goes on', async () => {
    const random = new SeededRandom(11);
    const whole = readFileSync(capture);
    const noise = Buffer.from(Array.from({ length: 5000 }, () => random.nextUint32() & 255));
    await drop('<b>noise</b>', noise);
    await expect.poll(() => text('notices')).toContain('<b>noise</b>');
    expect(await page.locator('.notices b').count()).toBe(0);
    await drop('empty', Buffer.alloc(0));
    await expect.poll(() => text('notices')).toContain('empty');
    await drop('cut.gz', gzipSync(whole).subarray(0, 20_000));
    await page.getByText('Reading stopped early').waitFor();
    for (let round = 0; round < 5; round++) {
      const damaged = Buffer.from(whole.subarray(0, 200_000));
      for (let i = 0; i < 300; i++)
        damaged[200 + (random.nextUint32() % 190_000)] = random.nextUint32() & 255;
      await drop(`damaged ${round}`, damaged);
      await page.getByText(`damaged ${round}`).first().waitFor();
      await expect.poll(() => page.locator('.progress').count()).toBe(0);
    }
    await open(capture);
    await page.locator('[data-figure=sequence]').waitFor();
    expect(await text('packets')).toBe(formatCount(expected.packets));
  });

  it.each(['light', 'dark'] as const)('have nothing that axe-core calls serious, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await open(capture);
    await page.locator('[data-figure=sequence]').waitFor();
    await page.getByText('Options of the handshakes').click();
    expect(await seriousFindings(page)).toEqual([]);
    for (const width of [1280, 768]) {
      await page.setViewportSize({ width, height: 900 });
      const html = page.locator('html');
      expect(
        await html.evaluate((element) => (element as unknown as { scrollWidth: number }).scrollWidth),
      ).toBeLessThanOrEqual(width);
    }
  });
});
