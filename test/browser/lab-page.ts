/** The lab in Debian's Chromium, as somebody uses it; and what no page of it may ever do, watched all the while. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { type LabServer, type LiveOptions, serveLab } from '../../src/node/lab/index.js';

/** The built page. */
export const built = join(import.meta.dirname, '..', '..', 'dist', 'web');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Where Debian has it. */
const chromiumPath = '/usr/bin/chromium';

/** A page of the lab, and what it did that it should not. */
export interface LabPage {
  readonly page: Page;
  /** Errors on the console, requests to other origins, violations of the content security policy: none, as a rule. */
  readonly complaints: readonly string[];
  /** Names of the built files that were asked for, each once. */
  readonly loaded: ReadonlySet<string>;
}

/** The browser and a server of the lab. */
export class LabBrowser {
  private browser: Browser | undefined = undefined;
  private server: LabServer | undefined = undefined;

  /** With `live`, it tells the page of a machine. */
  async open(live?: LiveOptions): Promise<LabServer> {
    this.server = await serveLab({ folder: built, ...(live && { live }) });
    // As root there is no sandbox to be had; what it shows is this project's own.
    this.browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
    return this.server;
  }

  async close(): Promise<void> {
    await this.browser?.close();
    await this.server?.close();
  }

  /** For who opens pages of an own kind. */
  with<Result>(use: (browser: Browser, url: string) => Promise<Result>): Promise<Result> {
    return use(this.browser!, this.server!.url);
  }

  /** Opens the lab at an address behind the `#`; of another server than its own where one is given. */
  async visit(
    hash: string,
    options: BrowserContextOptions = {},
    { url }: LabServer = this.server!,
  ): Promise<LabPage> {
    const context = await this.browser!.newContext({
      viewport: { width: 1280, height: 900 },
      acceptDownloads: true,
      ...options,
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    const loaded = new Set<string>();
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    context.on('request', (request) => {
      const asked = request.url();
      if (asked.startsWith(url)) loaded.add(new URL(asked).pathname.slice(1) || 'index.html');
      else if (!asked.startsWith('blob:')) complaints.push(`request: ${asked}`);
    });
    await page.goto(`${url}#${hash}`);
    return { page, complaints, loaded };
  }
}

/**
 * What is wrong with how a page looks, as it stands: what axe-core calls serious or critical, and that something reaches beside
 * its screen.
 */
export async function faultsOfLook(page: Page): Promise<readonly string[]> {
  const reach: number = await page.evaluate('document.documentElement.scrollWidth');
  const { width } = page.viewportSize()!;
  const tooWide = reach > width ? [`${reach} pixels wide on a screen of ${width}`] : [];
  return [...(await seriousFindings(page)), ...tooWide];
}

/** What axe-core finds that is serious or critical, each with the elements. */
async function seriousFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: tool } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; impact: string; nodes: { target: unknown; failureSummary: string }[] }[];
        }>;
      };
    };
    const { violations } = await tool.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) => `${id}: ${nodes.map((n) => `${String(n.target)} ${n.failureSummary}`).join('; ')}`,
      );
  });
}
