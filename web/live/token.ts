/**
 * The secret of the address that `subflow lab` printed: `#token=...`, which no browser sends anywhere. Whoever reads addresses
 * (address.ts) has it taken out first; it is kept for as long as this tab is.
 */
import { type ReadonlySignal, signal } from '@preact/signals';

const STORED = 'subflow-lab-token';

const known = signal(readToken());

/** The secret; undefined where this tab has none. Another one comes with an address that is opened in the same tab. */
export const token: ReadonlySignal<string | undefined> = known;

/** Takes it out of the address, where it stands behind a view's name or alone. */
export function takeToken(): void {
  const match = /^#(?:([a-z]+)\?)?token=([0-9a-f]{32})$/.exec(location.hash);
  if (match === null) return;
  const [, view, secret] = match;
  // Where a browser keeps nothing for a page, the address has to.
  if (keep(secret!)) history.replaceState(null, '', view === undefined ? location.pathname : `#${view}`);
  known.value = secret;
}

function keep(secret: string): boolean {
  try {
    sessionStorage.setItem(STORED, secret);
    return true;
  } catch {
    return false;
  }
}

function readToken(): string | undefined {
  try {
    return sessionStorage.getItem(STORED) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Whether whoever serves this page tells of its machine. */
export function isServedLive(): boolean {
  return document.querySelector('meta[name=subflow-live]') !== null;
}
