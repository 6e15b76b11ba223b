/** Makes the two pictures of the README, in Debian's Chromium: a run of the playground, and a capture. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { serveLab } from '../../src/node/lab/index.js';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'docs', 'pictures');
const viewport = { width: 1280, height: 900 };

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
} finally {
  await browser.close();
  await server.close();
}
