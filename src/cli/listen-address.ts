/** Where a command listens, as it is written on a command line. */
import { IpAddress } from '../wire/index.js';
import { UsageError } from './errors.js';
import { parseInteger } from './units.js';

/** Reads `ADDRESS:PORT`, `[ADDRESS]:PORT` or `PORT`, on 127.0.0.1 unless it says where. Throws a {@link UsageError}. */
export function parseListen(
  text: string,
  examplePort: number,
): { readonly host: string; readonly port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d+)$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '127.0.0.1';
  if (match !== null && IpAddress.parse(host) !== undefined)
    return { host, port: parseInteger(match[3]!, 0, 65_535) };
  throw new UsageError(
    `'${text}' is not an address and a port; write it like 127.0.0.1:${examplePort} or [::1]:${examplePort}`,
  );
}
