import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { CaptureReader, PcapngWriter } from '../../src/capture/index.js';
import {
  defaultScenario,
  floorPlan,
  type LabSummary,
  readComparison,
  readScenario,
  runScenario,
  summarise,
} from '../../src/lab/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { runSubflow } from '../support/subflow-command.js';
import { built, faultsOfLook, LabBrowser, type LabPage } from './lab-page.js';

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
  async function numbers(button = 'numbers (JSON)'): Promise<LabSummary> {
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: button, exact: true }).click();
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
    await expect.poll(() => page.url().split('?')[1]!.replaceAll('%25', '%')).toBe(shown.scenario);
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
    // As subflow lab opens it: its secret is no part of any address.
    await visit(`token=${'0a'.repeat(16)}`);
    const before = await text('clock');
    const step = page.getByRole('button', { name: 'Step' });
    for (let i = 0; i < 12; i++) {
      await step.click();
      await page.waitForTimeout(20);
    }
    await expect.poll(() => text('clock')).not.toBe(before);
    await page.getByRole('button', { name: 'Restart' }).click();
    await expect.poll(() => text('clock')).toBe(before);
    await expect.poll(() => page.url()).toContain('#playground?seed=1');
    const links = await page
      .getByRole('navigation')
      .locator('a')
      .evaluateAll((all) => all.map(String));
    expect([page.url(), ...links].join()).not.toContain('token');
  });

  it('roams: the phone is dragged and moved by keys across a floor plan, and the command line replays it to the byte', async () => {
    await visit('playground?seed=5&traffic=stream,1M,12s');
    await page.getByRole('button', { name: 'Roam on a floor plan' }).click();
    const plan = page.getByRole('slider', { name: /^Phone on the floor plan/ });
    const { x, y, width, height } = (await plan.boundingBox())!;
    const to = (xM: number, yM: number): Promise<void> =>
      page.mouse.move(x + (width * xM) / floorPlan.widthM, y + (height * yM) / floorPlan.heightM);
    await page.getByLabel('speed').fill('4');
    await page.getByTestId('clock').click();
    await page.keyboard.press('Space');
    await to(5.5, 5);
    await page.mouse.down();
    for (let xM = 6; xM <= 30; xM++) {
      await to(xM, 7);
      await page.waitForTimeout(15);
    }
    await page.mouse.up();
    await expect.poll(() => plan.getAttribute('aria-valuetext')).toMatch(/ -9\d dBm$/);
    await expect.poll(() => text('radio'), { timeout: 20_000 }).toMatch(/^Not associated/);
    await plan.focus();
    for (const key of ['Shift+ArrowLeft', 'ArrowDown', 'Home']) await plan.press(key);
    await fastest();
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    const shown = await numbers();
    const { incidents } = readScenario(shown.scenario).scenario;
    expect(incidents.length).toBeGreaterThan(4);
    expect(incidents.every(({ atUs, what }) => what === 'place' && atUs % 100_000 === 0)).toBe(true);
    expect(incidents.at(-1)).toMatchObject({ place: floorPlan.start });
    await expect.poll(() => page.url().split('?')[1]!.replaceAll('%25', '%')).toBe(shown.scenario);
    expect(shown.paths[1]!.bytes).toBeGreaterThan(0);
    const { out } = await runSubflow('.', ['lab', 'run', shown.scenario, '--json']);
    expect(JSON.parse(out)).toEqual(shown);
  });

  it('compares two settings in lock-step, on one seed, with what is done to both; each equals the command line', async () => {
    await visit('playground?seed=7&traffic=bulk,2M');
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByRole('combobox', { name: 'scheduler of B' }).selectOption('round-robin');
    await page.getByLabel('receive window of B').fill('64k');
    await page.keyboard.press('Tab');
    await expect.poll(() => page.url()).toMatch(/&versus&scheduler=round-robin&window=64k$/);
    await page.getByLabel('speed').fill('4');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await clockPast(0.2);
    await page.getByRole('button', { name: 'Fade Wi-Fi' }).click();
    await clockPast(0.4);
    await page.getByRole('button', { name: 'Pause' }).click();
    const elapsed = async (): Promise<number[]> =>
      [await numbers(), await numbers('numbers (JSON) of B')].map(({ elapsedNs }) => elapsedNs);
    await expect.poll(async () => new Set(await elapsed()).size, { timeout: 20_000 }).toBe(1);
    await fastest();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    const [a, b] = [await numbers(), await numbers('numbers (JSON) of B')];
    const query = page.url().split('?')[1]!.replaceAll('%25', '%');
    const comparison = readComparison(query);
    const { out } = await runSubflow('.', ['lab', 'run', query, '--json']);
    expect(JSON.parse(out)).toEqual({ schema: 'subflow/lab-comparison/1', a, b });
    expect(comparison.scenario.incidents.map(({ what }) => what)).toEqual(['fade']);
    expect(await text('command of B')).toBe(`subflow lab run '${b.scenario}'`);
    expect(await text('digest of B')).toBe(b.digest);
    expect(await text('goodput, A')).toBe(await text('goodput'));
    expect(await text('goodput, B')).not.toBe(await text('goodput, A'));
    expect(await page.locator('figure').count()).toBe(10);
    await page.getByRole('button', { name: 'End comparison' }).click();
    await expect.poll(() => page.url()).not.toContain('versus');
    expect(await page.locator('figure').count()).toBe(5);
  });

  it('stands while another view is looked at, and both views are as they were left', async () => {
    await visit('playground?seed=2&traffic=bulk,30M');
    const clock = (): Promise<number> =>
      page
        .getByTestId('clock')
        .evaluate((output) => Number.parseFloat((output as { textContent: string }).textContent));
    await page.keyboard.press('Space');
    await clockPast(0.05);
    await page.getByRole('link', { name: 'Capture' }).click();
    const writer = new PcapngWriter();
    runScenario(readScenario('traffic=bulk,50k').scenario, writer);
    const file = { name: 'small.pcapng', mimeType: '', buffer: Buffer.from(writer.take()) };
    const left = await clock();
    await page.locator('[data-view=capture] input[type=file]').setInputFiles(file);
    await page.locator('[data-view=capture] [data-figure=sequence]').waitFor();
    expect((await clock()) - left).toBeLessThan(0.02);
    await page.getByRole('link', { name: 'Playground' }).click();
    expect(page.url()).toContain('seed=2');
    await clockPast(left + 0.05);
    await page.keyboard.press('Space');
    expect(await text('state')).toBe('paused');
    await page.goBack();
    await page.locator('[data-view=capture] [data-figure=sequence]').waitFor();
    expect(page.url()).toMatch(/#capture/);
    await page.goForward();
    expect(await text('state')).toBe('paused');
    const paused = await clock();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('.');
      await page.waitForTimeout(20);
    }
    await expect.poll(clock).toBeGreaterThan(paused);
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

  it('shows defaults and a sentence for addresses that are no scenario', async () => {
    await visit('playground');
    for (const query of [
      '<img src=x onerror=alert(1)>',
      'seed=<script>alert(1)</script>&path=%3Cb%3E,1M,1ms,0%,9k&path=b,1M,1ms,0%,9k',
      'seed=99999999999&scheduler=__proto__&at=1s,9,kill',
      '%',
      '%E0%A4%A',
      '&&&===&path=&path=&path=',
      'at=1s,0,place,1e9,<b>&at=1s,0,place,99,99&versus&seed=2',
      'versus&scheduler=%3Cimg%20src=x%20onerror=alert(1)%3E&versus&__proto__=1',
      `path=${'a,'.repeat(3000)}`,
    ]) {
      await page.evaluate((hash) => {
        (globalThis as unknown as { location: { hash: string } }).location.hash = hash;
      }, `playground?${query}`);
      await page.getByTestId('notices').getByText('In the link: ').first().waitFor();
      expect(await page.locator('img, script:not([src]), .notices b').count(), query).toBe(0);
      expect(await page.getByLabel('seed').inputValue()).toBe(`${defaultScenario.seed}`);
      expect(await page.locator('[aria-label=Paths] .path-settings').count()).toBe(2);
      await page.getByLabel('receive window', { exact: true }).fill('1M');
      await page.getByRole('button', { name: 'Restart' }).click();
      await expect.poll(() => page.getByTestId('notices').locator('p').count()).toBe(0);
    }
  });

  it.each([
    { colorScheme: 'light', width: 1280 },
    { colorScheme: 'dark', width: 1280 },
    { colorScheme: 'dark', width: 768 },
  ] as const)(
    'has nothing that axe-core calls serious, and nothing beside the screen: %o',
    async ({ colorScheme, width }) => {
      await visit('playground?traffic=bulk,500k&at=100ms,0,place,18,7&versus&scheduler=blest', {
        colorScheme,
        viewport: { width, height: 900 },
      });
      await fastest();
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByRole('button', { name: 'Run again' }).waitFor();
      expect(await faultsOfLook(page)).toEqual([]);
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
