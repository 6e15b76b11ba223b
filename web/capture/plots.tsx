/** The figures of the connection: whose data, which part of the time, and the figures themselves. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { allTime, type PlotKind, readSpan, writeTime } from '../../src/lab/index.js';
import type { Sender } from '../../src/trace/index.js';
import { Figure } from '../plot/figure.js';
import type { CaptureDrawing } from '../protocol/capture.js';
import type { CaptureSession } from './session.js';

interface Props {
  readonly session: CaptureSession;
  readonly drawing: CaptureDrawing;
}

const senders: readonly Sender[] = ['server', 'client'];

export function PlotBar({ session, drawing }: Props): JSX.Element {
  return (
    <section class="panel plot-bar" aria-label="What is drawn">
      <fieldset class="switch">
        <legend class="unseen">Whose data is drawn</legend>
        {senders.map((sender) => (
          <label key={sender}>
            <input
              type="radio"
              name="sender"
              checked={session.sender.value === sender}
              onChange={() => (session.sender.value = sender)}
            />
            <span>data of the {sender}</span>
          </label>
        ))}
      </fieldset>
      <Span key={`${drawing.connection.id} ${drawing.span.fromNs} ${drawing.span.toNs}`} session={session} />
    </section>
  );
}

/** A part of the time: typed, or what the figures show. */
function Span({ session }: { readonly session: CaptureSession }): JSX.Element {
  const { fromNs, toNs } = session.span.value;
  const [from, setFrom] = useState(fromNs === null ? '' : writeTime(fromNs));
  const [to, setTo] = useState(toNs === null ? '' : writeTime(toNs));
  const span = readSpan(from, to);
  const field = (name: string, value: string, set: (text: string) => void, hint: string): JSX.Element => (
    <label class="field inline">
      <span>{name}</span>
      <input
        type="text"
        class="time"
        placeholder={hint}
        value={value}
        aria-invalid={span === undefined}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
  const { time } = session.group;
  return (
    <form
      class="buttons"
      onSubmit={(event) => {
        event.preventDefault();
        if (span !== undefined) session.lookAt(span);
      }}
    >
      {field('from', from, setFrom, 'beginning')}
      {field('to', to, setTo, 'end')}
      <button type="submit" disabled={span === undefined}>
        Look at this span
      </button>
      <button
        type="button"
        onClick={() =>
          session.lookAt({
            fromNs: Math.max(0, Math.floor(time.low * 1e9)),
            toNs: Math.ceil(time.high * 1e9),
          })
        }
      >
        Look at what is shown only
      </button>
      <button
        type="button"
        disabled={fromNs === null && toNs === null}
        onClick={() => session.lookAt(allTime)}
      >
        All of the time
      </button>
    </form>
  );
}

export function Plots({ session, drawing }: Props): JSX.Element {
  const { connection, span, figures } = drawing;
  const sender = session.sender.value;
  const drawn = figures[sender];
  return (
    <section class="plots" aria-label="Plots">
      {drawn.length === 0 ? (
        <p class="panel soft">
          There is nothing to draw of the {sender}'s data: look at the other host's, or at more of the time.
        </p>
      ) : null}
      {drawn.map((figure) => (
        <Figure
          key={`${connection.id} ${sender} ${span.fromNs} ${span.toNs} ${figure.id}`}
          figure={figure}
          group={session.group}
          hidden={session.hiddenSeries.value}
          tools={(['svg', 'csv'] as const).map((what) => (
            <button
              key={what}
              type="button"
              class="small"
              aria-label={`${figure.title} as ${what.toUpperCase()}`}
              onClick={() => session.export(what, figure.id as PlotKind)}
            >
              {what.toUpperCase()}
            </button>
          ))}
        />
      ))}
    </section>
  );
}
