/** What there is to choose from: a list beside the sheet, a field above it where there is less room. */
import type { JSX } from 'preact';
import { catalogue } from '../../src/experiments/index.js';
import type { ExperimentsSession } from './session.js';

interface Props {
  readonly session: ExperimentsSession;
}

function hashOf(name: string): string {
  return `#experiments?name=${name}`;
}

export function ExperimentList({ session }: Props): JSX.Element {
  return (
    <div class="choice">
      <OpenButton session={session} />
      <label class="pick">
        <span>experiment</span>
        <select value={session.name.value} onChange={(e) => (location.hash = hashOf(e.currentTarget.value))}>
          {catalogue.map(({ title, entries }) => (
            <optgroup key={title} label={title}>
              {entries.map((entry) => (
                <option key={entry.name} value={entry.name}>
                  {entry.title}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      <nav aria-label="Experiments">
        {catalogue.map(({ title, entries }) => (
          <section key={title}>
            <h3>{title}</h3>
            <ul>
              {entries.map((entry) => (
                <li key={entry.name}>
                  <a
                    href={hashOf(entry.name)}
                    title={entry.name}
                    aria-current={entry.name === session.name.value ? 'true' : undefined}
                  >
                    {entry.title}
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
    </div>
  );
}

function OpenButton({ session }: Props): JSX.Element {
  return (
    <label class="open">
      <input
        type="file"
        class="unseen"
        multiple
        accept=".json,.svg"
        onChange={(event) => {
          session.open([...(event.currentTarget.files ?? [])]);
          // The same file may be opened again.
          event.currentTarget.value = '';
        }}
      />
      <span class="open-button">Open results</span>
      <span class="soft">or drop them: what --json prints, with its figures</span>
    </label>
  );
}
