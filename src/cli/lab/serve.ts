/** Serves the built page of the lab until a signal ends it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadLab } from '../../node/index.js';
import { parseListen } from '../listen-address.js';
import { explainListen } from '../listen-hint.js';
import { untilSignal } from '../until-signal.js';

/** The built page, beside the compiled program. */
const folder = fileURLToPath(new URL('../../web/', import.meta.url));

/** Serves at `listen`; opens the page where `opens` and there is a screen. */
export async function serve(listen: string, opens: boolean): Promise<void> {
  const place = parseListen(listen, 8484);
  const { serveLab } = await loadLab();
  await untilSignal(async (signal) => {
    const server = await serveLab({ folder, ...place }).catch((error: NodeJS.ErrnoException) => {
      throw explainListen(error, place.port);
    });
    process.stderr.write(`The lab is at ${server.url} (Ctrl-C ends it)\n`);
    if (opens) openPage(server.url);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await server.close();
  });
}

/** Asks the desktop for a browser; where there is none, the address that was printed has to do. */
function openPage(url: string): void {
  const { platform, env } = process;
  if (platform === 'linux' && env['DISPLAY'] === undefined && env['WAYLAND_DISPLAY'] === undefined) return;
  const opener = platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
