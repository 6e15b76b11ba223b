/**
 * The rules that bring other programs' connections to a transparent proxy, as texts for `nft -f -` and `ip -batch -`: a table of
 * nftables, and for TPROXY a routing table and a rule for it, all by names and numbers of the proxy's own, which follow from its port. So
 * nothing of others is touched, several proxies do not touch each other, and what a proxy that was killed left behind is found
 * again by the next one on the same port. Pure: a plan in, texts out; runs nothing.
 *
 * ```
 *  program here --output: mark--> routing by the mark --> lo ---+
 *  host behind us --> its interface ----------------------------+--prerouting: tproxy--> the proxy's listener
 *  the proxy's own packets: their mark lets them pass everywhere
 * ```
 *
 * Read first: Documentation/networking/tproxy.rst of the kernel; nft(8) (tproxy, redirect, fib, meta); ip-rule(8).
 */
import { SubflowError } from '../../base/index.js';
import { formatNetwork, type Network } from '../relay/index.js';

/** How connections come to the proxy: as they are (`tproxy`), or with their destination rewritten and remembered (`redirect`). */
export type CaptureMode = 'tproxy' | 'redirect';

/** What is to be captured, and for whom. */
export interface CapturePlan {
  readonly mode: CaptureMode;
  /** Port of the proxy's listener, 1 to 65535. */
  readonly port: number;
  /** Versions of IP: those that this machine has. */
  readonly families: readonly (4 | 6)[];
  /** Connections of this machine's own programs. */
  readonly isLocal: boolean;
  /** Interfaces whose hosts' connections are captured: of those behind them, not of this machine. */
  readonly interfaces: readonly string[];
  /** Destinations that are left alone, beside this machine's own, link-local, multicast and broadcast ones. */
  readonly except: readonly Network[];
  /** Destinations' ports; empty: all. */
  readonly ports: readonly number[];
  /** Whether what else comes from the interfaces for other hosts (UDP, ICMP ...) is refused aloud: counted, and answered so. */
  readonly isRestRefused: boolean;
}

/** Texts that make a plan true, and that undo it. */
export interface CaptureRules {
  /** Name of the nftables table, of the family `inet`. */
  readonly table: string;
  /** For `nft -f -`: replaces what is left of an earlier one in one transaction. */
  readonly nft: string;
  /** Commands of `ip`, each by version of IP; they fail where they were done before. */
  readonly ip: readonly IpCommand[];
  /** For `nft -f -`, whether or not there is such a table. */
  readonly undoNft: string;
  /** Commands of `ip`, of which each may be repeated until it fails. */
  readonly undoIp: readonly IpCommand[];
}

/** A command of `ip`. */
export interface IpCommand {
  readonly family: 4 | 6;
  /** Without `ip` and the family. */
  readonly command: string;
}

/** The mark of all that our proxies send: none of them captures it, so that no two can feed each other. */
export const PROXY_MARK = 0x5e00_0000;
/** Marks, and numbers of routing tables, of captures: this and the port. */
const CAPTURE_BASE = 0x5f00_0000;
/** Before any rule that chooses an uplink by the address of the sender, which captured packets of this machine have as well. */
const RULE_PREFERENCE = 90;
/** Longest name of an interface, in characters (IFNAMSIZ less its end). */
const MAX_INTERFACE_NAME = 15;
/** Most exceptions and ports: a set of nftables of this size is loaded at once. */
export const MAX_CAPTURE_ENTRIES = 1_000;

/** What is never captured: it has no meaning beyond a link, or is for many. */
const alwaysExcept = {
  4: ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
  6: ['::/127', 'fe80::/10', 'ff00::/8'],
} as const;

/** Makes the rules. Throws `ERR_SUBFLOW_BAD_CAPTURE` where the plan cannot be. */
export function captureRules(plan: CapturePlan): CaptureRules {
  checkPlan(plan);
  const table = `subflow_capture_${plan.port}`;
  const head = `table inet ${table}\ndelete table inet ${table}\n`;
  const mark = CAPTURE_BASE + plan.port;
  const chains = plan.mode === 'tproxy' ? tproxyChains(plan, mark) : redirectChains(plan);
  const parts = [...exceptSets(plan), ...chains, ...restChain(plan)];
  const routing = plan.mode === 'tproxy' ? plan.families : [];
  return {
    table,
    nft: `${head}table inet ${table} {\n${parts.map(indent).join('\n')}\n}\n`,
    ip: routing.flatMap((family) => [
      { family, command: `route replace local ${everything(family)} dev lo table ${mark}` },
      { family, command: `rule add pref ${RULE_PREFERENCE} fwmark ${mark} lookup ${mark}` },
    ]),
    undoNft: head,
    // Whatever the mode is now: the one before may have had another.
    undoIp: plan.families.flatMap((family) => [
      { family, command: `rule delete pref ${RULE_PREFERENCE} fwmark ${mark} lookup ${mark}` },
      { family, command: `route delete local ${everything(family)} dev lo table ${mark}` },
    ]),
  };
}

/** The rules as a script for a shell, for those who apply them by hand, with what undoes them as comments. */
export function captureScript(rules: CaptureRules): string {
  const command = ({ family, command: said }: IpCommand): string => `ip -${family} ${said}`;
  return [
    `nft -f - <<'END'\n${rules.nft}END`,
    ...rules.ip.map(command),
    '# To undo it:',
    `# nft delete table inet ${rules.table}`,
    ...(rules.ip.length === 0 ? [] : rules.undoIp.map((each) => `# ${command(each)}`)),
    '',
  ].join('\n');
}

function checkPlan({ port, families, isLocal, interfaces, except, ports }: CapturePlan): void {
  const bad = (said: string, hint: string): never => {
    throw new SubflowError('ERR_SUBFLOW_BAD_CAPTURE', said, { hint });
  };
  const isPort = (value: number): boolean => Number.isInteger(value) && value > 0 && value < 65_536;
  if (![port, ...ports].every(isPort)) bad('a port to capture is none', 'Ports go from 1 to 65535.');
  if (families.length === 0) bad('neither IPv4 nor IPv6 is to be captured', 'Name one of them.');
  if (!isLocal && interfaces.length === 0)
    bad('nothing is to be captured', "Name interfaces, or 'local' for this machine's own programs.");
  for (const name of interfaces) {
    if (name.length > MAX_INTERFACE_NAME || !/^[A-Za-z0-9_.@:-]+$/.test(name) || name === 'lo')
      bad(`'${name}' is no interface with hosts behind it`, '`ip link` lists the interfaces.');
  }
  if (except.length > MAX_CAPTURE_ENTRIES || ports.length > MAX_CAPTURE_ENTRIES)
    bad('there are too many exceptions or ports', `Up to ${MAX_CAPTURE_ENTRIES} are taken.`);
}

/** A block of nftables: a line, and lines within it. */
function block(line: string, inner: readonly string[]): string {
  return `${line} {\n${inner.map(indent).join('\n')}\n}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, '\t');
}

function everything(family: 4 | 6): string {
  return family === 4 ? '0.0.0.0/0' : '::/0';
}

/** Destinations that are left alone, by version of IP. */
function exceptSets({ families, except }: CapturePlan): string[] {
  return families.map((family) => {
    const own = except.filter(({ address }) => address.family === family).map(formatNetwork);
    const elements = [...new Set([...alwaysExcept[family], ...own])].join(', ');
    const type = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
    return block(`set except${family}`, [
      `type ${type}`,
      'flags interval',
      'auto-merge',
      `elements = { ${elements} }`,
    ]);
  });
}

/** What lets pass everything that is not to be captured, at the head of a chain. */
function passing({ families, ports }: CapturePlan): string[] {
  const other = ports.length === 0 ? [] : [`tcp dport != { ${ports.join(', ')} } return`];
  return [
    `meta mark ${PROXY_MARK} return`,
    'meta l4proto != tcp return',
    'fib daddr type { local, broadcast, multicast } return',
    ...other,
    ...passExcept(families),
    ...(families.includes(4) ? [] : ['meta nfproto ipv4 return']),
    ...(families.includes(6) ? [] : ['meta nfproto ipv6 return']),
  ];
}

/** A SYN that is not an answer (RFC 9293 §3.5). */
const SYN = 'tcp flags & (fin | syn | rst | ack)';

/**
 * Lets pass what does not belong to a connection that began this way, and since the rules are there: answers of servers, and connections
 * that are older, which go on as they are. The connection is marked, not only its packets.
 */
function begunHere(mark: number): string[] {
  return [`${SYN} == syn ct mark set ${mark}`, `ct mark != ${mark} return`];
}

function passExcept(families: readonly (4 | 6)[]): string[] {
  return families.map((family) => `${family === 4 ? 'ip' : 'ip6'} daddr @except${family} return`);
}

function interfaceSet(names: readonly string[]): string {
  return `{ ${names.map((name) => `"${name}"`).join(', ')} }`;
}

function tproxyChains(plan: CapturePlan, mark: number): string[] {
  const { families, interfaces, isLocal, port } = plan;
  // Packets of this machine come around by lo with the mark; they were looked at in the chain of what leaves.
  const sources = [
    ...(isLocal ? [`iifname "lo" meta mark ${mark} jump take`] : []),
    ...(interfaces.length > 0 ? [`iifname ${interfaceSet(interfaces)} jump look`] : []),
  ];
  const take = families.map(
    (family) =>
      `meta nfproto ipv${family} meta l4proto tcp tproxy ${family === 4 ? 'ip' : 'ip6'} to :${port} meta mark set ${mark} accept`,
  );
  return [
    block('chain take', take),
    ...(interfaces.length > 0
      ? [block('chain look', [...passing(plan), ...begunHere(mark), 'jump take'])]
      : []),
    block('chain arriving', ['type filter hook prerouting priority mangle; policy accept;', ...sources]),
    ...(isLocal
      ? [
          block('chain leaving', [
            'type route hook output priority mangle; policy accept;',
            // What the proxy answers in the name of servers, resets of the kernel included.
            'fib saddr type != local return',
            ...passing(plan),
            ...begunHere(mark),
            `meta mark set ${mark}`,
          ]),
        ]
      : []),
  ];
}

function redirectChains(plan: CapturePlan): string[] {
  const { interfaces, isLocal, port } = plan;
  const take = `redirect to :${port}`;
  return [
    ...(interfaces.length > 0
      ? [
          block('chain arriving', [
            'type nat hook prerouting priority dstnat; policy accept;',
            `iifname != ${interfaceSet(interfaces)} return`,
            ...passing(plan),
            `${SYN} == syn ${take}`,
          ]),
        ]
      : []),
    ...(isLocal
      ? [
          block('chain leaving', [
            'type nat hook output priority -100; policy accept;',
            ...passing(plan),
            `${SYN} == syn ${take}`,
          ]),
        ]
      : []),
  ];
}

/**
 * What else hosts behind the interfaces want of others is refused with an error that they understand, and counted. After TPROXY, whose
 * packets are this machine's by then.
 */
function restChain({ families, interfaces, isRestRefused }: CapturePlan): string[] {
  if (!isRestRefused || interfaces.length === 0) return [];
  const counters = ['udp', 'icmp', 'tcp', 'other'].map((name) => block(`counter refused_${name}`, []));
  return [
    ...counters.map((counter) => counter.replace('{\n\n}', '{ }')),
    block('chain rest', [
      'type filter hook prerouting priority -90; policy accept;',
      `iifname != ${interfaceSet(interfaces)} return`,
      // Answers, and what was there before.
      'ct state established,related return',
      'fib daddr type { local, broadcast, multicast } return',
      ...passExcept(families),
      `meta mark & 0xff000000 == ${CAPTURE_BASE} return`,
      'meta l4proto udp counter name refused_udp reject with icmpx type admin-prohibited',
      'meta l4proto { icmp, ipv6-icmp } counter name refused_icmp reject with icmpx type admin-prohibited',
      'meta l4proto tcp counter name refused_tcp reject with tcp reset',
      'counter name refused_other reject with icmpx type admin-prohibited',
    ]),
  ];
}
