/** Every behaviour by name, with options that make it show within a transfer of 200 kB each way. */

import { SECOND, SubflowError } from '../../base/index.js';
import { Nat, type NatOptions } from '../nat.js';
import type { MiddleboxBehaviour, Placement, Reaction } from './behaviour.js';
import { Coalescing } from './coalescing.js';
import { DataInjection } from './data-injection.js';
import { DataProxying } from './data-proxying.js';
import { hopLimitFilter, hopLimitNormaliser } from './hop-limit.js';
import { InOrderHolding } from './in-order-holding.js';
import { NatRebinding } from './nat-rebinding.js';
import { OffloadResegmentation } from './offload.js';
import { OptionEcho } from './option-echo.js';
import { OptionRemoval, type OptionRemovalRule, removalRules } from './option-removal.js';
import { PayloadRewriting } from './payload-rewriting.js';
import { PreAcknowledging } from './pre-acknowledging.js';
import { ResetInjection } from './reset-injection.js';
import { SequenceRewriting } from './sequence-rewriting.js';
import { Splitting } from './splitting.js';
import { StatefulFirewall } from './stateful-firewall.js';
import { StreamEditing } from './stream-editing.js';
import { SynDrop } from './syn-drop.js';
import { SynProxying } from './syn-proxying.js';
import { WindowClamping } from './window-clamping.js';

const honda = 'Honda et al., IMC 2011';
const hesmans = 'Hesmans et al., HotMiddlebox 2013';

/** Where boxes touch a stream: so late that both of two paths are in use. */
const usualByte = 60_000;

/** The same at every place. */
function everywhere(...reactions: Reaction[]): Record<Placement, readonly Reaction[]> {
  return { only: reactions, first: reactions, second: reactions };
}

/** By place. */
function by(
  only: readonly Reaction[],
  first: readonly Reaction[],
  second: readonly Reaction[],
): Record<Placement, readonly Reaction[]> {
  return { only, first, second };
}

const unaffected = everywhere('unaffected');
/** Plain TCP where the connection begins; elsewhere that path cannot be joined. */
const noHandshake = by(['fell back'], ['fell back'], ['subflow closed']);
/** The only path goes on as plain TCP; one of two is closed. */
const closedOrFallback = by(['fell back'], ['subflow closed'], ['subflow closed']);
/** The subflow is lost. Where it was the only one, the connection lives if its client can open another in time. */
const lost = by(['connection lost', 'subflow closed'], ['subflow closed'], ['subflow closed']);

function translator(
  name: string,
  summary: string,
  options: Partial<NatOptions>,
  rest: Partial<MiddleboxBehaviour> = {},
): MiddleboxBehaviour {
  return {
    name,
    summary,
    source: 'RFC 4787, RFC 5382',
    expected: unaffected,
    translates: true,
    make: ({ publicAddresses, random }) => new Nat({ ...options, publicAddresses, random }),
    ...rest,
  };
}

function removal(
  name: string,
  summary: string,
  rule: OptionRemovalRule,
  expected: Record<Placement, readonly Reaction[]>,
): MiddleboxBehaviour {
  return {
    ...{ name, summary, source: `${honda}; ${hesmans}`, expected },
    make: ({ atByte }) => {
      const isLate = rule.scope === 'later' && atByte !== undefined;
      return new OptionRemoval(isLate ? { ...rule, afterBytes: atByte } : rule);
    },
  };
}

const translators: readonly MiddleboxBehaviour[] = [
  translator('nat', 'translates addresses and ports, another port for every destination', {}),
  translator('nat-port-restricted', 'translates to one port, and lets in only those that were sent to', {
    mapping: 'endpoint-independent',
  }),
  translator('nat-full-cone', 'translates to one port, and lets in everybody', {
    mapping: 'endpoint-independent',
    filtering: 'endpoint-independent',
  }),
  translator(
    'nat-rebinding',
    'forgets its mappings in the middle of a connection',
    {},
    {
      expected: lost,
      make: ({ publicAddresses, random, atByte = 100_000 }) =>
        new NatRebinding(new Nat({ publicAddresses, random }), atByte),
    },
  ),
  translator(
    'nat-timeout',
    'forgets a mapping that was idle for two seconds',
    { idleTimeoutNs: 2 * SECOND, transitoryTimeoutNs: 2 * SECOND },
    { expected: lost, needs: { pauseNs: 5 * SECOND } },
  ),
];

const removals: readonly MiddleboxBehaviour[] = [
  removal(
    'strip-capable-syn',
    'replaces MP_CAPABLE in SYNs by NOPs',
    removalRules.capableFromSyn,
    by(['fell back'], ['fell back'], ['unaffected']),
  ),
  removal(
    'strip-capable-syn-ack',
    'replaces MP_CAPABLE in SYN+ACKs by NOPs',
    removalRules.capableFromSynAck,
    by(['fell back'], ['fell back'], ['unaffected']),
  ),
  removal('strip-mptcp', 'replaces every MPTCP option by NOPs', removalRules.everything, noHandshake),
  removal(
    'strip-mptcp-eol',
    'ends the list of options where an MPTCP option stands',
    { ...removalRules.everything, replacement: 'eol' },
    noHandshake,
  ),
  removal(
    'strip-mptcp-shorten',
    'takes every MPTCP option out and makes the header shorter',
    { ...removalRules.everything, replacement: 'shorten' },
    noHandshake,
  ),
  removal(
    'strip-mptcp-after-syn',
    'lets MPTCP options pass on SYN and SYN+ACK only',
    removalRules.afterHandshake,
    noHandshake,
  ),
  removal(
    'strip-mptcp-later',
    'removes MPTCP options once 50 kB have passed, as after a change of route',
    { scope: 'later', afterBytes: 50_000 },
    by(['fell back', 'connection lost'], ['subflow closed', 'unaffected'], ['subflow closed', 'unaffected']),
  ),
  removal(
    'strip-dss',
    'removes the DSS, and MP_CAPABLE, from segments with data',
    removalRules.dssFromData,
    by(['fell back'], ['fell back'], ['subflow closed', 'unaffected']),
  ),
  removal('strip-add-addr', 'removes ADD_ADDR', removalRules.addAddr, unaffected),
  removal(
    'strip-join-syn',
    'replaces MP_JOIN in SYNs by NOPs',
    removalRules.joinFromSyn,
    by(['unaffected'], ['unaffected'], ['subflow closed']),
  ),
];

const others: readonly MiddleboxBehaviour[] = [
  {
    name: 'drop-mptcp-syn',
    summary: 'drops SYNs with MPTCP options without a word',
    source: honda,
    expected: noHandshake,
    make: () => new SynDrop(),
  },
  {
    name: 'option-echo',
    summary: 'lets no MPTCP option pass and sends the last one back',
    source: honda,
    expected: noHandshake,
    make: () => new OptionEcho(),
  },
  {
    name: 'sequence-rewriting',
    summary: 'moves sequence numbers, those in SACK blocks too',
    source: `${honda}; ${hesmans}`,
    expected: unaffected,
    make: ({ random }) => new SequenceRewriting(random),
  },
  {
    name: 'sequence-rewriting-forgets-sack',
    summary: 'moves sequence numbers, but not those in SACK blocks',
    source: `${honda}; ${hesmans}`,
    expected: unaffected,
    needs: { lossProbability: 0.01 },
    make: ({ random }) => new SequenceRewriting(random, { rewritesSack: false }),
  },
  {
    name: 'split',
    summary: 'cuts segments into pieces, each with all options',
    source: hesmans,
    expected: unaffected,
    make: () => new Splitting(),
  },
  {
    name: 'split-options-first',
    summary: 'cuts segments into pieces, of which the first has the options',
    source: hesmans,
    expected: unaffected,
    make: () => new Splitting({ optionsOn: 'first' }),
  },
  {
    name: 'coalesce-keep-first',
    summary: 'merges pairs of segments and keeps the options of the first',
    source: hesmans,
    expected: unaffected,
    make: () => new Coalescing({ keeps: 'first' }),
  },
  {
    name: 'coalesce-keep-last',
    summary: 'merges pairs of segments and keeps the options of the last',
    source: hesmans,
    expected: unaffected,
    make: () => new Coalescing({ keeps: 'last' }),
  },
  {
    name: 'offload-resegmentation',
    summary: 'merges segments with the same options and cuts them anew, the options on every piece',
    source: hesmans,
    expected: unaffected,
    make: () => new OffloadResegmentation(),
  },
  {
    name: 'payload-rewriting',
    summary: 'changes one byte of the stream of each direction',
    source: hesmans,
    expected: closedOrFallback,
    changesBytes: true,
    make: ({ atByte = usualByte }) => new PayloadRewriting({ fromByte: atByte }),
  },
  {
    name: 'payload-lengthening',
    summary: 'makes each stream four bytes longer and moves the numbers behind, as a gateway for FTP does',
    source: `${honda}; ${hesmans}`,
    expected: closedOrFallback,
    changesBytes: true,
    make: ({ atByte = usualByte }) => new StreamEditing({ atByte, insert: Uint8Array.of(44, 49, 50, 55) }),
  },
  {
    name: 'payload-shortening',
    summary: 'makes each stream four bytes shorter and moves the numbers behind',
    source: `${honda}; ${hesmans}`,
    expected: closedOrFallback,
    changesBytes: true,
    make: ({ atByte = usualByte }) => new StreamEditing({ atByte, removeBytes: 4 }),
  },
  {
    name: 'data-insertion',
    summary: 'inserts a segment of its own without MPTCP options and moves the numbers behind',
    source: hesmans,
    expected: closedOrFallback,
    changesBytes: true,
    make: ({ atByte = usualByte }) =>
      new StreamEditing({ atByte, insert: new Uint8Array(100).fill(0x41), placement: 'own-segment' }),
  },
  {
    name: 'data-injection',
    summary: 'sends a segment of its own that arrives before the true one',
    source: 'Weaver et al., PAM 2014',
    expected: closedOrFallback,
    changesBytes: true,
    make: ({ atByte = usualByte }) =>
      new DataInjection({ afterBytes: atByte, data: new Uint8Array(500).fill(0x41) }),
  },
  {
    name: 'syn-proxy',
    summary: 'answers SYNs itself, then connects to the server',
    source: 'RFC 4987 §3.7',
    expected: noHandshake,
    make: ({ random }) => new SynProxying(random),
  },
  {
    name: 'data-proxy',
    summary: 'ends both connections itself and copies the bytes, as plain TCP',
    source: `${honda}; ${hesmans}`,
    expected: noHandshake,
    make: ({ random }) => new DataProxying(random),
  },
  {
    name: 'pre-acking',
    summary: 'acknowledges data before it arrives, from the first byte on',
    source: 'RFC 3135; Hesmans et al. 2013',
    // Its acknowledgments bear no option: the path of a join then is of no use (RFC 8684 §3.7).
    expected: by(['fell back', 'unaffected'], ['fell back', 'unaffected'], ['subflow closed']),
    make: () => new PreAcknowledging(),
  },
  {
    name: 'pre-acking-later',
    summary: 'acknowledges data before it arrives, once 20 kB have passed',
    source: 'RFC 3135; Hesmans et al. 2013',
    expected: unaffected,
    make: ({ atByte = 20_000 }) => new PreAcknowledging({ afterBytes: atByte }),
  },
  {
    name: 'stateful-firewall',
    summary: 'drops what belongs to no flow that it saw begin from behind it',
    source: 'RFC 5382; Hätönen et al., IMC 2010',
    expected: unaffected,
    make: () => new StatefulFirewall(),
  },
  {
    name: 'stateful-firewall-restart',
    summary: 'restarts in the middle of a connection and drops what it does not know any more',
    source: 'RFC 5382',
    expected: lost,
    make: ({ atByte = 100_000 }) => new StatefulFirewall({ restartsAfterBytes: atByte }),
  },
  {
    name: 'stateful-firewall-timeout',
    summary: 'forgets a flow that was idle for two seconds, and drops it',
    source: 'Hätönen et al., IMC 2010',
    expected: lost,
    needs: { pauseNs: 5 * SECOND },
    make: () => new StatefulFirewall({ idleTimeoutNs: 2 * SECOND }),
  },
  {
    name: 'hole-holding',
    summary: 'holds back what comes behind a hole until the hole is filled',
    source: honda,
    expected: unaffected,
    needs: { lossProbability: 0.01 },
    make: () => new InOrderHolding(),
  },
  {
    name: 'ttl-filter',
    summary: 'drops packets with a time to live below 16',
    source: 'Detal et al., IMC 2013 (tracebox)',
    expected: unaffected,
    make: () => hopLimitFilter(16),
  },
  {
    name: 'ttl-normalising',
    summary: 'writes the same time to live into every packet',
    source: 'Detal et al., IMC 2013 (tracebox)',
    expected: unaffected,
    make: () => hopLimitNormaliser(64),
  },
  {
    name: 'reset-injection',
    summary: 'ends a flow by RSTs to both sides once 50 kB have passed',
    source: 'Weaver et al., NDSS 2009',
    expected: lost,
    make: ({ atByte = 50_000 }) => new ResetInjection(atByte),
  },
  {
    name: 'window-clamping',
    summary: 'lowers the windows that both ends advertise',
    source: 'RFC 3135 §3.1.2',
    expected: unaffected,
    make: () => new WindowClamping(),
  },
];

/** Every behaviour, in the order of tables. */
export const middleboxBehaviours: readonly MiddleboxBehaviour[] = [...translators, ...removals, ...others];

/** The behaviour called `name`. Throws ERR_SUBFLOW_ARGUMENT with the names there are. */
export function middleboxBehaviour(name: string): MiddleboxBehaviour {
  const found = middleboxBehaviours.find((behaviour) => behaviour.name === name);
  if (found !== undefined) return found;
  const names = middleboxBehaviours.map((behaviour) => behaviour.name).join(', ');
  throw new SubflowError('ERR_SUBFLOW_ARGUMENT', `there is no middlebox called ${name}`, {
    hint: `One of: ${names}.`,
  });
}
