/** The view of this machine: its connections with their subflows, paths, services and events, as `subflow lab` tells of them. */
import '../style/live.css';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { HISTORY_MS } from '../../src/lab/index.js';
import { Figure } from '../plot/figure.js';
import { PanelGroup } from '../plot/panel-group.js';
import type { ViewProps } from '../views.js';
import { Connections } from './connections.js';
import { Events, Facts, Services } from './facts.js';
import { Paths } from './paths.js';
import { type LiveObstacle, LiveSession } from './session.js';

export interface LiveProps {
  readonly session: LiveSession;
}

const obstacles: Readonly<Record<LiveObstacle, string>> = {
  static: 'This page was not served by it, and asks nobody anything.',
  'no-token': 'Open the address that it printed: it holds a secret that this tab does not have.',
};

const troubles = {
  refused: 'The server does not take the secret of this tab: open the address that subflow lab printed last.',
  busy: 'As many pages as the server tells look at this machine already; it is tried again.',
  gone: 'The server does not answer; it is tried again.',
} as const;

export function LiveView({ isShown }: ViewProps): JSX.Element {
  const session = useMemo(() => new LiveSession(isShown), [isShown]);
  useEffect(() => () => session.close(), [session]);
  const { value: obstacle } = session.obstacle;
  return (
    <div class="live">
      <h2 class="unseen">Live</h2>
      {obstacle === undefined ? <Machine session={session} /> : <Needs obstacle={obstacle} />}
    </div>
  );
}

function Needs({ obstacle }: { readonly obstacle: LiveObstacle }): JSX.Element {
  return (
    <section class="needs" aria-label="What this view needs">
      <p>
        The Multipath TCP connections of a Linux machine, its endpoints and limits, and the commands of
        Subflow that run there, as they are now: served by <code>subflow lab</code> on that machine.
      </p>
      <p class="soft">{obstacles[obstacle]}</p>
    </section>
  );
}

function Machine({ session }: LiveProps): JSX.Element {
  const group = useMemo(() => new PanelGroup(), []);
  const spoken = useRef<HTMLDivElement>(null);
  useEffect(() => {
    group.setSpan(-HISTORY_MS / 1000, 0);
    group.say = (text) => {
      if (spoken.current !== null) spoken.current.textContent = text;
    };
  }, [group]);
  const { value: picture } = session.picture;
  const { value: trouble } = session.trouble;
  return (
    <>
      <div role="status" class="notices" data-testid="notices">
        {trouble === undefined ? null : <p>{troubles[trouble]}</p>}
        {picture?.state.lacks.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </div>
      {picture === undefined ? null : (
        <>
          <Facts session={session} state={picture.state} />
          <Connections session={session} picture={picture} />
          <section class="plots minute" aria-label="The last minute">
            {picture.figures.map((figure) => (
              <Figure key={figure.id} figure={figure} group={group} />
            ))}
          </section>
          <div class="panels">
            <Paths session={session} state={picture.state} />
            <Services services={picture.state.services} />
            <Events session={session} />
          </div>
        </>
      )}
      <div ref={spoken} class="unseen" aria-live="polite" />
    </>
  );
}
