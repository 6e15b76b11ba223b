/** The view of captures: a file that is dropped is read in this browser, and in no other place. */
import '../style/capture.css';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { formatCount, formatSize } from '../../src/base/index.js';
import { Figure } from '../plot/figure.js';
import { PanelGroup } from '../plot/panel-group.js';
import { ConnectionDetail } from './connection-detail.js';
import { CaptureFacts, ConnectionTable } from './report.js';
import { CaptureSession } from './session.js';

interface Props {
  readonly session: CaptureSession;
}

export function CaptureView(): JSX.Element {
  const session = useMemo(() => new CaptureSession(), []);
  const [isOver, setOver] = useState(false);
  useEffect(() => () => session.close(), [session]);
  const hasReport = session.report.value !== undefined;
  return (
    <div
      class={isOver ? 'capture over' : 'capture'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const file = event.dataTransfer?.files[0];
        if (file !== undefined) session.open(file);
      }}
    >
      <h2 class="unseen">Capture</h2>
      <Opener session={session} />
      <Progress session={session} />
      <div role="status" class="notices" data-testid="notices">
        {session.failure.value === '' ? null : <p>{session.failure.value}</p>}
      </div>
      {hasReport ? <Report session={session} /> : null}
    </div>
  );
}

function Opener({ session }: Props): JSX.Element {
  const file = session.file.value;
  return (
    <section class={file === undefined ? 'opener large' : 'opener'} aria-label="Open a capture">
      <label class="file">
        <input
          type="file"
          class="unseen"
          onChange={(event) => {
            const chosen = event.currentTarget.files?.[0];
            if (chosen !== undefined) session.open(chosen);
          }}
        />
        <span class="file-button">Open a capture</span>
      </label>
      <p class="soft">
        {file === undefined
          ? 'or drop one here: pcap or pcapng, also packed with gzip or Zstandard. It does not leave this browser.'
          : file.name}
      </p>
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

function Progress({ session }: Props): JSX.Element | null {
  const progress = session.progress.value;
  if (progress === undefined) return null;
  const { readBytes, allBytes, packets } = progress;
  return (
    <p class="progress">
      <progress aria-label="reading" max={Math.max(1, allBytes)} value={readBytes} />
      <span class="soft">
        {formatSize(readBytes)} of {formatSize(allBytes)}, {formatCount(packets)} packets
      </span>
    </p>
  );
}

function Report({ session }: Props): JSX.Element {
  const group = useMemo(() => new PanelGroup(), []);
  const live = useRef<HTMLDivElement>(null);
  useEffect(() => {
    group.say = (text) => {
      if (live.current !== null) live.current.textContent = text;
    };
  }, [group]);
  const report = session.report.value!;
  const chosen = session.chosen.value;
  const drawing = session.drawing.value;
  if (chosen !== undefined) group.setSpan(chosen.startNs / 1e9, (chosen.startNs + chosen.durationNs) / 1e9);
  return (
    <>
      <CaptureFacts report={report} />
      <ConnectionTable session={session} report={report} />
      {chosen === undefined ? null : (
        <ConnectionDetail session={session} connection={chosen} options={drawing?.options} />
      )}
      <section class="plots" aria-label="Plots">
        {drawing?.figures.map((figure) => (
          <Figure
            key={`${drawing.connection} ${drawing.sender} ${figure.id}`}
            figure={figure}
            group={group}
          />
        ))}
      </section>
      <div ref={live} class="unseen" aria-live="polite" />
    </>
  );
}
