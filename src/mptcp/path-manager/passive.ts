/**
 * Opens and announces nothing: the application does, subflow by subflow (RFC 6897 §5.3.1 has a socket do so). It still
 * gives up what used an address that this host no longer has, and tells the peer.
 */
import type { PathManager, PathManagerFactory } from './path-manager.js';
import { departures } from './signal.js';

const manager: PathManager = { name: 'passive', decide: (_event, view) => departures(view) };

/** Makes the path manager that leaves subflows to the application. */
export const passive: PathManagerFactory = () => manager;
