/** Makes the two pictures of the README, in Debian's Chromium: a run of the playground, and a capture. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { PcapngWriter } from '../../src/capture/index.js';
import { readScenario, runScenario } from '../../src/lab/index.js';
import { serveLab } from '../../src/node/lab/index.js';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'docs', 'pictures');
const viewport = { width: 1280, height: 900 };

const temporary = mkdtempSync(join(tmpdir(), 'subflow-pictures-'));
mkdirSync(folder, { recursive: true });
const server = await serveLab({ folder: join(root, 'dist', 'web') });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const playground = await browser.newPage({ viewport, colorScheme: 'light' });
  await playground.goto(
    `${server.url}#playground?seed=4&traffic=bulk,20M&at=450ms,0,kill&at=1100ms,0,restore`,
  );
  await playground.waitForSelector('[data-testid=digest]');
  await playground.getByLabel('speed').fill('4');
  await playground.getByRole('button', { name: 'Run', exact: true }).click();
  const clock = playground.getByTestId('clock');
  while (Number.parseFloat(await clock.innerText()) < 1.6) await playground.waitForTimeout(20);
  await playground.getByRole('button', { name: 'Pause' }).click();
  await playground.waitForTimeout(300);
  await playground.screenshot({ path: join(folder, 'playground.png') });
  const capture = await browser.newPage({ viewport, colorScheme: 'dark' });
  const file = join(temporary, 'handover.pcapng');
  const writer = new PcapngWriter();
  runScenario(readScenario('seed=4&traffic=bulk,4M&at=450ms,0,kill').scenario, writer);
  writeFileSync(file, writer.take());
  await capture.goto(`${server.url}#capture`);
  await capture.setInputFiles('input[type=file]', file);
  await capture.locator('[data-figure=sequence]').waitFor();
  await capture.waitForTimeout(500);
  await capture.screenshot({ path: join(folder, 'capture.png') });
} finally {
  rmSync(temporary, { recursive: true, force: true });
  await browser.close();
  await server.close();
}
