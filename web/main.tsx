/** The lab's page begins here. */
import { render } from 'preact';
import { takeToken } from './live/token.js';
import { App } from './app.js';

takeToken();
addEventListener('hashchange', takeToken);
render(<App />, document.getElementById('app')!);
