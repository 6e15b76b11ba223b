/** The playground: a scenario, its paths with the packets on them, and what comes of it while it runs. */
import '../style/playground.css';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { Figure } from '../plot/figure.js';
import { PanelGroup } from '../plot/panel-group.js';
import { ProtocolSettings, RunControls } from './controls.js';
import { Decision, Exports, Numbers } from './numbers.js';
import { PlaygroundSession } from './session.js';
import { Stage } from './stage.js';

export function PlaygroundView(): JSX.Element {
  const session = useMemo(() => new PlaygroundSession(), []);
  const group = useMemo(() => new PanelGroup(), []);
  const live = useRef<HTMLDivElement>(null);
  useEffect(() => {
    group.say = (text) => {
      if (live.current !== null) live.current.textContent = text;
    };
    return () => session.close();
  }, [session, group]);
  const detail = session.detail.value;
  if (detail !== undefined) group.setSpan(0, Math.max(1e-3, detail.summary.elapsedNs / 1e9));
  return (
    <div class="playground">
      <h2 class="unseen">Playground</h2>
      <ProtocolSettings session={session} />
      <Notices session={session} />
      <RunControls session={session} />
      <Stage session={session} />
      <Decision decision={session.frame.value?.decision ?? null} scenario={session.scenario.value} />
      <section class="plots" aria-label="Plots">
        {detail?.figures.map((figure) => (
          <Figure key={figure.id} figure={figure} group={group} />
        ))}
        <Numbers session={session} />
      </section>
      <Exports session={session} />
      <div ref={live} class="unseen" aria-live="polite" />
    </div>
  );
}

function Notices({ session }: { readonly session: PlaygroundSession }): JSX.Element {
  const { problems, failure } = session;
  const sentences = [
    ...problems.value.map((sentence) => `In the link: ${sentence} The default stands in.`),
    ...(failure.value === '' ? [] : [failure.value]),
  ];
  return (
    <div role="status" class="notices" data-testid="notices">
      {sentences.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
    </div>
  );
}
