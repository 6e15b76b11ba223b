/** The frame around the views: their names, the theme, and the one that is shown. */
import type { JSX } from 'preact';
import { address, type ViewName, viewNames } from './address.js';
import { CaptureView } from './capture/view.js';
import { PlaygroundView } from './playground/view.js';
import { chooseTheme, themeChoice, themeChoices } from './theme.js';

const titles: Readonly<Record<ViewName, string>> = { playground: 'Playground', capture: 'Capture' };

export function App(): JSX.Element {
  const { view } = address.value;
  return (
    <>
      <header class="bar">
        <h1>
          Subflow <span class="soft">lab</span>
        </h1>
        <nav aria-label="Views">
          {viewNames.map((name) => (
            <a key={name} href={`#${name}`} aria-current={name === view ? 'page' : undefined}>
              {titles[name]}
            </a>
          ))}
        </nav>
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
      </header>
      <main>{view === 'capture' ? <CaptureView /> : <PlaygroundView />}</main>
    </>
  );
}
