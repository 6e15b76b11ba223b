/** A large capture in the lab, opened in Chromium as somebody would, and what that took. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { simulatedCapture } from './simulated-capture.js';

/** Writes the capture of a transfer over two paths, of `bytes` or a little more. */
export function writeLargeCapture(file: string, bytes: number): void {
  const fd = openSync(file, 'w');
  for (const chunk of simulatedCapture(bytes)) writeSync(fd, chunk);
  closeSync(fd);
}

/** What opening took. */
export interface OpenedCapture {
  readonly packets: number;
  /** Seconds from the choice of the file to its report, and to the figures of its connection. */
  readonly reportSeconds: number;
  readonly drawnSeconds: number;
  /** The longest that the page did not draw meanwhile, in ms; on a machine that does other work, that of others too. */
  readonly longestGapMs: number;
  /** Processor time of the longest that the page's thread was at work without a pause, in ms. */
  readonly longestTaskMs: number;
  /** Most bytes that the process of the page, worker included, had in memory. */
  readonly peakBytes: number;
  /** Milliseconds from the wish to see a packet amid the file to its fields. */
  readonly findMs: number;
}

const WAIT_MS = 600_000;

/** Opens `file` in a new page of the lab at `url`. */
export async function openLargeCapture(browser: Browser, url: string, file: string): Promise<OpenedCapture> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    await page.goto(`${url}#capture`);
    await page.locator('.opener').waitFor();
    await watchFrames(page);
    await browser.startTracing(page, { categories: ['toplevel'] });
    const begunAt = performance.now();
    await page.setInputFiles('input[type=file]', file);
    await page.getByTestId('packets').waitFor();
    const reportSeconds = (performance.now() - begunAt) / 1000;
    await page.locator('[data-figure=sequence]').waitFor();
    const drawnSeconds = (performance.now() - begunAt) / 1000;
    // What is drawn at last is drawn in the frame that follows.
    await page.waitForTimeout(500);
    const longestGapMs = await longestGap(page);
    const longestTaskMs = longestTask(await browser.stopTracing());
    const packets = Number((await page.getByTestId('packets').innerText()).replaceAll(',', ''));
    const findMs = await find(page, Math.ceil(packets / 2));
    return {
      ...{ packets, reportSeconds, drawnSeconds, longestGapMs, longestTaskMs, findMs },
      peakBytes: await peakBytes(browser),
    };
  } finally {
    await context.close();
  }
}

/** Has the page note how long it went without a frame. As text: what compiles this file adds names that no page knows. */
async function watchFrames(page: Page): Promise<void> {
  await page.evaluate(`{
    globalThis.longestGapMs = 0;
    let before = 0;
    const note = (now) => {
      if (before > 0) globalThis.longestGapMs = Math.max(globalThis.longestGapMs, now - before);
      before = now;
      requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
  }`);
}

function longestGap(page: Page): Promise<number> {
  return page.evaluate('globalThis.longestGapMs');
}

/** A task as Chromium writes it into a trace; `tdur` is its processor time in µs. */
interface TracedTask {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

function longestTask(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: readonly TracedTask[] };
  const threadOf = ({ pid, tid }: TracedTask): string => `${pid} ${tid}`;
  const threads = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(threadOf),
  );
  const times = traceEvents.map((event) => (threads.has(threadOf(event)) ? (event.tdur ?? 0) : 0));
  return times.reduce((most, time) => Math.max(most, time), 0) / 1000;
}

/** In the middle of the list. */
async function find(page: Page, packet: number): Promise<number> {
  const rows = page.getByTestId('packet-rows');
  await rows.evaluate((list) => {
    const box = list as unknown as { scrollTop: number; scrollHeight: number };
    box.scrollTop = box.scrollHeight / 2;
  });
  await page.waitForTimeout(300);
  const row = rows.locator('[aria-selected]').nth(45);
  const wanted = (await row.locator('span').first().innerText()).trim();
  if (Math.abs(Number(wanted) - packet) > packet / 2) throw new Error(`${wanted} is not amid the file`);
  const begunAt = performance.now();
  await row.dispatchEvent('click');
  await page.getByRole('region', { name: `Packet ${wanted}`, exact: true }).waitFor();
  return performance.now() - begunAt;
}

/** By what the system counted of the largest process that shows pages. */
async function peakBytes(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const peaks = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? '0');
  return Math.max(...peaks.map(Number)) * 1024;
}
