/** Running it here: the forms that there are, the same on a command line, how far it is, and what is known by then. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatDuration } from '../../src/base/index.js';
import { commandLine } from '../../src/experiments/index.js';
import { Picture } from './picture.js';
import type { ExperimentsSession, Running } from './session.js';

interface Props {
  readonly session: ExperimentsSession;
}

export function RunBlock({ session }: Props): JSX.Element | null {
  const about = session.about.value;
  if (about === undefined) return null;
  const running = session.running.value;
  const line = commandLine(about, session.choice.value);
  return (
    <section class="block run" aria-label="Run">
      {about.needsLinux ? (
        <p>
          It is about the machine's own kernel, which no browser can ask. Run it as root on Linux, and open or
          drop here what it prints.
        </p>
      ) : (
        <RunButtons session={session} />
      )}
      <p class="same">
        <span class="soft">{about.needsLinux ? 'command' : 'the same by'}</span>{' '}
        <output data-testid="command">{`${line}${about.needsLinux ? ' --json' : ' --no-linux'}`}</output>
      </p>
      {running === undefined ? null : <Progress running={running} />}
    </section>
  );
}

function RunButtons({ session }: Props): JSX.Element {
  const isRunning = session.running.value !== undefined;
  return (
    <div class="buttons">
      {isRunning ? (
        <button type="button" class="main" onClick={() => session.cancel()}>
          Cancel
        </button>
      ) : (
        <button type="button" class="main" onClick={() => session.run()}>
          Run
        </button>
      )}
      <button type="button" disabled={isRunning} onClick={() => session.preset('small')}>
        Small form
      </button>
      <button type="button" disabled={isRunning} onClick={() => session.preset('full')}>
        Full form
      </button>
      <span class="soft">The small form ends within seconds; the full one may take minutes or hours.</span>
    </div>
  );
}

/** How often the time is brought up to date, in ms. */
const TICK_MS = 200;

function Progress({ running }: { readonly running: Running }): JSX.Element {
  const { progress, figure, sinceMs } = running;
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const { done, total, what } = progress;
  return (
    <>
      <p class="far" data-testid="progress">
        <progress aria-label="how far it is" max={Math.max(1, total)} value={done} />
        <span>{total === 0 ? '' : `${done} of ${total}`}</span>
        <span class="soft">{formatDuration(Math.max(0, now - sinceMs) * 1e6)}</span>
        <span class="soft what">{what}</span>
      </p>
      {figure === undefined ? null : <Picture figure={figure} />}
    </>
  );
}
