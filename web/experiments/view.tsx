/** The view of experiments: published results, run here in a small form or opened, beside what was published. */
import '../style/experiments.css';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { useDropTarget } from '../drop-target.js';
import { ExperimentList } from './list.js';
import { PublishedBlock } from './published.js';
import { ResultBlocks, verdictOf } from './result.js';
import { RunBlock } from './run.js';
import { ExperimentsSession } from './session.js';
import { Settings } from './settings.js';

interface Props {
  readonly session: ExperimentsSession;
}

export function ExperimentsView(): JSX.Element {
  const session = useMemo(() => new ExperimentsSession(), []);
  const { isOver, listeners } = useDropTarget((data) => session.open([...(data?.files ?? [])]));
  useEffect(() => () => session.close(), [session]);
  const result = session.result.value;
  return (
    <div class={isOver ? 'experiments over' : 'experiments'} {...listeners}>
      <ExperimentList session={session} />
      <div class="sheet">
        <Notices session={session} />
        <p role="status" class="unseen">
          {result === undefined ? '' : verdictOf(result)}
        </p>
        <Head session={session} />
        <RunBlock session={session} />
        {result === undefined ? (
          <Before session={session} />
        ) : (
          <ResultBlocks session={session} result={result} />
        )}
      </div>
    </div>
  );
}

function Notices({ session }: Props): JSX.Element {
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

function Head({ session }: Props): JSX.Element {
  const about = session.about.value;
  if (about === undefined) return <h2 class="loading">{session.name.value}</h2>;
  return (
    <section class="block about" aria-label="The experiment">
      <h2>{about.title}</h2>
      <p>{about.summary}</p>
      <p class="soft">After {about.source}.</p>
      <Settings session={session} about={about} />
    </section>
  );
}

/** What stands where a result will be. */
function Before({ session }: Props): JSX.Element | null {
  const about = session.about.value;
  return about === undefined ? null : <PublishedBlock comparisons={about.published} />;
}
