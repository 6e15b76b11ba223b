import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { CaptureReader } from '../../src/capture/index.js';
import {
  defaultScenario,
  type LabSummary,
  readScenario,
  runScenario,
  summarise,
} from '../../src/lab/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { runSubflow } from '../support/subflow-command.js';
import { built, LabBrowser, type LabPage, seriousFindings } from './lab-page.js';

/** Most bytes, compressed, until the page is there and may run. */
const FIRST_LOAD_BYTES = 300_000;

describeWith('the playground in a browser', [hasTool('chromium')], () => {
  const browser = new LabBrowser();
  let lab: LabPage;
  let page: Page;

  beforeAll(() => browser.open());
  afterAll(() => browser.close());
  afterEach(async () => {
    const { complaints } = lab;
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  async function visit(hash: string, options = {}): Promise<void> {
    lab = await browser.visit(hash, options);
    page = lab.page;
    await page.waitForSelector('[data-testid=digest]');
  }

  const text = (id: string): Promise<string> => page.getByTestId(id).innerText();
  const clockPast = (seconds: number): Promise<unknown> =>
    expect
      .poll(async () => Number.parseFloat(await text('clock')), { timeout: 30_000 })
      .toBeGreaterThan(seconds);
  const fastest = (): Promise<void> => page.getByLabel('speed').fill('8');

  /** The numbers of the page, as it gives them away. */
  async function numbers(): Promise<LabSummary> {
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'numbers (JSON)' }).click();
    return JSON.parse(readFileSync(await (await waiting).path(), 'utf8')) as LabSummary;
  }

  it('runs a scenario to the same numbers as the command line, byte for byte of every packet', async () => {
    await visit('playground?seed=7&traffic=bulk,3M&scheduler=blest');
    await fastest();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    const shown = await numbers();
    const { out } = await runSubflow('.', ['lab', 'run', 'seed=7&traffic=bulk,3M&scheduler=blest', '--json']);
    expect(shown).toEqual(JSON.parse(out));
    expect(shown.bytesDelivered).toBe(3e6);
    expect(await text('digest')).toBe(shown.digest);
    expect(await text('delivered')).toBe('3.0 MB of 3.0 MB');
    const command = (await text('command')).replace(/^subflow lab run '(.*)'$/, '$1');
    expect(summarise(runScenario(readScenario(command).scenario))).toEqual(shown);
  });

  it('stands in its address with all that was done to it: kill a path by a click, and who opens that sees the same', async () => {
    await visit('playground?seed=2&traffic=bulk,3M');
    await page.getByLabel('speed').fill('3');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await clockPast(0.3);
    await page.getByRole('button', { name: 'Kill Wi-Fi' }).click();
    await page.getByRole('button', { name: 'Restore Wi-Fi' }).waitFor();
    await expect.poll(() => page.url()).toContain('at=');
    await clockPast(0.6);
    await page.getByRole('button', { name: 'Fade LTE' }).click();
    await fastest();
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    const shown = await numbers();
    expect(shown.isIntact && shown.isDone).toBe(true);
    expect(readScenario(shown.scenario).scenario.incidents.map(({ what }) => what)).toEqual(['kill', 'fade']);
    expect(page.url().split('?')[1]!.replaceAll('%25', '%')).toBe(shown.scenario);
    expect(summarise(runScenario(readScenario(shown.scenario).scenario))).toEqual(shown);
  });

  it('is set up by its fields, with the keyboard alone, and marks what makes no sense', async () => {
    await visit('playground?traffic=bulk,1M');
    await page.getByLabel('rate of path 1').focus();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('fast');
    await page.keyboard.press('Tab');
    await page.locator('[aria-invalid=true]').waitFor();
    expect(page.url()).not.toContain('fast');
    await page.getByLabel('rate of path 1').fill('5M');
    await page.keyboard.press('Tab');
    await page.getByRole('combobox', { name: 'scheduler', exact: true }).selectOption('round-robin');
    await page.getByLabel('middlebox of path 2').selectOption('strip-join-syn');
    await page.getByRole('button', { name: 'Add a path' }).press('Enter');
    await expect
      .poll(() => readScenario(page.url().split('?')[1]!).scenario)
      .toMatchObject({
        scheduler: 'round-robin',
        paths: [{ rateBps: 5e6 }, { box: 'strip-join-syn' }, { name: 'Ethernet' }],
      });
    await page.getByRole('button', { name: 'Remove Ethernet' }).click();
    await expect.poll(() => readScenario(page.url().split('?')[1]!).scenario.paths.length).toBe(2);
    await fastest();
    await page.getByRole('button', { name: 'Run', exact: true }).press('Space');
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    expect((await numbers()).paths.map(({ share }) => share)).toEqual([1, 0]);
  });

  it('goes step by step, from event to event, and back to the beginning', async () => {
    await visit('playground');
    const before = await text('clock');
    const step = page.getByRole('button', { name: 'Step' });
    for (let i = 0; i < 12; i++) {
      await step.click();
      await page.waitForTimeout(20);
    }
    await expect.poll(() => text('clock')).not.toBe(before);
    await page.getByRole('button', { name: 'Restart' }).click();
    await expect.poll(() => text('clock')).toBe(before);
  });

  it('gives away a capture that reads back, figures as SVG, and points as CSV', async () => {
    await visit('playground?traffic=bulk,500k');
    await fastest();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    const file = async (button: string): Promise<Buffer> => {
      const waiting = page.waitForEvent('download');
      await page.getByRole('button', { name: button, exact: true }).click();
      return readFileSync(await (await waiting).path());
    };
    const reader = new CaptureReader();
    reader.push(await file('pcapng'));
    reader.end();
    let packets = 0;
    while (reader.next() !== undefined) packets++;
    expect(reader.problem).toBeUndefined();
    expect(packets).toBeGreaterThan(400);
    expect(String(await file('SVG'))).toMatch(/^<svg .*Data sequence/s);
    expect(String(await file('CSV'))).toMatch(
      /^series,x,y,top,packet\r\nDATA_ACK|^series,x,y,top,packet\r\nout-of-order/,
    );
  });

  it.each([
    '<img src=x onerror=alert(1)>',
    'seed=<script>alert(1)</script>&path=%3Cb%3E,1M,1ms,0%,9k&path=b,1M,1ms,0%,9k',
    'seed=99999999999&scheduler=__proto__&at=1s,9,kill',
    '%',
    '%E0%A4%A',
    '&&&===&path=&path=&path=',
    `path=${'a,'.repeat(3000)}`,
  ])('shows defaults and a sentence for an address that is no scenario (%#)', async (query) => {
    await visit(`playground?${query}`);
    expect(await page.getByTestId('notices').innerText()).toMatch(/^In the link: /);
    expect(await page.locator('img, script:not([src]), .notices b').count()).toBe(0);
    expect(await page.getByLabel('seed').inputValue()).toBe(`${defaultScenario.seed}`);
    expect(await page.locator('.path-settings').count()).toBe(2);
  });

  it.each([
    { colorScheme: 'light', width: 1280 },
    { colorScheme: 'dark', width: 1280 },
    { colorScheme: 'dark', width: 768 },
  ] as const)(
    'has nothing that axe-core calls serious, and nothing beside the screen: %o',
    async ({ colorScheme, width }) => {
      await visit('playground?traffic=bulk,1M', { colorScheme, viewport: { width, height: 900 } });
      await fastest();
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByRole('button', { name: 'Run again' }).waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      expect(
        await page
          .locator('html')
          .evaluate((html) => (html as unknown as { scrollWidth: number }).scrollWidth),
      ).toBeLessThanOrEqual(width);
    },
  );

  it(`is there after ${FIRST_LOAD_BYTES / 1000} kB, compressed`, async () => {
    await visit('playground');
    expect([...lab.loaded].join()).toMatch(/playground-worker/);
    const bytes = [...lab.loaded].reduce(
      (sum, name) => sum + gzipSync(readFileSync(join(built, name))).length,
      0,
    );
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  });
});
