/**
 * Why a connection is plain TCP, in a word for programs and a sentence for people. The words are those of the engine's 'fallback' event,
 * and two for what the engine never meets. Knows no sockets.
 */
import type { Lack } from './kernel-origin.js';

/** Why a connection is plain TCP. */
export interface FallbackInfo {
  /**
   * `unavailable`: this machine gives no Multipath TCP. `disabled`: the program asked for plain TCP. `no-capable-in-syn-ack`,
   * `no-capable-in-syn`, `no-capable-in-ack`: the peer's part of the handshake had none. `syn-lost`: SYNs with the option went
   * unanswered, now or not long ago. `changed-on-the-way`: it began as Multipath TCP and had to stop. Others are the engine's.
   */
  readonly cause: string;
  /** Whether that is known; false: it is what the signs say, and may be otherwise. */
  readonly isCertain: boolean;
  /** The same as a sentence, and what to do where something can be done. */
  readonly text: string;
  /** The signs that it was taken from; undefined where it is certain. */
  readonly evidence: FallbackEvidence | undefined;
}

/** What shows in a kernel socket, and around it. */
export interface FallbackEvidence {
  /** Which other options of TCP both sides agreed on: where all are missing, something on the way removes options. */
  readonly hasTimestamps: boolean;
  readonly hasSack: boolean;
  readonly hasWindowScale: boolean;
  /** Segments sent again on the connection, SYNs included. */
  readonly retransmissions: number;
  /**
   * Counters that stand for fall-backs (names as `nstat` has them, without `MPTcpExt`) and moved since this program made its first
   * socket; other connections of the network namespace move them too.
   */
  readonly counters: Readonly<Record<string, number>>;
}

/** What is known of a kernel socket that fell back by itself. */
export interface FallbackSigns {
  readonly role: 'client' | 'server';
  /** Whether Multipath TCP was agreed on before; undefined: not known. */
  readonly wasMultipath: boolean | undefined;
  /** SYNs with the option that go unanswered before one goes without. */
  readonly synRetransmissions: number;
  readonly evidence: FallbackEvidence;
}

/** Sentences for the words of the engine, whose causes are certain. */
const engineTexts: Readonly<Record<string, string>> = {
  disabled: 'Plain TCP was asked for.',
  'no-capable-in-syn': "The peer's SYN had no usable MP_CAPABLE.",
  'simultaneous-open': 'Both ends opened at once.',
  'no-capable-in-syn-ack': "The peer's SYN+ACK had no usable MP_CAPABLE.",
  'lower-version': 'The peer answered with a lower version than was asked for.',
  'syn-lost': 'SYNs with MP_CAPABLE went unanswered; one without was answered.',
  'syn-late': 'The SYN with MP_CAPABLE was answered after one without had been sent.',
  'no-capable-in-ack': 'The third ACK, or the first data, had no MP_CAPABLE.',
  'no-data-sequence-signal': 'The peer acknowledged or sent the first data without a DSS option.',
  'infinite-mapping': 'The peer announced an infinite mapping.',
  checksum: 'A checksum of the data did not match, and there was no other subflow.',
  'peer-failed': 'The peer found a wrong checksum on the only subflow.',
};

/** What the engine says, which knows. */
export function engineFallback(cause: string | undefined): FallbackInfo | undefined {
  if (cause === undefined) return undefined;
  return { cause, isCertain: true, text: engineTexts[cause] ?? cause, evidence: undefined };
}

/** This side cannot. */
export function unavailable({ reason, hint }: Lack): FallbackInfo {
  return {
    cause: 'unavailable',
    isCertain: true,
    text: `This machine gives no Multipath TCP: ${reason}. ${hint}`,
    evidence: undefined,
  };
}

/** The program wanted it so. */
export const plainWanted: FallbackInfo = Object.freeze({
  cause: 'disabled',
  isCertain: true,
  text: 'Plain TCP was asked for.',
  evidence: undefined,
});

/** What likely happened to a kernel socket. */
export function likelyFallback(signs: FallbackSigns): FallbackInfo {
  const [cause, text] = signs.wasMultipath === true ? afterHandshake(signs) : inHandshake(signs);
  return { cause, isCertain: false, text, evidence: signs.evidence };
}

type Verdict = readonly [cause: string, text: string];

function inHandshake({ role, synRetransmissions, evidence }: FallbackSigns): Verdict {
  const { hasTimestamps, hasSack, hasWindowScale, retransmissions, counters } = evidence;
  const isBare = !hasTimestamps && !hasSack && !hasWindowScale;
  if (role === 'server') {
    if (counters['MPCapableFallbackACK'] !== undefined)
      return [
        'no-capable-in-ack',
        "Likely the client's third ACK had no MP_CAPABLE: a box on the way removes the option once data flows, or the client gave up.",
      ];
    return isBare
      ? [
          'no-capable-in-syn',
          "The client's SYN agreed on no option of TCP at all: likely a box on the way removes options.",
        ]
      : [
          'no-capable-in-syn',
          'Likely the client does not ask for Multipath TCP; or a box on the way removes the option.',
        ];
  }
  if (retransmissions >= synRetransmissions && counters['MPCapableSYNTXDrop'] !== undefined)
    return [
      'syn-lost',
      'Likely SYNs with MP_CAPABLE were dropped on the way, and one without came through; or the path loses packets.',
    ];
  if (counters['MPCapableSYNTXDisabled'] !== undefined)
    return [
      'syn-lost',
      'Likely the kernel does not ask for now, since SYNs with MP_CAPABLE were dropped not long ago (net.mptcp.blackhole_timeout).',
    ];
  return isBare
    ? [
        'no-capable-in-syn-ack',
        'The SYN+ACK agreed on no option of TCP at all: likely a box or proxy on the way removes options, or the server answers under SYN cookies.',
      ]
    : [
        'no-capable-in-syn-ack',
        'Likely the server does not speak Multipath TCP (its SYN+ACK had other options); or a box on the way removes the option: subflow probe tells.',
      ];
}

function afterHandshake({ evidence: { counters } }: FallbackSigns): Verdict {
  const cause = 'changed-on-the-way';
  const moved = (...names: readonly string[]): boolean => names.some((name) => counters[name] !== undefined);
  if (moved('DataCsumErr', 'DSSCorruptionFallback', 'MPFailTx', 'MPFailRx'))
    return [
      cause,
      'It began as Multipath TCP; likely a box on the way changed the data, for checksums did not match.',
    ];
  if (moved('InfiniteMapRx'))
    return [cause, 'It began as Multipath TCP; likely the peer gave it up (infinite mapping).'];
  return [
    cause,
    'It began as Multipath TCP; likely a box on the way removed its options from data or acknowledgments.',
  ];
}
