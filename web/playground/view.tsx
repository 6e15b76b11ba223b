/** The playground: a scenario, its paths with the packets on them, and what comes of it while it runs; or two, side by side. */
import '../style/playground.css';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { PanelGroup } from '../plot/panel-group.js';
import type { ViewProps } from '../views.js';
import { RunControls, Settings } from './controls.js';
import { FloorPlan } from './floor-plan.js';
import { listenToKeys } from './keys.js';
import { Exports } from './numbers.js';
import { Plots } from './plots.js';
import { PlaygroundSession } from './session.js';
import { Stage } from './stage.js';

export function PlaygroundView({ isShown }: ViewProps): JSX.Element {
  const session = useMemo(() => new PlaygroundSession(isShown), [isShown]);
  const group = useMemo(() => new PanelGroup(), []);
  const live = useRef<HTMLDivElement>(null);
  useEffect(() => {
    group.say = (text) => {
      if (live.current !== null) live.current.textContent = text;
    };
    const stopListening = listenToKeys(session);
    return () => {
      stopListening();
      session.close();
    };
  }, [session, group]);
  const isCompared = session.b.value !== undefined;
  return (
    <div class="playground">
      <h2 class="unseen">Playground</h2>
      <Settings session={session} />
      <Notices session={session} />
      <RunControls session={session} />
      {session.sides.value.map((side) => (
        <Stage key={side.name} session={session} side={side} />
      ))}
      <Roaming session={session} />
      <Plots session={session} group={group} />
      {session.sides.value.map((side) => (
        <Exports key={side.name} side={side} isCompared={isCompared} />
      ))}
      <div ref={live} class="unseen" aria-live="polite" />
    </div>
  );
}

interface Props {
  readonly session: PlaygroundSession;
}

/** What the paths show; and the floor plan, for whoever opens it, or a scenario in which the phone moves. */
function Roaming({ session }: Props): JSX.Element {
  const [choice, choose] = useState<boolean | undefined>(undefined);
  const hasPlaces = session.comparison.value.scenario.incidents.some(({ what }) => what === 'place');
  const isOpen = choice ?? hasPlaces;
  return (
    <>
      <div class="stage-legend">
        <button type="button" aria-expanded={isOpen} onClick={() => choose(!isOpen)}>
          {isOpen ? 'Close the floor plan' : 'Roam on a floor plan'}
        </button>
        <span class="soft">
          Upper way: data to the client; lower way: what the client sends. The box at each sender is its
          buffer. Space runs and pauses, a full stop steps.
        </span>
      </div>
      {isOpen ? <FloorPlan session={session} /> : null}
    </>
  );
}

function Notices({ session }: Props): JSX.Element {
  const sentences = [
    ...session.problems.value.map((sentence) => `In the link: ${sentence} The default stands in.`),
    ...session.sides.value.map(({ failure }) => failure.value).filter((sentence) => sentence !== ''),
  ];
  return (
    <div role="status" class="notices" data-testid="notices">
      {sentences.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
    </div>
  );
}
