/** Serves the built page of the lab until a signal ends it; on Linux with what it may see and do of this machine. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LabServer, loadLab } from '../../node/index.js';
import { UsageError } from '../errors.js';
import { parseListen } from '../listen-address.js';
import { explainListen } from '../listen-hint.js';
import { namespaceError } from '../namespace-hint.js';
import { aborted, untilSignal } from '../until-signal.js';

/** The built page, beside the compiled program. */
const folder = fileURLToPath(new URL('../../web/', import.meta.url));

export interface ServeFlags {
  readonly listen: string;
  /** False with `--no-open`. */
  readonly open: boolean;
  readonly allowControl?: true;
  readonly namespace?: string;
}

/** Serves; opens the page where that is wanted and there is a screen. */
export async function serve({ listen, open, allowControl, namespace }: ServeFlags): Promise<void> {
  const place = parseListen(listen, 8484);
  if (allowControl && !/^(127\.|::1$)/.test(place.host))
    throw new UsageError(
      '--allow-control is for pages on this machine: what goes over a network can be read there',
      'listen on 127.0.0.1, and reach it by ssh -L 8484:127.0.0.1:8484',
    );
  if (namespace !== undefined) await lookInto(namespace);
  const { serveLab } = await loadLab();
  await untilSignal(async (signal) => {
    const live = {
      ...{ namespace, allowsControl: allowControl === true },
      onControl: ({ isDone, said }: { readonly isDone: boolean; readonly said: string }) =>
        void process.stderr.write(`${isDone ? 'done' : 'refused'}: ${said}\n`),
    };
    const isLinux = process.platform === 'linux';
    const server = await serveLab({ folder, ...place, ...(isLinux && { live }) }).catch(
      (error: NodeJS.ErrnoException) => {
        throw explainListen(error, place.port);
      },
    );
    const url = addressOf(server);
    process.stderr.write(`The lab is at ${url} (Ctrl-C ends it)\n`);
    const closeOpener = open ? openPage(url) : undefined;
    await aborted(signal);
    closeOpener?.();
    await server.close();
  });
}

/** One that cannot be looked into is told now, and not by every look. */
async function lookInto(namespace: string): Promise<void> {
  const { insideNamespaceAt } = await import('../../linux/index.js');
  try {
    insideNamespaceAt(namespace, () => undefined);
  } catch (error) {
    throw namespaceError(namespace, (error as Error).message);
  }
}

/** The address to open. What is behind the `#`, no browser sends anywhere. */
function addressOf({ url, token }: LabServer): string {
  return token === undefined ? url : `${url}#token=${token}`;
}

/**
 * Asks the desktop for a browser; where there is none, the address that was printed has to do. What a program is started with, everybody on
 * this machine may read: so it is given a file that only this user may, which leads to the address. Gives what removes it.
 */
function openPage(url: string): (() => void) | undefined {
  const { platform, env } = process;
  if (platform === 'linux' && env['DISPLAY'] === undefined && env['WAYLAND_DISPLAY'] === undefined) return;
  const place = mkdtempSync(join(env['XDG_RUNTIME_DIR'] ?? tmpdir(), 'subflow-lab-'));
  const file = join(place, 'lab.html');
  writeFileSync(
    file,
    `<!doctype html><title>Subflow lab</title><meta http-equiv="refresh" content="0; url=${url}">\n`,
    {
      mode: 0o600,
    },
  );
  const opener = platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(opener, [file], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
  return () => rmSync(place, { recursive: true, force: true });
}
