/** Which connections are looked at: terms that all have to hold, as in `port=443 subflows=2`. Pure. */
import { SubflowError } from '../../base/index.js';
import { IpAddress } from '../../wire/index.js';
import { parseNetwork } from '../relay/index.js';
import type { MonitoredConnection } from './model.js';

/** Whether a connection is one of those. */
export type ConnectionFilter = (connection: MonitoredConnection) => boolean;

/** What a term may be about, with what it says. */
export const filterTerms = Object.freeze({
  'port=NUMBER': 'one end of it, or of one of its subflows, has this port',
  'address=NETWORK': 'one end has an address of this network, as in 10.0.0.0/8',
  'token=HEX': 'it has this token',
  'uid=NUMBER': "it is this user's",
  'subflows=NUMBER': 'it has so many subflows, or more',
  'state=NAME': 'it is in this state, as in established',
  'fallen-back': 'it speaks plain TCP after all',
});

/**
 * Reads terms.
 * @throws SubflowError `ERR_SUBFLOW_BAD_FILTER` for one that makes no sense.
 */
export function parseFilter(terms: readonly string[]): ConnectionFilter {
  const filters = terms.flatMap((term) => term.split(/\s+/).filter(Boolean)).map(parseTerm);
  return (connection) => filters.every((filter) => filter(connection));
}

function parseTerm(term: string): ConnectionFilter {
  if (term === 'fallen-back') return ({ fallback }) => fallback;
  const [, name, value = ''] = /^([a-z]+)=(.+)$/.exec(term) ?? [];
  switch (name) {
    case 'port': {
      const port = whole(term, value, 65_535);
      return (connection) => endsOf(connection).some((end) => end.endsWith(`:${port}`));
    }
    case 'address':
      return addressFilter(value);
    case 'token': {
      const token = value.replace(/^0x/i, '').toLowerCase().padStart(8, '0');
      if (!/^[0-9a-f]{8}$/.test(token)) throw bad(term);
      return (connection) => connection.token === token;
    }
    case 'uid': {
      const wanted = whole(term, value, 2 ** 32);
      return ({ uid }) => uid === wanted;
    }
    case 'subflows': {
      const least = whole(term, value, 256);
      return ({ subflows, subflowCount }) => Math.max(subflows.length, subflowCount ?? 0) >= least;
    }
    case 'state':
      return ({ state }) => state === value;
    default:
      throw bad(term);
  }
}

function addressFilter(text: string): ConnectionFilter {
  const { address, bits } = parseNetwork(text);
  return (connection) =>
    endsOf(connection).some((end) => {
      const own = IpAddress.parse(end.slice(0, end.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
      return own?.family === address.family && own.sharesPrefix(address, bits);
    });
}

function endsOf({ local, remote, subflows }: MonitoredConnection): string[] {
  return [local, remote, ...subflows.flatMap((each) => [each.local, each.remote])];
}

function whole(term: string, text: string, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value <= most) return value;
  throw bad(term);
}

function bad(term: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_FILTER', `'${term}' is nothing to look for`, {
    hint: `There are: ${Object.keys(filterTerms).join(', ')}.`,
  });
}
