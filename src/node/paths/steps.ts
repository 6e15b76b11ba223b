/** What a path keeper does to a machine, step by step; each has a form for people, as the command of `ip` that would do the same. */
import { MAIN_TABLE, type SourceRule, type TableRoute } from '../../netlink/index.js';
import type { IpAddress } from '../../wire/index.js';

/** One step. Devices are named for people; what counts are the numbers in the other fields. */
export type Step =
  | { readonly do: 'add-route' | 'remove-route'; readonly route: TableRoute; readonly device: string }
  | { readonly do: 'add-rule' | 'remove-rule'; readonly rule: SourceRule }
  | {
      readonly do: 'add-endpoint';
      readonly address: IpAddress;
      readonly interfaceIndex: number;
      readonly device: string;
      readonly isBackup: boolean;
    }
  | { readonly do: 'remove-endpoint'; readonly id: number; readonly address: IpAddress }
  /** Ends the subflows that connections began with from an address, which stand for no endpoint. */
  | { readonly do: 'end-initial'; readonly address: IpAddress }
  | {
      readonly do: 'set-backup';
      readonly id: number;
      readonly address: IpAddress;
      readonly isBackup: boolean;
    }
  | { readonly do: 'set-subflow-limit'; readonly subflows: number }
  /** Has the kernel try Multipath TCP again where SYNs with its option were lost (net.mptcp.blackhole_timeout). */
  | { readonly do: 'forgive-black-holes'; readonly timeoutS: number };

/** Whether the kernel only says that things are as they should be. */
export function isDoneAlready(step: Step, error: { readonly code?: string | undefined }): boolean {
  if (step.do === 'add-route' || step.do === 'add-rule') return error.code === 'EEXIST';
  if (step.do === 'remove-route') return error.code === 'ESRCH' || error.code === 'ENODEV';
  return step.do === 'remove-rule' && error.code === 'ENOENT';
}

/** The command of `ip` or `sysctl` that does the same; names are quoted where a shell would take them for something else. */
export function commandOf(step: Step): string {
  switch (step.do) {
    case 'add-route':
    case 'remove-route':
      return routeCommand(step.do === 'add-route' ? 'add' : 'delete', step.route, step.device);
    case 'add-rule':
    case 'remove-rule':
      return ruleCommand(step.do === 'add-rule' ? 'add' : 'delete', step.rule);
    case 'add-endpoint': {
      const flags = step.isBackup ? 'subflow backup' : 'subflow';
      return `ip mptcp endpoint add ${step.address.toString()} dev ${quoted(step.device)} ${flags}`;
    }
    case 'remove-endpoint':
      return `ip mptcp endpoint delete id ${step.id}`;
    case 'end-initial':
      return `ip mptcp endpoint delete id 0 ${step.address.toString()}`;
    case 'set-backup':
      return `ip mptcp endpoint change id ${step.id} ${step.isBackup ? 'backup' : 'nobackup'}`;
    case 'set-subflow-limit':
      return `ip mptcp limits set subflow ${step.subflows}`;
    case 'forgive-black-holes':
      return `sysctl -w net.mptcp.blackhole_timeout=${step.timeoutS}`;
  }
}

function routeCommand(
  verb: string,
  { family, table, protocol, gateway }: TableRoute,
  device: string,
): string {
  const via = gateway === undefined ? '' : ` via ${routerText(family, gateway)}`;
  const six = family === 6 ? ' -6' : '';
  return `ip${six} route ${verb} default${via} dev ${quoted(device)} table ${table} proto ${protocol}`;
}

function ruleCommand(
  verb: string,
  { source, table, priority, protocol, isWithoutDefault }: SourceRule,
): string {
  const six = source.family === 6 ? ' -6' : '';
  const name = table === MAIN_TABLE ? 'main' : String(table);
  const only = isWithoutDefault ? ' suppress_prefixlength 0' : '';
  return `ip${six} rule ${verb} from ${source.toString()} lookup ${name}${only} pref ${priority} protocol ${protocol}`;
}

/** A router, with its family in front where that is not the route's. */
function routerText(family: 4 | 6, gateway: IpAddress): string {
  if (gateway.family === family) return gateway.toString();
  return `${gateway.family === 6 ? 'inet6' : 'inet'} ${gateway.toString()}`;
}

/** A name as a shell takes it for one word: interfaces may be called almost anything. */
function quoted(name: string): string {
  return /^[\w.@%+-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}
