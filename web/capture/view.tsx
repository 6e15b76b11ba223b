/** The view of captures: a file that is dropped is read in this browser, and in no other place. */
import '../style/capture.css';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatCount, formatSize } from '../../src/base/index.js';
import { visibleText, writeLook } from '../../src/lab/index.js';
import { useDropTarget } from '../drop-target.js';
import type { CaptureTask } from '../protocol/capture.js';
import { ConnectionDetail } from './connection-detail.js';
import { takeDropped } from './drop.js';
import { Inspector } from './packets.js';
import { PlotBar, Plots } from './plots.js';
import { CaptureFacts, ConnectionTable } from './report.js';
import { CaptureSession } from './session.js';

interface Props {
  readonly session: CaptureSession;
}

export function CaptureView(): JSX.Element {
  const session = useMemo(() => new CaptureSession(), []);
  const { isOver, listeners } = useDropTarget((data) => {
    const dropped = takeDropped<File>([...(data?.items ?? [])]);
    if ('file' in dropped) session.open(dropped.file);
    else session.refuse(dropped.refusal);
  });
  useEffect(() => () => session.close(), [session]);
  return (
    <div class={isOver ? 'capture over' : 'capture'} {...listeners}>
      <h2 class="unseen">Capture</h2>
      <Opener session={session} />
      <Progress session={session} />
      <div role="status" class="notices" data-testid="notices">
        {session.failure.value === '' ? null : (
          <p>
            <bdi>{session.failure.value}</bdi>
          </p>
        )}
      </div>
      {session.summary.value === undefined ? null : <Report session={session} />}
    </div>
  );
}

function Opener({ session }: Props): JSX.Element {
  const file = session.file.value;
  const wish = writeLook(session.wish.value);
  return (
    <section class={file === undefined ? 'opener large' : 'opener'} aria-label="Open a capture">
      <label class="file">
        <input
          type="file"
          class="unseen"
          onChange={(event) => {
            const chosen = event.currentTarget.files?.[0];
            if (chosen !== undefined) session.open(chosen);
            // The same file may be opened again, after it has changed say.
            event.currentTarget.value = '';
          }}
        />
        <span class="file-button">Open a capture</span>
      </label>
      <p class="soft">
        {file === undefined ? (
          'or drop one here: pcap or pcapng, also packed with gzip or Zstandard. It does not leave this browser.'
        ) : (
          <bdi>{visibleText(file.name)}</bdi>
        )}
      </p>
      {file === undefined && wish !== '' ? (
        <p data-testid="wish">The link is to a place in a capture ({wish}): open that capture.</p>
      ) : null}
      <label class="tick">
        <input
          type="checkbox"
          checked={session.includesPlain.value}
          onChange={(event) => {
            session.includesPlain.value = event.currentTarget.checked;
            session.open();
          }}
        />
        plain TCP connections too
      </label>
    </section>
  );
}

const words: Readonly<Partial<Record<CaptureTask, string>>> = {
  ...{ open: 'reading', look: 'reading for the figures', export: 'reading for the file' },
};

function Progress({ session }: Props): JSX.Element | null {
  const [task, progress] = Object.entries(session.tasks.value).find(([name]) => name !== 'packet') ?? [];
  if (task === undefined || progress === undefined) return null;
  const { readBytes, allBytes, packets } = progress;
  const what = words[task as CaptureTask] ?? '';
  return (
    <p class="progress">
      <progress aria-label={what} max={Math.max(1, allBytes)} value={readBytes} />
      <span class="soft">
        {what}: {formatSize(readBytes)} of {formatSize(allBytes)}, {formatCount(packets)} packets
      </span>
      <button type="button" onClick={() => session.stop()}>
        Stop
      </button>
    </p>
  );
}

function Report({ session }: Props): JSX.Element {
  const live = useRef<HTMLDivElement>(null);
  useEffect(() => {
    session.group.say = (text) => {
      if (live.current !== null) live.current.textContent = text;
    };
  }, [session]);
  const summary = session.summary.value!;
  const drawing = session.drawing.value;
  return (
    <>
      <CaptureFacts session={session} summary={summary} />
      <ConnectionTable session={session} summary={summary} />
      {drawing === undefined ? null : (
        <>
          <ConnectionDetail session={session} connection={drawing.connection} options={drawing.options} />
          <PlotBar session={session} drawing={drawing} />
          <div class="work">
            <Plots session={session} drawing={drawing} />
            <Inspector session={session} drawing={drawing} />
          </div>
        </>
      )}
      <div ref={live} class="unseen" aria-live="polite" />
    </>
  );
}
