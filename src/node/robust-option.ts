/** The option `robust` of `connect`: the first SYN on several paths. Checked here, and turned into what the engine takes. */
import { isIP } from 'node:net';
import { MILLISECOND, SubflowError } from '../base/index.js';
import type { RobustEstablishment, StackConnectOptions } from '../stack/index.js';
import { IpAddress } from '../wire/index.js';
import { argumentType, unsupported } from './option-error.js';
import type { Transport } from './socket.js';

/** How to begin on several paths; see `RobustEstablishment` of `subflow/stack`. */
export interface RobustOptions {
  /** `timeout` tries the next path when none has answered for `delay`, `simultaneous` tries all at once. */
  readonly mode: RobustEstablishment['mode'];
  /** Patience with each path, in ms, more than 0. Default 250. */
  readonly delay?: number;
  /** Addresses of the host to begin from, in this order. Default: one of every interface that leads to the peer. */
  readonly localAddresses?: readonly string[];
}

/** The option: a mode, or all of it. */
export type RobustOption = RobustOptions['mode'] | RobustOptions;

/** Throws unless the option is one and can be had with `transport`. */
export function checkRobust(robust: RobustOption | undefined, transport: Transport): void {
  if (robust === undefined) return;
  const { mode, delay = 1, localAddresses = [] } = whole(robust);
  if (mode !== 'timeout' && mode !== 'simultaneous')
    throw argumentType('robust', "'timeout', 'simultaneous', or an object with such a mode");
  if (typeof delay !== 'number' || !(delay > 0 && delay <= 60_000))
    throw new SubflowError(
      'ERR_OUT_OF_RANGE',
      `robust.delay lies above 0 and up to 60000 ms, not at ${String(delay)}`,
    );
  if (!isArray(localAddresses)) throw argumentType('robust.localAddresses', 'an array');
  const wrong = localAddresses.find((address) => isIP(address) === 0);
  if (wrong !== undefined)
    throw new SubflowError('ERR_INVALID_IP_ADDRESS', `'${wrong}' is not an IP address`);
  if (transport === 'kernel')
    throw unsupported(
      'a first SYN on several paths',
      'Use the userspace transport: connect({ via: host, robust }).',
    );
}

/** What the engine takes. */
export function robustFor(robust: RobustOption | undefined): Pick<StackConnectOptions, 'robust'> {
  if (robust === undefined) return {};
  const { mode, delay, localAddresses } = whole(robust);
  const locals = localAddresses
    ?.map((text) => IpAddress.parse(text))
    .filter((address) => address !== undefined);
  return {
    robust: {
      mode,
      ...(delay !== undefined && { delayNs: delay * MILLISECOND }),
      ...(locals !== undefined && { locals }),
    },
  };
}

function whole(robust: RobustOption): RobustOptions {
  if (typeof robust === 'string') return { mode: robust };
  // A program without types may pass null, which has no mode.
  return { ...robust };
}

/** Whether it is a list at all: a program without types may pass anything. */
function isArray(value: unknown): boolean {
  return Array.isArray(value);
}
