/**
 * Stack options of SOCKS 6 at the proxy: what a request asks of the two connections, and what the operation reply says of
 * them. Of the draft's options those about Multipath TCP and Fast Open are there, and others are read over. Multipath TCP
 * is told of the client's own connection too, where that is asked.
 * Read first: draft-olteanu-intarea-socks-6-11 §5 (CONNECT) and §8.1.
 */
import { fastOpenOption, multipathOption, type Socks6Option, Socks6Stack } from '../../socks/index.js';
import { readU16 } from '../../wire/index.js';
import type { Wanted } from './dialogue.js';

type StackOption = Extract<Socks6Option, { kind: 'stack' }>;

/** What was done; all that is left out: nothing. */
export interface StackFacts {
  readonly isClientMultipath?: boolean;
  /** Undefined where a proxy further on does not tell. */
  readonly isServerMultipath?: boolean | undefined;
  /** Bytes that the server took from the SYN. */
  readonly synBytes?: number;
}

/** No connection is there, or none was asked for. */
export const nothingDone: StackFacts = { isServerMultipath: false };

/**
 * What is wanted of the connection to the server. Multipath TCP is for those who ask for it (§8.1: others SHOULD NOT get
 * it), and with `isMultipathAlways` for those too who say nothing.
 */
export function stackWishes(
  options: readonly Socks6Option[],
  isMultipathAlways: boolean,
): Pick<Wanted, 'isMultipath' | 'synBytes'> {
  const stack = stackOf(options);
  const wish = stack.find((option) => isTcp(option, Socks6Stack.MULTIPATH, 2))?.data[0];
  const isMultipath = wish === WANTED || (wish !== NOT_WANTED && isMultipathAlways);
  return { isMultipath, synBytes: synBytesOf(stack) };
}

/** Values of the option (§8.1). */
const NOT_WANTED = 1;
const WANTED = 2;

/** How many bytes may go with the SYN: a client may say how many at most, or 0 for any number; none without its word (§5). */
function synBytesOf(stack: readonly StackOption[]): number {
  const said = stack.find((option) => isTcp(option, Socks6Stack.FAST_OPEN, 2));
  if (said === undefined) return 0;
  return readU16(said.data, 0) || Infinity;
}

/**
 * The options of an operation reply. Whatever was asked is answered, also where it could not be had: a Fast Open SYN without
 * data has a payload of 0 (§8.1). That there is Multipath TCP is told unasked as well.
 */
export function stackAnswers(options: readonly Socks6Option[], facts: StackFacts): Socks6Option[] {
  const stack = stackOf(options);
  const isAsked = (code: number, leg: 1 | 2): boolean => stack.some((option) => isTcp(option, code, leg));
  const { isClientMultipath, isServerMultipath, synBytes = 0 } = facts;
  const answers: Socks6Option[] = [];
  if (isClientMultipath !== undefined && isAsked(Socks6Stack.MULTIPATH, 1))
    answers.push(multipathOption(isClientMultipath, 1));
  const isTold = isServerMultipath === true || isAsked(Socks6Stack.MULTIPATH, 2);
  if (isServerMultipath !== undefined && isTold) answers.push(multipathOption(isServerMultipath));
  if (isAsked(Socks6Stack.FAST_OPEN, 2)) answers.push(fastOpenOption(Math.min(synBytes, 0xffff)));
  return answers;
}

function stackOf(options: readonly Socks6Option[]): StackOption[] {
  return options.filter((option) => option.kind === 'stack');
}

/** Whether the option is about `code` of TCP on `leg`, or on both (§8.1). */
function isTcp({ leg, level, code }: StackOption, wanted: number, onLeg: 1 | 2): boolean {
  return level === Socks6Stack.TCP_LEVEL && code === wanted && (leg === 3 || leg === onLeg);
}
