/** What a balancer's log tells of. Programs may rely on the names; only the sentences beside them change. */
export const logEvents = Object.freeze({
  started: 'the balancer is at work',
  stopping: 'it was asked to end, and lets go of everything',
  stopped: 'nothing of it is left on the machine',
  'config-loaded': 'a configuration was read and is in force',
  'config-refused': 'a configuration has a mistake; the one before it stays in force',
  generation: 'a list of servers is in force',
  'generation-proposed': 'this balancer appended a list of servers',
  'generation-refused': 'another balancer was first, or the data path could not take it',
  'server-up': 'checks of a server do well again',
  'server-down': 'checks of a server fail',
  'store-reached': 'the store can be reached',
  'store-lost': 'the store cannot be reached; packets go on by the last list of servers',
  'store-refused': 'something in the store makes no sense and was left aside',
  'store-restored': 'the store had lost what this balancer knows, and was told again',
  'balancer-seen': 'another balancer tells what it sees',
  'balancer-gone': 'another balancer tells nothing any more',
  'path-attached': 'a data path carries packets',
  'path-failed': 'a data path ended by itself',
  'metrics-listening': 'metrics can be asked for',
  'status-listening': 'the state can be asked for on the socket',
  fault: 'something that should not happen did; a bug, wherever it is',
});

/** Name of what a line of the log tells of. */
export type LogEvent = keyof typeof logEvents;
