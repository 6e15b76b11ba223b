/** The words of the language: settings, calls and events, each with the form of what may follow. */

const onOff = /^(on|off)$/;
const count = /^\d{1,9}$/;
const duration = /^(\d+(\.\d+)?(us|ms|s)|never)$/;

/** What may be set before anything happens, and to what. */
export const settingNames: Readonly<Record<string, RegExp>> = {
  /** Where the script makes sense. */
  on: /^(both|ours|linux)$/,
  family: /^[46]$/,
  /** Addresses of the host, each on an interface of its own. */
  addresses: /^[1-4]$/,
  mtu: count,
  mptcp: onOff,
  versions: /^(1|0|1\/0|0\/1)$/,
  checksum: onOff,
  'data-sequence-bits': /^(32|64)$/,
  'join-initial-address': onOff,
  'path-manager': /^(none|full-mesh|signal)$/,
  /** Subflows at a time, the first one included. */
  subflows: count,
  timestamps: onOff,
  sack: onOff,
  'window-scaling': onOff,
  nagle: onOff,
  'delayed-ack': duration,
  'keep-alive': duration,
  'keep-alive-interval': duration,
  'keep-alive-count': count,
  'syn-retries': count,
  'data-retries': count,
  'receive-buffer': count,
  'send-buffer': count,
  'initial-window': count,
  'time-wait': duration,
  grace: duration,
  'syns-before-fallback': count,
  'add-addr-timeout': duration,
  'add-addr-retries': count,
  'path-mtu-discovery': onOff,
  congestion: /^(cubic|new-reno)$/,
  /** The peer's initial sequence number, and its key by name (keys.ts). */
  'peer-isn': /^(0x[0-9a-fA-F]{1,8}|\d{1,10})$/,
  'peer-key': /^(usual|wraps-32|0x[0-9a-fA-F]{16})$/,
  /** Fast Open: of the listener, or of what `connect` asks for. */
  'fast-open': /^(on|off|without-cookie)$/,
};

const address = '(host|peer)[1-9](:\\d+)?';

/** What the application may do, and the form of its arguments. */
export const callNames: Readonly<Record<string, RegExp>> = {
  listen: /^$/,
  connect: /^(data \d+)?$/,
  write: /^\d+$/,
  /** Reads everything there is, which must be as many bytes. */
  read: /^\d+$/,
  shutdown: /^$/,
  close: /^$/,
  abort: /^$/,
  /** Opens a subflow from an address of the host to one of the peer. */
  join: new RegExp(`^host[1-9] peer[1-9](:\\d+)?( backup)?( id [0-9]+)?$`),
  'close-subflow': /^[1-9]$/,
  'set-backup': /^[1-9] (on|off)$/,
  announce: new RegExp(`^${address} id \\d+$`),
  withdraw: /^\d+$/,
  'remove-address': /^host[1-9]$/,
  nagle: onOff,
  /** The call that follows is refused. */
  cannot: /^(write|join|announce|set-backup|close-subflow) .+$/,
};

/** What the application may be told. */
export const eventNames: readonly string[] = [
  'established',
  'readable',
  'writable',
  'peer-closed',
  'closed',
  'fallback',
  'subflow-opened',
  'subflow-closed',
  'subflow-priority',
  'address-announced',
  'address-removed',
];
