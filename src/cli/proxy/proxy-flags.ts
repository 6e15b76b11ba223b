/** What the flags of `subflow proxy` ask for. */

import {
  DEFAULT_PROXY_PORT,
  type DirectOptions,
  DirectUpstream,
  FailoverUpstream,
  parseHops,
  parseNetwork,
  PROXY_MARK,
  type ProxyListenOptions,
  type ProxyOptions,
  ProxyServer,
  readUsers,
  TunnelUpstream,
  type Upstream,
} from '../../node/index.js';
import { serviceTypeNamed } from '../../policy/index.js';
import { parseInteger } from '../units.js';
import type { FlagChecks } from '../daemon/config-flags.js';
import type { DaemonFlags } from '../daemon/run-daemon.js';
import { UsageError } from '../errors.js';
import { parseListen } from '../listen-address.js';
import { type LimitFlags, limitsOf, parseMs, relayChecks, type RuleFlags, rulesOf } from '../relay-flags.js';
import { isTransparent, type TransparentFlags } from './transparent-flags.js';

/** Flags as they come. */
export interface ProxyFlags extends DaemonFlags, RuleFlags, LimitFlags, TransparentFlags {
  readonly via?: readonly string[];
  readonly serviceType?: string;
  readonly plainTcp?: boolean;
  readonly fastOpen?: boolean;
  readonly requestTimeout: string;
  readonly socks6Version?: string;
  readonly socks6Multipath?: string;
  readonly users?: string;
}

/** Flags that a running proxy takes over. */
export const reloadableFlags = [
  ...(['allowClient', 'deny', 'allowPrivate', 'allowLoopback', 'rules', 'users'] as const),
  ...(['via', 'serviceType', 'fastOpen', 'maxConnections', 'maxPerClient', 'idle', 'drain'] as const),
] satisfies readonly (keyof ProxyFlags)[];

const parseVersion = (text: string): number => parseInteger(text, 6, 255);

function parseMultipath(text: string): 'asked' | 'always' {
  if (text === 'asked' || text === 'always') return text;
  throw new UsageError(`'${text}' is neither asked nor always`);
}

/** What each of them is looked at by, in a file. */
export const proxyChecks: FlagChecks = {
  ...relayChecks,
  ...{ via: parseHops, serviceType: serviceTypeNamed, except: parseNetwork },
  ...{ socks6Version: parseVersion, socks6Multipath: parseMultipath, requestTimeout: parseMs },
};

/** Options of a proxy, all files read. Throws what is wrong with flags or files. */
export async function proxyOptions(
  flags: ProxyFlags,
): Promise<ProxyOptions & Required<Pick<ProxyOptions, 'rules' | 'upstream'>>> {
  const listen = {
    listen: (flags.listen ?? [`127.0.0.1:${DEFAULT_PROXY_PORT}`])
      .filter((text) => !isTransparent(text))
      .map((text) => listenOf(text, flags)),
    ...(flags.socks6Version !== undefined && { socks6Version: parseVersion(flags.socks6Version) }),
    ...(flags.socks6Multipath !== undefined && { socks6Multipath: parseMultipath(flags.socks6Multipath) }),
  };
  ProxyServer.check(listen);
  return {
    ...listen,
    rules: await rulesOf(flags),
    upstream: upstreamOf(flags),
    ...{ limits: limitsOf(flags), connectMs: parseMs(flags.connectTimeout) },
    requestMs: parseMs(flags.requestTimeout),
    authenticate: flags.users === undefined ? undefined : (await readUsers(flags.users)).authenticate,
  };
}

function listenOf(text: string, { plainTcp }: ProxyFlags): ProxyListenOptions {
  const [, name, place = ''] = /^(?:(socks5|socks6|http):)?(.*)$/s.exec(text) ?? [];
  const protocol = name as 'socks5' | 'socks6' | 'http' | undefined;
  return {
    ...parseListen(place, DEFAULT_PROXY_PORT),
    isPlain: plainTcp === true,
    ...(protocol !== undefined && { protocols: [protocol] }),
  };
}

function upstreamOf({ listen = [], via = [], serviceType, plainTcp, fastOpen }: ProxyFlags): Upstream {
  const options: DirectOptions = {
    ...{ isPlain: plainTcp === true, fastOpen: fastOpen === true },
    ...(serviceType !== undefined && { serviceType: serviceTypeNamed(serviceType) }),
    // So that transparent listeners do not take it again.
    ...(listen.some(isTransparent) && { mark: PROXY_MARK }),
  };
  const upstreams = via.map((text) => new TunnelUpstream(parseHops(text), options));
  if (upstreams.length > 1) return new FailoverUpstream(upstreams);
  return upstreams[0] ?? new DirectUpstream(options);
}
