/**
 * Options of SOCKS 6 between bytes and values. An option of an unknown kind, or one whose content is not what its kind
 * says, stays as it is: the draft has both read over. Read first: draft-olteanu-intarea-socks-6-11 §8.
 */
import { parseError, parsed, type ParseResult, SubflowError } from '../base/index.js';
import { readU16, readU32, writeU16, writeU32 } from '../wire/index.js';

/** Most bytes of all options of a message (§5 to §7). */
export const MAX_SOCKS6_OPTIONS_BYTES = 16 * 1024;
/** Most bytes of data that may stand between a request and its authentication (§8.2). */
export const MAX_INITIAL_DATA_BYTES = 1 << 14;

/** Kinds of options (§8). */
export const Socks6OptionKind = {
  STACK: 1,
  METHOD_ADVERTISEMENT: 2,
  METHOD_SELECTION: 3,
  AUTHENTICATION_DATA: 4,
  SESSION_REQUEST: 5,
  SESSION_ID: 6,
  SESSION_OK: 8,
  SESSION_INVALID: 9,
  SESSION_TEARDOWN: 10,
  IDEMPOTENCE_REQUEST: 11,
  IDEMPOTENCE_WINDOW: 12,
  IDEMPOTENCE_EXPENDITURE: 13,
  IDEMPOTENCE_ACCEPTED: 14,
  IDEMPOTENCE_REJECTED: 15,
} as const;

/** Which connection a stack option is about: 1 client and proxy, 2 proxy and remote host, 3 both (§8.1). */
export type Socks6Leg = 1 | 2 | 3;

/** One option. */
export type Socks6Option =
  /** `level` and `code` as the draft numbers them; `data` is 2 bytes and a multiple of 4 (§8.1). */
  | {
      readonly kind: 'stack';
      readonly leg: Socks6Leg;
      readonly level: number;
      readonly code: number;
      readonly data: Uint8Array;
    }
  /** Methods other than none, and bytes of data that follow the request at once (§8.2). */
  | {
      readonly kind: 'method-advertisement';
      readonly initialDataBytes: number;
      readonly methods: readonly number[];
    }
  | { readonly kind: 'method-selection'; readonly method: number }
  /** `data` is 3 bytes and a multiple of 4, its padding included (§8.3). */
  | { readonly kind: 'authentication-data'; readonly method: number; readonly data: Uint8Array }
  | { readonly kind: 'session-request' | 'session-ok' | 'session-invalid' | 'session-teardown' }
  /** A multiple of 4 bytes, and not empty (§8.4.1). */
  | { readonly kind: 'session-id'; readonly id: Uint8Array }
  /** `size`: tokens in the window (§8.5.1). */
  | { readonly kind: 'idempotence-request'; readonly size: number }
  | { readonly kind: 'idempotence-window'; readonly base: number; readonly size: number }
  | { readonly kind: 'idempotence-expenditure'; readonly token: number }
  | { readonly kind: 'idempotence-accepted' | 'idempotence-rejected' }
  /** Any other kind, or one of the above with other content; `body` is a multiple of 4 bytes. */
  | { readonly kind: 'other'; readonly number: number; readonly body: Uint8Array };

/** Levels and codes of stack options that are asked for here: TCP's. */
export const Socks6Stack = { TCP_LEVEL: 4, FAST_OPEN: 1, MULTIPATH: 2, BACKLOG: 3 } as const;

/** Whether Multipath TCP is wanted, or there, on a leg: between proxy and remote host unless told otherwise (§8.1). */
export function multipathOption(isMultipath: boolean, leg: Socks6Leg = 2): Socks6Option {
  return {
    ...{ kind: 'stack', leg, level: Socks6Stack.TCP_LEVEL, code: Socks6Stack.MULTIPATH },
    data: Uint8Array.of(isMultipath ? 2 : 1, 0),
  };
}

/** Asks for Fast Open towards the remote host, with at most so many bytes in the SYN; 0: as many as there are (§8.1). */
export function fastOpenOption(payloadBytes: number): Socks6Option {
  return {
    ...{ kind: 'stack', leg: 2, level: Socks6Stack.TCP_LEVEL, code: Socks6Stack.FAST_OPEN },
    data: Uint8Array.of(payloadBytes >> 8, payloadBytes),
  };
}

/** Options without content, by name. */
const bare = new Map<string, number>([
  ['session-request', Socks6OptionKind.SESSION_REQUEST],
  ['session-ok', Socks6OptionKind.SESSION_OK],
  ['session-invalid', Socks6OptionKind.SESSION_INVALID],
  ['session-teardown', Socks6OptionKind.SESSION_TEARDOWN],
  ['idempotence-accepted', Socks6OptionKind.IDEMPOTENCE_ACCEPTED],
  ['idempotence-rejected', Socks6OptionKind.IDEMPOTENCE_REJECTED],
]);
const bareByNumber = new Map([...bare].map(([name, number]) => [number, name]));

/** Reads the options in the `length` bytes at `offset`. Codes: `bad-length`. */
export function parseSocks6Options(
  bytes: Uint8Array,
  offset: number,
  length: number,
): ParseResult<Socks6Option[]> {
  const options: Socks6Option[] = [];
  const end = offset + length;
  for (let at = offset; at < end;) {
    const size = at + 4 <= end ? readU16(bytes, at + 2) : 0;
    // §8: a length counts the whole option, and is a multiple of 4.
    if (size < 4 || size % 4 !== 0 || at + size > end)
      return parseError('bad-length', at, 'an option is not framed');
    options.push(parseOption(readU16(bytes, at), bytes.slice(at + 4, at + size)));
    at += size;
  }
  return parsed(options);
}

/** Makes a value of `body`, which is the option's own. */
function parseOption(number: number, body: Uint8Array): Socks6Option {
  const other: Socks6Option = { kind: 'other', number, body };
  const name = bareByNumber.get(number);
  if (name !== undefined) return body.length === 0 ? ({ kind: name } as Socks6Option) : other;
  switch (number) {
    case Socks6OptionKind.STACK: {
      const leg = (body[0] ?? 0) >> 6;
      if (body.length < 4 || leg === 0) return other;
      return {
        kind: 'stack',
        leg: leg as Socks6Leg,
        level: body[0]! & 0x3f,
        code: body[1]!,
        data: body.slice(2),
      };
    }
    case Socks6OptionKind.METHOD_ADVERTISEMENT:
      return parseAdvertisement(body) ?? other;
    case Socks6OptionKind.METHOD_SELECTION:
      if (body.length !== 4 || body[1] !== 0 || body[2] !== 0 || body[3] !== 0) return other;
      return { kind: 'method-selection', method: body[0]! };
    case Socks6OptionKind.AUTHENTICATION_DATA:
      if (body.length === 0) return other;
      return { kind: 'authentication-data', method: body[0]!, data: body.slice(1) };
    case Socks6OptionKind.SESSION_ID:
      return body.length === 0 ? other : { kind: 'session-id', id: body };
    case Socks6OptionKind.IDEMPOTENCE_REQUEST:
      return body.length === 4 ? { kind: 'idempotence-request', size: readU32(body, 0) } : other;
    case Socks6OptionKind.IDEMPOTENCE_WINDOW:
      if (body.length !== 8) return other;
      return { kind: 'idempotence-window', base: readU32(body, 0), size: readU32(body, 4) };
    case Socks6OptionKind.IDEMPOTENCE_EXPENDITURE:
      // A figure of the draft has length 4, its text 8: without the token there is nothing to spend.
      return body.length === 4 ? { kind: 'idempotence-expenditure', token: readU32(body, 0) } : other;
    default:
      return other;
  }
}

/** §8.2: zeros are padding, or a method that every client has. */
function parseAdvertisement(body: Uint8Array): Socks6Option | undefined {
  if (body.length < 4) return undefined;
  const initialDataBytes = readU16(body, 0);
  if (initialDataBytes > MAX_INITIAL_DATA_BYTES) return undefined;
  const methods = [...body.subarray(2)].filter((method) => method !== 0);
  return { kind: 'method-advertisement', initialDataBytes, methods };
}

function bodyOf(option: Socks6Option): { readonly number: number; readonly body: Uint8Array } {
  switch (option.kind) {
    case 'stack':
      return {
        number: Socks6OptionKind.STACK,
        body: Uint8Array.of((option.leg << 6) | option.level, option.code, ...option.data),
      };
    case 'method-advertisement': {
      const { initialDataBytes, methods } = option;
      const body = new Uint8Array(Math.max(4, (2 + methods.length + 3) & ~3));
      writeU16(body, 0, initialDataBytes);
      body.set(methods, 2);
      return { number: Socks6OptionKind.METHOD_ADVERTISEMENT, body };
    }
    case 'method-selection':
      return { number: Socks6OptionKind.METHOD_SELECTION, body: Uint8Array.of(option.method, 0, 0, 0) };
    case 'authentication-data':
      return {
        number: Socks6OptionKind.AUTHENTICATION_DATA,
        body: Uint8Array.of(option.method, ...option.data),
      };
    case 'session-id':
      return { number: Socks6OptionKind.SESSION_ID, body: option.id };
    case 'idempotence-request':
      return { number: Socks6OptionKind.IDEMPOTENCE_REQUEST, body: words(option.size) };
    case 'idempotence-window':
      return { number: Socks6OptionKind.IDEMPOTENCE_WINDOW, body: words(option.base, option.size) };
    case 'idempotence-expenditure':
      return { number: Socks6OptionKind.IDEMPOTENCE_EXPENDITURE, body: words(option.token) };
    case 'other':
      return option;
    default:
      return { number: bare.get(option.kind)!, body: new Uint8Array(0) };
  }
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  values.forEach((value, i) => writeU32(bytes, 4 * i, value));
  return bytes;
}

/**
 * Writes options, each padded to a multiple of 4 bytes. Throws `ERR_SUBFLOW_BAD_MESSAGE` when they exceed
 * {@link MAX_SOCKS6_OPTIONS_BYTES} together.
 */
export function emitSocks6Options(options: readonly Socks6Option[]): Uint8Array {
  const parts = options.map(bodyOf);
  const sizes = parts.map(({ body }) => 4 + ((body.length + 3) & ~3));
  const length = sizes.reduce((sum, size) => sum + size, 0);
  if (length > MAX_SOCKS6_OPTIONS_BYTES)
    throw new SubflowError(
      'ERR_SUBFLOW_BAD_MESSAGE',
      `${length} bytes of SOCKS options; ${MAX_SOCKS6_OPTIONS_BYTES} is the most`,
    );
  const bytes = new Uint8Array(length);
  let at = 0;
  parts.forEach(({ number, body }, i) => {
    writeU16(bytes, at, number);
    writeU16(bytes, at + 2, sizes[i]!);
    bytes.set(body, at + 4);
    at += sizes[i]!;
  });
  return bytes;
}
