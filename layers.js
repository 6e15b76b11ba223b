/**
 * The layers of the house, lowest first: a folder of src/ imports only from itself and from folders before it. The
 * linter and the tidy test both read this list; src/LAYER/tsconfig.json states the same as project references.
 */
export const layers = [
  'base',
  'wire',
  'capture',
  'policy',
  'tcp',
  'mptcp',
  'stack',
  'network',
  'trace',
  'plot',
  'probe',
  'balancer',
  'convert',
  'socks',
  'netlink',
  'http-connect',
  'experiments',
  'lab',
  'linux',
  'node',
  'cli',
];

/** Layers that may use Node: everything before the first of them is sans-I/O and runs in a browser. */
export const nodeLayers = ['linux', 'node', 'cli'];
