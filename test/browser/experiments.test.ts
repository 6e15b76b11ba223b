import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { cellText, findExperiment, type Row } from '../../src/experiments/index.js';
import { runSubflow } from '../support/subflow-command.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { built, faultsOfLook, LabBrowser, type LabPage } from './lab-page.js';

/** Most bytes, compressed, until an experiment about paths has run: half of what all of them would be. */
const LOAD_BYTES = 200_000;

/** What `--json` prints, as far as it is compared. */
interface Printed {
  readonly rows: readonly Row[];
  readonly checks: readonly { readonly name: string; readonly pass: boolean }[];
  readonly figures: readonly string[];
  readonly notes: readonly string[];
}

/** Seven points in less than a second, with trials, a live figure and something published. */
const quick = {
  query: 'name=receive-window&seed=5&min-window=300k&max-window=300k&warm-up=0ms&duration=2s&runs=1',
  command:
    'run receive-window --min-window 300k --max-window 300k --warm-up 0ms --duration 2s --runs 1 --seed 5 --no-linux',
};

describeWith('experiments in a browser', [hasTool('chromium')], () => {
  const browser = new LabBrowser();
  const folder = mkdtempSync(join(tmpdir(), 'subflow-lab-experiments-'));
  let lab: LabPage;
  let page: Page;
  let printed: Printed;
  let saved: string;

  beforeAll(async () => {
    await browser.open();
    const run = await runSubflow(folder, ['experiment', ...quick.command.split(' '), '--json']);
    saved = join(folder, 'saved.json');
    writeFileSync(saved, run.out);
    printed = JSON.parse(run.out) as Printed;
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    const { complaints } = lab;
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  async function visit(hash: string, options = {}): Promise<void> {
    lab = await browser.visit(hash, options);
    page = lab.page;
    await page.getByTestId('command').waitFor();
  }

  /** Nothing that axe-core calls serious, and nothing beside the screen. */
  async function expectSound(colorScheme: 'light' | 'dark', width: number): Promise<void> {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    expect(await faultsOfLook(page)).toEqual([]);
  }

  const text = (id: string): Promise<string> => page.getByTestId(id).innerText();
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const open = (...files: string[]): Promise<void> => page.setInputFiles('input[type=file]', files);
  const figurePath = (path: string): string => join(folder, path);

  /** What a button gives away. */
  async function given(name: string): Promise<string> {
    const waiting = page.waitForEvent('download');
    await button(name).click();
    return readFileSync(await (await waiting).path(), 'utf8');
  }

  /** The table, as it is shown. */
  const cells = (): Promise<string[][]> =>
    page
      .locator('[data-testid=rows] tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) =>
          [...(row as unknown as { cells: Iterable<{ innerText: string }> }).cells].map((c) => c.innerText),
        ),
      );

  /** Drops files where a reader would. */
  async function drop(...paths: string[]): Promise<void> {
    const contents = paths.map((path) => [path.replace(/^.*\//, ''), readFileSync(path, 'utf8')] as const);
    const transfer = await page.evaluateHandle((given) => {
      const { DataTransfer: Transfer } = globalThis as unknown as {
        DataTransfer: new () => { items: { add(file: File): void } };
      };
      const made = new Transfer();
      for (const [name, content] of given) made.items.add(new File([content], name));
      return made;
    }, contents);
    await page.dispatchEvent('.experiments', 'dragover', { dataTransfer: transfer });
    await page.dispatchEvent('.experiments', 'drop', { dataTransfer: transfer });
  }

  it('give the rows, checks and figures of the command line, and all of it as files', async () => {
    await visit(`experiments?${quick.query}`);
    expect(await text('command')).toBe(`subflow experiment ${quick.command}`);
    await button('Run').click();
    await page.getByTestId('verdict').waitFor();
    const json = JSON.parse(await given('JSON')) as Printed;
    expect(json).toEqual({ ...printed, figures: [], notes: json.notes });
    const { columns } = findExperiment('receive-window');
    const expected = printed.rows.map((row) => columns.map((column) => cellText(column, row[column.name])));
    expect(await cells()).toEqual(expected);
    const checks = await page.locator('[data-testid=checks] tbody tr').allInnerTexts();
    expect(checks.map((check) => check.includes('✓ holds'))).toEqual(printed.checks.map(({ pass }) => pass));
    expect(await given('goodput as SVG')).toBe(readFileSync(figurePath(printed.figures[0]!), 'utf8'));
    expect((await given('table (CSV)')).split('\r\n')[0]).toBe('variant,windowBytes,goodputBps,halfWidthBps');
    expect(await given('report (HTML)')).toMatch(/^<!doctype html>[\s\S]*Beside what was published/);
    expect(await text('published')).toMatch(/NSDI 2012[\s\S]*/);

    // Another order by a click on a column, back by the third.
    const goodput = (table: string[][]): number[] => table.map(([, , value]) => Number(value));
    const ascending = [...goodput(expected)].sort((one, other) => one - other);
    await page.getByRole('button', { name: 'goodput (bit/s)' }).click();
    expect(goodput(await cells())).toEqual(ascending);
    await page.getByRole('button', { name: 'goodput (bit/s)' }).press('Enter');
    expect(goodput(await cells())).toEqual(ascending.reverse());
    await page.getByRole('button', { name: 'goodput (bit/s)' }).click();
    expect(await cells()).toEqual(expected);
    await expectSound('light', 1280);

    // Only what runs is loaded: one experiment, and what it runs on.
    const sizes = [...lab.loaded].map((name) => gzipSync(readFileSync(join(built, name))).length);
    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(LOAD_BYTES);
  });

  it('are chosen from a list, have a form made of their parameters, and stand in the address', async () => {
    await visit('experiments');
    await page.getByRole('link', { name: 'Every attack, and its defence' }).click();
    await page.getByRole('heading', { name: /^Attacks on Multipath TCP/ }).waitFor();
    expect(await text('published')).toContain('No curve or number was published');
    await page.getByRole('combobox', { name: 'attack', exact: true }).selectOption('remove-addr');
    await page.getByLabel('seed').fill('many');
    await page.keyboard.press('Tab');
    await page.locator('[aria-invalid=true]').waitFor();
    await page.getByLabel('seed').fill('9');
    await page.keyboard.press('Tab');
    await expect.poll(() => page.url()).toContain('#experiments?name=attacks&seed=9&attack=remove-addr');
    await button('Run').press('Enter');
    await page.getByTestId('verdict').waitFor();
    expect(await text('verdict')).toMatch(/^✓ All \d+ checks hold$/);
    await page.getByRole('link', { name: 'Round trips that proxies cost' }).click();
    await page.getByText('which no browser can ask').waitFor();
    expect(await page.getByRole('button', { name: 'Run', exact: true }).count()).toBe(0);
    await page.goBack();
    await page.getByRole('combobox', { name: 'attack', exact: true }).waitFor();
    expect(await text('command')).toContain('run attacks --attack remove-addr --seed 9');
  });

  it('show how far they are and what is known by then, and stop when they are told to', async () => {
    await visit('experiments?name=receive-window&seed=1&runs=100');
    await button('Run').click();
    await expect.poll(() => text('progress'), { timeout: 30_000 }).toMatch(/[1-9]\d* of 5500/);
    await page.locator('.run img.picture[alt*="so far"]').waitFor();
    expect(await page.getByLabel('runs').isDisabled()).toBe(true);
    await button('Cancel').click();
    expect(await page.getByTestId('progress').count()).toBe(0);
    await button('Small form').click();
    await expect.poll(() => page.url()).toMatch(/runs=1$/);
    await page.getByLabel('runs').fill('none');
    await page.keyboard.press('Tab');
    await page.locator('[aria-invalid=true]').waitFor();
    await button('Full form').click();
    await expect.poll(() => page.url()).toMatch(/name=receive-window&seed=1$/);
    // What made no sense goes with the value that it was to replace.
    expect(await page.getByLabel('runs').inputValue()).toMatch(/^\d+$/);
    expect(await page.locator('[aria-invalid=true]').count()).toBe(0);
  });

  it('open what was saved, with its figures as images, and refuse what is none', async () => {
    await visit('experiments?name=attacks');
    await drop(saved, figurePath(printed.figures[0]!));
    await page.getByTestId('verdict').waitFor();
    const shown = await cells();
    expect(shown).toHaveLength(printed.rows.length);
    await expect.poll(() => text('command')).toBe(`subflow experiment ${quick.command}`);
    const image = page.locator('[data-figure=goodput] img');
    await expect
      .poll(() => image.evaluate((img) => (img as unknown as { naturalWidth: number }).naturalWidth))
      .toBeGreaterThan(100);

    await expectSound('dark', 768);
    await page.getByRole('combobox', { name: /^experiment/ }).selectOption('fast-open');
    await page.getByRole('heading', { name: 'What data in the SYN saves' }).waitFor();

    const hostile = '"><img src=x onerror=alert(1)><script>alert(1)</script>';
    const attack = { ...printed, rows: printed.rows.map((row) => ({ ...row, variant: hostile })) };
    const figure = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="alert(1)"><title>x</title><script>alert(1)</script><image href="http://example.com/x.png"/></svg>`;
    writeFileSync(join(folder, 'hostile.json'), JSON.stringify({ ...attack, notes: [hostile], seed: 6 }));
    writeFileSync(join(folder, 'receive-window-goodput.svg'), figure);
    await open(join(folder, 'hostile.json'), join(folder, 'receive-window-goodput.svg'));
    await page.getByText('from hostile.json').waitFor();
    expect((await cells())[0]![0]).toBe(hostile);
    await page.getByText('no figure of this program is made so: receive-window-goodput.svg').waitFor();
    expect(await page.locator('main img, main script').count()).toBe(0);

    const refused: readonly (readonly [string, string, RegExp])[] = [
      ['text.json', 'no JSON', /text\.json holds no result of an experiment/],
      ['other.json', '{"schema":"subflow/demo/1"}', /other\.json holds no result/],
      [
        '<b>.json',
        JSON.stringify({ ...printed, name: '<b>' }),
        /<b>\.json is of an experiment that is not known/,
      ],
      ['seed.json', JSON.stringify({ ...printed, seed: -1 }), /seed\.json has a seed that no run has/],
      ['range.json', JSON.stringify({ ...printed, parameters: { runs: 1e9 } }), /range\.json has parameters/],
      ['rows.json', JSON.stringify({ ...printed, rows: [{ a: 1 }] }), /rows\.json has not the columns/],
      ['only.svg', figure, /no result among these files/],
    ];
    for (const [name, content, says] of refused) {
      writeFileSync(join(folder, name), content);
      await open(join(folder, name));
      await expect.poll(() => text('notices')).toMatch(says);
    }
    expect(await page.locator('.notices b').count()).toBe(0);
  });

  it('take the defaults, and say so, where an address makes no sense', async () => {
    await visit('experiments?name=%3Cimg%20src=x%3E&seed=-1&runs=many&<b>=1&%E0%A4%A');
    await expect
      .poll(() => text('notices'))
      .toMatch(/no experiment '<img src=x>'[\s\S]*no seed[\s\S]*runs is 1 to/);
    expect(await page.locator('.notices img, .notices b').count()).toBe(0);
    expect(await text('command')).toBe('subflow experiment run receive-window --seed 1 --no-linux');
  });
});
