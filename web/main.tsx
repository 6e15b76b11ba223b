/** The lab's page begins here. */
// First: what it takes out of the address is nobody else's.
import './live/token.js';
import { render } from 'preact';
import { App } from './app.js';

render(<App />, document.getElementById('app')!);
