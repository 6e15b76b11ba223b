/** Keys of the peer by name. */

const keys: Readonly<Record<string, bigint>> = {
  usual: 0x0123_4567_89ab_cdefn,
  /** Its initial data sequence number of version 1 ends in fffffef6: data of four bytes wraps soon. */
  'wraps-32': 0x7777_7777_002a_7d97n,
};

/** A key by name, or as a number in hex. */
export function peerKeyOf(name: string): bigint {
  return keys[name] ?? BigInt(name);
}
