/**
 * The names that a scenario may have in each place, in the order of a list to choose from. They stand here once more, for who
 * only reads a scenario would have to load the engine for them otherwise: `names.test.ts` holds them to what there is.
 */
import { serviceTypes } from '../policy/index.js';

/** Service type that stands for none: a full mesh of subflows. */
export const FULL_MESH = 'full-mesh';

export const schedulerNames: readonly string[] = [
  'lowest-rtt',
  'round-robin',
  'redundant',
  'blest',
  'ecf',
  'linux',
  'target-based',
];
export const congestionNames: readonly string[] = [
  'cubic',
  'new-reno',
  'reno',
  'bbr',
  'lia',
  'olia',
  'balia',
  'wvegas',
];
export const serviceNames: readonly string[] = [
  FULL_MESH,
  ...serviceTypes.filter((type) => type !== 'none'),
  'none',
];
export const boxNames: readonly string[] = [
  'nat',
  'nat-port-restricted',
  'nat-full-cone',
  'nat-rebinding',
  'nat-timeout',
  'strip-capable-syn',
  'strip-capable-syn-ack',
  'strip-mptcp',
  'strip-mptcp-eol',
  'strip-mptcp-shorten',
  'strip-mptcp-after-syn',
  'strip-mptcp-later',
  'strip-dss',
  'strip-add-addr',
  'strip-join-syn',
  'drop-mptcp-syn',
  'option-echo',
  'sequence-rewriting',
  'sequence-rewriting-forgets-sack',
  'split',
  'split-options-first',
  'coalesce-keep-first',
  'coalesce-keep-last',
  'offload-resegmentation',
  'payload-rewriting',
  'payload-lengthening',
  'payload-shortening',
  'data-insertion',
  'data-injection',
  'syn-proxy',
  'data-proxy',
  'pre-acking',
  'pre-acking-later',
  'stateful-firewall',
  'stateful-firewall-restart',
  'stateful-firewall-timeout',
  'hole-holding',
  'ttl-filter',
  'ttl-normalising',
  'reset-injection',
  'window-clamping',
];
