/** The bytes that scripts send and expect: each follows from its direction and its position in the data stream. */

/** The byte at `position`, 1 for the first. */
export function patternByte(fromHost: boolean, position: number): number {
  return (position * 31 + (position >>> 8) * 17 + (fromHost ? 5 : 101)) & 0xff;
}

/** `length` bytes from `position` on. */
export function patternBytes(fromHost: boolean, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = patternByte(fromHost, position + i);
  return bytes;
}

/** Where `bytes` first differ from the pattern at `position`; -1 when they do not. */
export function patternMismatch(fromHost: boolean, position: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== patternByte(fromHost, position + i)) return i;
  return -1;
}
