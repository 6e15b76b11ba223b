/** Answers of the worker of captures that come when something else is looked at already. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { LinkType, PcapngWriter, readCapture } from '../../src/capture/index.js';
import { readScenario, runScenario } from '../../src/lab/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { LabBrowser, type LabPage } from './lab-page.js';

/** What a page keeps back of its workers' answers, by their type, and lets go when it is told to. */
const holding = `{
  const Whole = Worker;
  const kept = [];
  globalThis.heldType = '';
  globalThis.heldCount = () => kept.length;
  globalThis.letGo = () => {
    globalThis.heldType = '';
    for (const give of kept.splice(0)) give();
  };
  globalThis.Worker = class extends Whole {
    set onmessage(take) {
      super.onmessage = (event) => {
        if (event.data.type === globalThis.heldType) kept.push(() => take(event));
        else take(event);
      };
    }
  };
}`;

describeWith('answers that come late', [hasTool('chromium')], () => {
  const browser = new LabBrowser();
  const folder = mkdtempSync(join(tmpdir(), 'subflow-late-'));
  const two = join(folder, 'two.pcapng');
  const empty = join(folder, 'empty.pcapng');
  let lab: LabPage;
  let page: Page;

  beforeAll(async () => {
    const writer = new PcapngWriter();
    for (const seed of [5, 6]) {
      const one = new PcapngWriter();
      runScenario(readScenario(`seed=${seed}&traffic=bulk,300k`).scenario, one);
      const { reader, packets } = readCapture(one.take());
      const interfaces = reader.interfaces.map(({ linkType, name }) =>
        writer.addInterface({ linkType, name }),
      );
      for (const packet of packets) {
        packet.interfaceIndex = interfaces[packet.interfaceIndex]!;
        writer.write(packet);
      }
    }
    writeFileSync(two, writer.take());
    const nothing = new PcapngWriter();
    nothing.addInterface({ linkType: LinkType.RAW, name: 'idle' });
    writeFileSync(empty, nothing.take());
    await browser.open();
  });
  afterEach(async () => {
    const { complaints } = lab;
    await page.context().close();
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function visit(): Promise<void> {
    lab = await browser.visit('learn');
    page = lab.page;
    await page.context().addInitScript(holding);
    await page.goto('about:blank');
    await browser.with((_, url) => page.goto(`${url}#capture`));
    await page.locator('.opener').waitFor();
  }

  const open = (file: string): Promise<void> => page.setInputFiles('input[type=file]', file);
  const hold = (type: string): Promise<unknown> => page.evaluate(`globalThis.heldType = '${type}'`);
  const held = (): Promise<number> => page.evaluate('globalThis.heldCount()');
  const letGo = (): Promise<unknown> => page.evaluate('globalThis.letGo()');

  it('draw nothing of a capture that is not open any more, and nothing is waited for', async () => {
    await visit();
    await hold('drawing');
    await open(two);
    await expect.poll(held).toBe(1);
    await open(empty);
    await expect.poll(() => page.getByTestId('packets').innerText()).toBe('0');
    expect(await page.locator('.progress').count()).toBe(0);
    await letGo();
    expect(await page.getByTestId('detail').count()).toBe(0);
  });

  it('do not show a packet that nobody points at any more', async () => {
    await visit();
    await open(two);
    await page.locator('[data-figure=sequence]').waitFor();
    await page.locator('[data-figure=sequence] canvas').last().focus();
    await hold('packet');
    for (const key of ['s', 'n']) await page.keyboard.press(key);
    await expect.poll(held).toBe(1);
    await page.keyboard.press('Escape');
    await letGo();
    expect(await page.getByTestId('packet').count()).toBe(0);
  });

  it('of another connection, which a link leads to, show all its subflows', async () => {
    await visit();
    await open(two);
    await page.locator('[data-figure=sequence]').waitFor();
    await page.getByLabel('Show subflow 0').uncheck();
    const shown = await page.getByRole('heading', { name: /^Connection \d/ }).innerText();
    const other = shown.startsWith('Connection 0') ? 1 : 0;
    await page.evaluate(`location.hash = '#capture?connection=${other}'`);
    await page.getByRole('heading', { name: `Connection ${other}:` }).waitFor();
    expect(await page.getByLabel('Show subflow 0').isChecked()).toBe(true);
  });
});
