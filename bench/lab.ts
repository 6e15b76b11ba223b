/**
 * How fast the lab is. `lab.simulate`: how many times as fast as a clock two full paths of 20 Mbit/s go by with all plots on:
 * in Node (by CPU time, against the same hosts and links without lab), and on the page in Chromium (by the clock). The first
 * seconds, in which all code is new to the compiler, do not count. `lab.points`: how often a second a figure of 100,000 points
 * is drawn while its reader zooms. `lab.load`: what a browser loads before it shows the first picture, compressed, and how
 * long that takes. Where there is no Chromium, only what Node tells.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';
import { MILLISECOND, NEVER, SECOND } from '../src/base/index.js';
import { LabWorld, liveKinds, makeLiveFigure, readScenario, summarise } from '../src/lab/index.js';
import { pathAddress, Simulator, twoHosts } from '../src/network/index.js';
import { serveLab } from '../src/node/lab/index.js';
import { columnBuffers, figureData, type Point, type Series } from '../src/plot/index.js';
import { Stack } from '../src/stack/index.js';
import type * as plotLayer from '../src/plot/index.js';
import type { BenchResult } from './result.js';

const chromiumPath = '/usr/bin/chromium';
const built = join(import.meta.dirname, '..', 'dist');

const scenario = 'path=Wi-Fi,20M,10ms,0%,100k&path=LTE,20M,10ms,0%,100k&traffic=bulk,1G';
/** Virtual time that goes by before anything is measured, and while it is. */
const WARM_UP_NS = 40 * SECOND;
const MEASURED_NS = 80 * SECOND;
/** Time between two pictures, in ms, as on the page. */
const PICTURE_MS = 140;
/** How long a page is watched, in ms, and how long it has run before. */
const WATCHED_MS = 5000;
const POINTS = 100_000;
const LOADS = 5;

export async function run(wanted = ''): Promise<BenchResult[]> {
  const isWanted = (prefix: string): boolean => prefix.startsWith(wanted) || wanted.startsWith(prefix);
  const results: BenchResult[] = isWanted('lab.simulate') ? simulateInNode() : [];
  if (!existsSync(chromiumPath)) return results;
  const server = await serveLab({ folder: join(built, 'web') });
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  try {
    if (isWanted('lab.simulate')) results.push(await simulateOnPage(browser, server.url));
    if (isWanted('lab.points')) results.push(await drawPoints(browser));
    if (isWanted('lab.load')) results.push(...(await load(browser, server.url)));
  } finally {
    await browser.close();
    await server.close();
  }
  return results;
}

/** Seconds of CPU that `work` takes. */
function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function simulateInNode(): BenchResult[] {
  const bare = bareHosts();
  bare.run({ until: WARM_UP_NS });
  const bareCpu = cpuSeconds(() => bare.run({ until: WARM_UP_NS + MEASURED_NS }));
  const world = new LabWorld(readScenario(scenario).scenario);
  watch(world, WARM_UP_NS);
  const cpu = cpuSeconds(() => watch(world, WARM_UP_NS + MEASURED_NS));
  if (!world.client.isIntact || world.isDone) throw new Error('this is not the scenario');
  const times = Number((MEASURED_NS / SECOND / cpu).toFixed(1));
  return [
    {
      ...{ name: 'lab.simulate.node', value: times, unit: 's of two 20 Mbit/s paths per s of CPU' },
      ...{ better: 'higher', target: 20, peer: null },
    },
    {
      ...{ name: 'lab.simulate.vsBare', value: Number((bareCpu / cpu).toFixed(2)), unit: 'ratio' },
      ...{ better: 'higher', target: null, peer: 'the same hosts and links without the lab' },
    },
  ];
}

/** Lets `world` go on, with pictures as the worker of the page makes and hands them over. */
function watch(world: LabWorld, untilNs: number): void {
  let drawnAt = performance.now();
  while (world.now < untilNs) {
    world.advance(untilNs, 1000);
    if (performance.now() - drawnAt < PICTURE_MS) continue;
    drawnAt = performance.now();
    const figures = liveKinds.map((id) => figureData({ id, figure: makeLiveFigure(id, world) }));
    const flights = world.flights.take(world.now);
    structuredClone(
      { figures, flights, summary: summarise(world) },
      { transfer: [flights.buffer, ...columnBuffers(figures)] },
    );
  }
}

/** The hosts and links of the scenario, and a server that never stops writing. */
function bareHosts(): Simulator {
  const simulator = new Simulator(1);
  const both = { rateBps: 20e6, delayNs: 10 * MILLISECOND, queue: { bytes: 100_000 } };
  const stack = (): Stack => new Stack({ random: simulator.random.fork() });
  const { client, server } = twoHosts(simulator, {
    ...{ client: stack(), server: stack(), paths: [{ both }, { both }] },
  });
  const listener = server.stack.listen(0, { local: { port: 80 } });
  const idle = { pollTimeout: () => NEVER, handleTimeout: () => undefined };
  const chunk = new Uint8Array(64 * 1024);
  server.run(0, {
    ...idle,
    handleEvent: (now, event) => {
      const socket = event.type === 'acceptable' ? listener.accept() : event.socket;
      if (event.type === 'acceptable' || event.type === 'writable') while (socket?.write(now, chunk));
    },
  });
  client.stack.connect(0, { remote: { address: pathAddress(0, 'server', 4), port: 80 } });
  client.run(0, {
    ...idle,
    handleEvent: (now, event) => {
      if (event.type === 'readable') while (event.socket.read(now) !== undefined);
    },
  });
  return simulator;
}

async function simulateOnPage(browser: Browser, url: string): Promise<BenchResult> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${url}#playground?${scenario.replaceAll('%', '%25')}`);
  await page.getByLabel('speed').fill('8');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const clock = async (): Promise<number> => Number.parseFloat(await page.getByTestId('clock').innerText());
  await page.waitForTimeout(WATCHED_MS);
  const [from, fromMs] = [await clock(), performance.now()];
  await page.waitForTimeout(WATCHED_MS);
  const value = (((await clock()) - from) * 1000) / (performance.now() - fromMs);
  await page.close();
  return {
    ...{ name: 'lab.simulate.page', value: Number(value.toFixed(1)), unit: 's of two 20 Mbit/s paths per s' },
    ...{ better: 'higher', target: 20, peer: null },
  };
}

/** A figure as a long capture gives: segments of two subflows, DATA_ACKs, round-trip times, and the queue. */
function manyPoints(): Series[] {
  const series = (name: string, kind: Series['kind'], count: number, at: (i: number) => Point): Series => ({
    ...{ name, kind, points: Array.from({ length: count }, (_, i) => at(i)) },
  });
  const noise = (i: number): number => (Math.imul(i, 0x9e3779b1) >>> 0) / 2 ** 32;
  const segment = (i: number, y: number): Point => ({ x: i / 1000, y, top: y + 1400, packet: i });
  return [
    series('queue', 'area', POINTS / 10, (i) => ({
      x: i / 333,
      y: i * 4200,
      top: i * 4200 + noise(i) * 5e6,
    })),
    series('DATA_ACK', 'step', POINTS / 5, (i) => ({ x: i / 666, y: i * 2100 })),
    series('subflow 0', 'segments', (3 * POINTS) / 10, (i) => segment(i, i * 1400)),
    series('subflow 1', 'segments', (3 * POINTS) / 10, (i) => segment(i, i * 1400 + noise(i) * 3e6)),
    series('again', 'scatter', POINTS / 10, (i) => ({ x: i / 333, y: i * 4200 * (0.8 + 0.2 * noise(i)) })),
  ];
}

async function drawPoints(browser: Browser): Promise<BenchResult> {
  // The program of a page is the text of its classes: as they are built, not as a loader of TypeScript changes them.
  const plot = (await import(join(built, 'plot', 'index.js'))) as typeof plotLayer;
  const axes = { x: { label: 'time', unit: 's' }, y: { label: 'data', unit: 'B' } } as const;
  const figure = { kind: 'xy', title: 'Points', caption: '', ...axes, series: manyPoints() } as const;
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.setContent(plot.renderPage('Points', [{ id: 'points', figure }]));
  const value = await page.evaluate<number>(`new Promise((resolve) => {
    const canvas = document.querySelector('.frame canvas');
    const from = performance.now();
    let frames = 0;
    const next = () => {
      const ms = performance.now() - from;
      if (ms > ${WATCHED_MS}) return resolve((frames * 1000) / ms);
      canvas.dispatchEvent(new KeyboardEvent('keydown', { key: frames++ % 2 === 0 ? '+' : '-' }));
      requestAnimationFrame(next);
    };
    next();
  })`);
  await page.close();
  return {
    ...{ name: 'lab.points', value: Number(value.toFixed(1)), unit: `frames/s of ${POINTS} points` },
    ...{ better: 'higher', target: 60, peer: null },
  };
}

async function load(browser: Browser, url: string): Promise<BenchResult[]> {
  const loaded = new Set<string>();
  const times: number[] = [];
  for (let i = 0; i < LOADS; i++) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.on('request', (request) => loaded.add(new URL(request.url()).pathname.slice(1) || 'index.html'));
    const page = await context.newPage();
    await page.goto(`${url}#playground`);
    await page.waitForSelector('[data-testid=digest]');
    times.push(await page.evaluate(() => performance.now()));
    await context.close();
  }
  const bytes = [...loaded].reduce(
    (sum, name) => sum + gzipSync(readFileSync(join(built, 'web', name))).length,
    0,
  );
  const median = times.sort((a, b) => a - b)[LOADS >> 1]!;
  const less = { better: 'lower', peer: null } as const;
  return [
    { ...less, name: 'lab.load.bytes', value: bytes, unit: 'bytes, compressed', target: 300_000 },
    { ...less, name: 'lab.load.firstPicture', value: Math.round(median), unit: 'ms', target: null },
  ];
}
