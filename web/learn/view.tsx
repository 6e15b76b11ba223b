/** The view of the lessons: five steps, each with its packets, the words on them, and something to try. */
import '../style/learn.css';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { LessonPacket, LessonRun } from '../../src/lab/index.js';
import { PacketFields } from '../packet/packet-fields.js';
import { Ladder } from './ladder.js';
import { LearnSession } from './session.js';
import { steps } from './steps.js';

interface Props {
  readonly session: LearnSession;
}

interface RunProps extends Props {
  readonly run: LessonRun;
}

export function LearnView(): JSX.Element {
  const session = useMemo(() => new LearnSession(), []);
  useEffect(() => () => session.close(), [session]);
  const run = session.run.value;
  const { step } = session.place.value;
  return (
    <div class="learn">
      <nav class="steps" aria-label="Steps">
        <ol>
          {steps.map(([name, title], index) => (
            <li key={name}>
              <a href={`#learn?step=${name}`} aria-current={name === step ? 'step' : undefined}>
                <span class="soft">{index + 1}</span> {title}
              </a>
            </li>
          ))}
        </ol>
      </nav>
      <div role="status" class="notices" data-testid="notices">
        {session.failure.value === '' ? null : <p>{session.failure.value}</p>}
      </div>
      {run === undefined ? null : <Step session={session} run={run} />}
    </div>
  );
}

function Step({ session, run }: RunProps): JSX.Element {
  const chosen = session.chosen.value;
  return (
    <article data-testid="step" data-lesson={run.lesson} data-form={run.form}>
      <div class="learn-head">
        <h2>{run.title}</h2>
        <Forms session={session} run={run} />
      </div>
      <p class="learn-intro">{run.intro}</p>
      <div class="learn-columns">
        <Ladder run={run} chosen={chosen} choose={(packet) => session.choose(packet)} />
        {chosen === undefined ? null : <Packet session={session} run={run} packet={chosen} />}
        <Tries key={`${run.lesson} ${run.form}`} session={session} run={run} />
      </div>
      <Neighbours lesson={run.lesson} />
    </article>
  );
}

function Forms({ session, run }: RunProps): JSX.Element {
  return (
    <fieldset class="switch">
      <legend class="unseen">What happens</legend>
      {run.forms.map(({ id, name }) => (
        <label key={id}>
          <input type="radio" name="form" checked={id === run.form} onChange={() => session.change(id)} />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface PacketProps extends RunProps {
  readonly packet: LessonPacket;
}

function Packet({ session, run, packet }: PacketProps): JSX.Element {
  const { number, caption, label, arrivedDissection, arrived } = packet;
  const isArrived = session.showsArrived.value && arrived !== null && arrivedDissection !== null;
  const bytes = isArrived ? arrived : packet.sent;
  const dissection = isArrived ? arrivedDissection : packet.sentDissection;
  return (
    <section class="learn-card" aria-label="The packet">
      <div class="learn-where">
        <button
          type="button"
          aria-label="Previous packet"
          disabled={number === 1}
          onClick={() => session.choose(number - 1)}
        >
          Previous
        </button>
        <button
          type="button"
          aria-label="Next packet"
          disabled={number === run.packets.length}
          onClick={() => session.choose(number + 1)}
        >
          Next
        </button>
        <p class="soft" data-testid="where">
          {whereText(run, packet)}
        </p>
      </div>
      <div class="learn-caption" aria-live="polite" data-testid="caption">
        <h3>{caption?.title ?? label}</h3>
        {caption === null ? null : (
          <p>
            {caption.text} <span class="soft">{caption.source}</span>
          </p>
        )}
      </div>
      {arrived === null ? null : <AsWhat session={session} />}
      <PacketFields
        key={`${run.lesson} ${run.form} ${number} ${isArrived}`}
        bytes={bytes}
        dissection={dissection}
        first={caption?.field}
      />
    </section>
  );
}

function whereText(
  { packets, paths }: LessonRun,
  { number, from, path, sentNs, arrivesNs, fate }: LessonPacket,
): string {
  const to = from === 'client' ? 'server' : 'client';
  const way = `${from} to ${to} over ${paths[path]?.name ?? ''}`;
  const end =
    fate === 'lost'
      ? ' ms, lost'
      : fate === 'dropped'
        ? ' ms, dropped by a box'
        : ` to ${milliseconds(arrivesNs)} ms`;
  const change = fate === 'changed' ? ', changed on the way' : '';
  return `Packet ${number} of ${packets.length}: ${way}, ${milliseconds(sentNs)}${end}${change}`;
}

function milliseconds(ns: number): string {
  return (ns / 1e6).toFixed(2);
}

/** As it was sent, or as a box let it through. */
function AsWhat({ session }: Props): JSX.Element {
  return (
    <fieldset class="switch learn-aswhat">
      <legend class="unseen">Which form of the packet</legend>
      {[false, true].map((isArrived) => (
        <label key={String(isArrived)}>
          <input
            type="radio"
            name="as-what"
            checked={session.showsArrived.value === isArrived}
            onChange={() => (session.showsArrived.value = isArrived)}
          />
          <span>{isArrived ? 'as it arrived' : 'as it was sent'}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Tries({ session, run }: RunProps): JSX.Element {
  const other = run.forms.find(({ id }) => id !== run.form);
  return (
    <section class="learn-tries" aria-label="To try">
      <div class="learn-card">
        <h3>A question</h3>
        <p>{run.question}</p>
        <details>
          <summary>Answer</summary>
          <p>{run.answer}</p>
        </details>
      </div>
      <div class="learn-card">
        <h3>In the playground</h3>
        <p>{run.tryText}</p>
        <p>
          <a href={`#playground?${run.scenario.replaceAll('%', '%25')}`}>Open this scenario</a>
        </p>
      </div>
      {other === undefined ? null : (
        <div class="learn-card">
          <h3>The same step, changed</h3>
          <p>Run it again and compare packet by packet.</p>
          <p>
            <button type="button" onClick={() => session.change(other.id)}>
              {other.name}
            </button>
          </p>
        </div>
      )}
    </section>
  );
}

function Neighbours({ lesson }: { readonly lesson: string }): JSX.Element {
  const at = steps.findIndex(([name]) => name === lesson);
  const before = steps[at - 1];
  const after = steps[at + 1];
  return (
    <nav class="learn-neighbours" aria-label="Previous and next step">
      {before === undefined ? <span /> : <a href={`#learn?step=${before[0]}`}>← {before[1]}</a>}
      {after === undefined ? <span /> : <a href={`#learn?step=${after[0]}`}>{after[1]} →</a>}
    </nav>
  );
}
