/** The frame around the views: their names, the theme, and the one that is shown. */
import { signal, useComputed } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { address, hashOfView, type ViewName, viewNames } from './address.js';
import { chooseTheme, themeChoice, themeChoices } from './theme.js';
import { type ViewProps, views } from './views.js';

/** Views that have been loaded. */
const loaded = signal<Partial<Record<ViewName, ComponentType<ViewProps>>>>({});
/** Why the last one could not be; empty as a rule. */
const failure = signal('');

async function load(name: ViewName): Promise<void> {
  failure.value = '';
  if (loaded.peek()[name] !== undefined) return;
  try {
    const view = await views[name].load();
    loaded.value = { ...loaded.peek(), [name]: view };
  } catch (error) {
    failure.value = `${views[name].title} could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export function App(): JSX.Element {
  const { view } = address.value;
  useEffect(() => void load(view), [view]);
  return (
    <>
      <header class="bar">
        <h1>
          Subflow <span class="soft">lab</span>
        </h1>
        <nav aria-label="Views">
          {viewNames.map((name) => (
            <a key={name} href={hashOfView(name)} aria-current={name === view ? 'page' : undefined}>
              {views[name].title}
            </a>
          ))}
        </nav>
        <ThemeSwitch />
      </header>
      <main>
        {loaded.value[view] === undefined ? <p role="status">{failure.value}</p> : null}
        {viewNames.map((name) => (
          <Place key={name} name={name} />
        ))}
      </main>
    </>
  );
}

/** Where a view stands, once it was loaded; hidden while another one is looked at. */
function Place({ name }: { readonly name: ViewName }): JSX.Element | null {
  const isShown = useComputed(() => address.value.view === name);
  const Shown = loaded.value[name];
  if (Shown === undefined) return null;
  return (
    <div data-view={name} hidden={!isShown.value}>
      <Shown isShown={isShown} />
    </div>
  );
}

function ThemeSwitch(): JSX.Element {
  return (
    <fieldset class="switch">
      <legend class="unseen">Theme</legend>
      {themeChoices.map((choice) => (
        <label key={choice}>
          <input
            type="radio"
            name="theme"
            checked={themeChoice.value === choice}
            onChange={() => chooseTheme(choice)}
          />
          <span>{choice}</span>
        </label>
      ))}
    </fieldset>
  );
}
