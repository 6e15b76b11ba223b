/** The frame around the views: their names, the theme, and the one that is shown. */
import { signal } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { address, type ViewName, viewNames } from './address.js';
import { chooseTheme, themeChoice, themeChoices } from './theme.js';
import { views } from './views.js';

/** Views that have been loaded. */
const loaded = signal<Partial<Record<ViewName, ComponentType>>>({});
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
  const Shown = loaded.value[view];
  return (
    <>
      <header class="bar">
        <h1>
          Subflow <span class="soft">lab</span>
        </h1>
        <nav aria-label="Views">
          {viewNames.map((name) => (
            <a key={name} href={`#${name}`} aria-current={name === view ? 'page' : undefined}>
              {views[name].title}
            </a>
          ))}
        </nav>
        <ThemeSwitch />
      </header>
      <main>{Shown === undefined ? <p role="status">{failure.value}</p> : <Shown />}</main>
    </>
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
