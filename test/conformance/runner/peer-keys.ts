/** Keys of the peer by name. */

const keys: Readonly<Record<string, bigint>> = {
  usual: 0x0123_4567_89ab_cdefn,
};

/** A key by name, or as a number in hex. */
export function peerKeyOf(name: string): bigint {
  return keys[name] ?? BigInt(name);
}
