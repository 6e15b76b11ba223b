/**
 * The secret of the address that `subflow lab` printed: `#token=...`, which no browser sends anywhere. Whoever reads addresses
 * (address.ts) has it taken out first; it is kept for as long as this tab is.
 */

const STORED = 'subflow-lab-token';

/** Takes it out of the address, where it stands behind a view's name or alone. */
export function takeToken(): void {
  const match = /^#(?:([a-z]+)\?)?token=([0-9a-f]{32})$/.exec(location.hash);
  if (match === null) return;
  try {
    sessionStorage.setItem(STORED, match[2]!);
  } catch {
    // Where a browser keeps nothing for a page, the address has to.
    return;
  }
  history.replaceState(null, '', match[1] === undefined ? location.pathname : `#${match[1]}`);
}

/** The secret; undefined where this tab has none. */
export function readToken(): string | undefined {
  try {
    return sessionStorage.getItem(STORED) ?? undefined;
  } catch {
    return /token=([0-9a-f]{32})$/.exec(location.hash)?.[1];
  }
}

/** Whether whoever serves this page tells of its machine. */
export function isServedLive(): boolean {
  return document.querySelector('meta[name=subflow-live]') !== null;
}
