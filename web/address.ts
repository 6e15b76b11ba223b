/**
 * The address of what is shown, behind the `#` of the page's: `#playground?seed=1&...` or `#capture`. It never leaves the
 * browser. Whatever stands there is only ever read by a parser that gives defaults.
 */
import { effect, signal } from '@preact/signals';
import { takeToken } from './live/token.js';

export const viewNames = ['playground', 'capture', 'experiments', 'live', 'learn'] as const;
export type ViewName = (typeof viewNames)[number];

export interface Address {
  readonly view: ViewName;
  readonly query: string;
}

export function readAddress(hash: string): Address {
  const [name, ...query] = hash.replace(/^#\/?/, '').split('?');
  return { view: viewNames.find((view) => view === name) ?? 'playground', query: query.join('?') };
}

// The secret of a server is no part of any address; what stands below never sees it.
takeToken();

/** What the browser's address says; follows it back and forth. */
export const address = signal(readAddress(location.hash));
/** The browser's address as it was known last. */
let knownHash = location.hash;
addEventListener('hashchange', () => {
  takeToken();
  knownHash = location.hash;
  address.value = readAddress(knownHash);
});

/** The query of each view when it was shown last: whoever comes back to one finds it as it was left. */
const queries = signal<Partial<Record<ViewName, string>>>({});
effect(() => {
  const { view, query } = address.value;
  keepQuery(view, query);
});

function keepQuery(view: ViewName, query: string): void {
  if (queries.peek()[view] !== query) queries.value = { ...queries.peek(), [view]: query };
}

function hashOf(view: ViewName, query: string): string {
  return query === '' ? `#${view}` : `#${view}?${query}`;
}

/** Where a view stands, with its last query: what a link to it leads to. */
export function hashOfView(view: ViewName): string {
  return hashOf(view, queries.value[view] ?? '');
}

/**
 * Writes a new query of a view, without a step in the history: there would be one for each keystroke. A view that is not
 * shown may do so too; the address then has it when the view is shown again.
 */
export function replaceQuery(view: ViewName, query: string): void {
  keepQuery(view, query);
  writing ??= setTimeout(writeHash, WRITE_MS);
}

/** Browsers refuse an address that changes much more often than that. */
const WRITE_MS = 100;
let writing: ReturnType<typeof setTimeout> | undefined = undefined;

function writeHash(): void {
  writing = undefined;
  // Somebody has just written another one, of which the event is still to come.
  if (location.hash !== knownHash) return;
  const hash = hashOfView(address.peek().view);
  if (knownHash !== hash) history.replaceState(null, '', hash);
  knownHash = location.hash;
}
