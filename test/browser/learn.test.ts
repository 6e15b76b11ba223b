import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lessonNamed, lessons, readScenario, runLesson } from '../../src/lab/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { faultsOfLook, LabBrowser, type LabPage } from './lab-page.js';

describeWith('the lessons in a browser', [hasTool('chromium')], () => {
  const browser = new LabBrowser();
  let lab: LabPage;
  let page: Page;

  beforeAll(async () => {
    await browser.open();
    lab = await browser.visit('learn');
    page = lab.page;
  });
  afterAll(async () => {
    await browser.close();
    expect(lab.complaints).toEqual([]);
  });

  const text = (id: string): Promise<string> => page.getByTestId(id).innerText();
  const packets = (): Locator => page.locator('[data-packet]');
  const field = (name: string): Locator =>
    page.getByRole('treeitem', { name: new RegExp(`^[▾▸]?\\s*${name}`) }).first();
  const shown = (step: string, form: string): Promise<void> =>
    page.locator(`[data-lesson=${step}][data-form=${form}]`).waitFor();
  const address = async (): Promise<string> => new URL(page.url()).hash;

  /** Changes what stands behind the `#`, as a link does. */
  async function go(hash: string): Promise<void> {
    await page.evaluate(
      (to) => ((globalThis as unknown as { location: { hash: string } }).location.hash = to),
      hash,
    );
  }

  it('show every packet of the engine, step by step, with the words on it', async () => {
    for (const lesson of lessons) {
      const ran = runLesson(lesson);
      await page.getByRole('navigation', { name: 'Steps' }).getByText(lesson.title).click();
      await shown(lesson.id, ran.form);
      expect(await packets().count()).toBe(ran.packets.length);
      const last = ran.packets.findLast(({ caption }) => caption !== null)!;
      await page.locator(`[data-packet="${last.number}"] text`).first().click();
      await expect.poll(() => text('caption')).toContain(last.caption!.title);
      expect(await text('caption')).toContain(last.caption!.text);
      expect(await text('where')).toContain(`Packet ${last.number} of ${ran.packets.length}`);
      await expect.poll(address).toContain(`step=${lesson.id}`);
    }
    await page.getByText('← Handover').click();
    await shown('handover', 'leaves');
  });

  it('are gone through by arrow keys, and the address says where', async () => {
    await go('learn?step=join&packet=4');
    await shown('join', 'regular');
    await page.locator('[data-packet="4"]').focus();
    await page.keyboard.press('ArrowDown');
    const join = runLesson(lessonNamed('join')).packets[4]!;
    await expect.poll(() => text('caption')).toContain(join.caption!.title);
    await expect.poll(address).toBe('#learn?step=join&packet=5');
    await page.keyboard.press('End');
    expect(await text('where')).toContain('Packet 8 of 8');
    expect(await page.getByRole('button', { name: 'Next packet' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Previous packet' }).click();
    expect(await text('where')).toContain('Packet 7 of 8');
  });

  it('explain every field where the pointer is, on the side of the bytes and on that of the fields', async () => {
    await go('learn?step=join&packet=5');
    await expect.poll(() => text('where')).toContain('Packet 5 of 8');
    const token = page.getByRole('treeitem').filter({ hasText: /token0x/ });
    await token.hover();
    const about = await text('about-field');
    expect(about).toMatch(/^token 0x[0-9a-f]{8}/);
    expect(about).toContain('RFC 8684 §3.2');
    const lit = await page.locator('.packet-line .lit').allInnerTexts();
    expect(`token 0x${lit.join('')}`).toBe(about.split('\n')[0]);
    await page.locator('[data-byte="20"]').hover();
    expect(await text('about-field')).toMatch(/^source port/);
    await field('TCP').click();
    expect(await token.count()).toBe(0);
    await page.keyboard.press('ArrowRight');
    expect(await token.count()).toBe(1);
    await page.keyboard.press('ArrowDown');
    expect(await text('about-field')).toMatch(/^source port/);
  });

  it('are run again with a change, and show a packet as it was sent and as it arrived', async () => {
    await go('learn?step=fall-back');
    await shown('fall-back', 'stripped');
    await page.locator('label', { hasText: 'as it arrived' }).click();
    const mptcp = page.getByRole('treeitem').filter({ hasText: 'MP_CAPABLE' });
    expect(await mptcp.count()).toBe(0);
    await page.locator('label', { hasText: 'as it was sent' }).click();
    expect(await mptcp.count()).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'now a box that changes payload' }).click();
    await shown('fall-back', 'rewritten');
    expect(await page.getByRole('option', { name: /MP_FAIL/ }).count()).toBe(2);
    await expect.poll(address).toBe('#learn?step=fall-back&form=rewritten');
  });

  it('end in a question with its answer, and in a scenario of the playground', async () => {
    const { answer, scenario } = lessonNamed('fall-back');
    expect(await page.getByText(answer).isVisible()).toBe(false);
    await page.getByText('Answer', { exact: true }).click();
    expect(await page.getByText(answer).isVisible()).toBe(true);
    await page.getByRole('link', { name: 'Open this scenario' }).click();
    await page.waitForSelector('[data-testid=digest]');
    const command = (await text('command')).replace(/^subflow lab run '(.*)'$/, '$1');
    expect(readScenario(command).scenario).toEqual(readScenario(scenario).scenario);
    expect(await page.locator('.playground').getByTestId('notices').innerText()).toBe('');
  });

  it('take no harm from what stands in an address', async () => {
    for (const hash of [
      'learn?step=<img src=x>&form=<b>&packet=-1',
      'learn?step=__proto__&form=constructor&packet=1e9',
      'learn?%%%',
    ]) {
      await go(hash);
      await shown('handshake', 'version-1');
    }
    expect(await page.locator('main img').count()).toBe(0);
  });

  it.each(['light', 'dark'] as const)('have nothing that axe-core calls serious, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await go('learn?step=handover&packet=9');
    await shown('handover', 'leaves');
    for (const width of [1280, 768]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await faultsOfLook(page)).toEqual([]);
    }
  });
});
