/** What went over the interfaces of a namespace, headers included, whoever sent it. */
import { readFileSync } from 'node:fs';

/** Bytes that went over an interface since it was made. */
export interface InterfaceBytes {
  readonly sent: number;
  readonly received: number;
}

/** By the names of the interfaces of the calling thread's namespace. */
export function interfaceBytes(): Map<string, InterfaceBytes> {
  const found = new Map<string, InterfaceBytes>();
  for (const line of readFileSync('/proc/thread-self/net/dev', 'utf8').split('\n').slice(2)) {
    // A name may have colons; the numbers have none.
    const colon = line.lastIndexOf(':');
    const numbers = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    if (colon < 0 || numbers.length < 16) continue;
    found.set(line.slice(0, colon).trim(), { received: numbers[0]!, sent: numbers[8]! });
  }
  return found;
}
