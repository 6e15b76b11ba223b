/** The handshake with a proxy for what it is to connect to. */
import type { IpAddress } from '../../wire/index.js';
import { ConvertHandshake } from '../converter/convert-handshake.js';
import type { Handshake } from './handshake.js';
import type { Hop } from './hop.js';
import { HttpHandshake } from './http-handshake.js';
import { type Destination, Socks5Handshake } from './socks5-handshake.js';
import { Socks6Handshake } from './socks6-handshake.js';

/** What is asked of the connection that a proxy makes, where its protocol has words for it. */
export interface HopWishes {
  /** Whether it is to be Multipath TCP. Default true. */
  readonly isMultipath?: boolean | undefined;
  /** Most bytes of the application in its SYN, which so perhaps arrive twice. Default 0. */
  readonly synBytes?: number | undefined;
}

/** `destination` is an address for a converter. */
export function handshakeWith(hop: Hop, destination: Destination, wishes: HopWishes = {}): Handshake {
  const { protocol, credentials, version } = hop;
  switch (protocol) {
    case 'socks5':
      return new Socks5Handshake(destination, credentials);
    case 'socks6':
      return new Socks6Handshake(destination, { ...wishes, credentials, version });
    case 'http':
      return new HttpHandshake(destination, credentials);
    case 'converter': {
      const server = { address: destination.host as IpAddress, port: destination.port };
      return new ConvertHandshake(`${hop.host} ${hop.port}`, server, undefined);
    }
  }
}
