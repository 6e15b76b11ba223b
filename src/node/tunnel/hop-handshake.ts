/** The handshake with a proxy for what it is to connect to. */
import type { IpAddress } from '../../wire/index.js';
import { ConvertHandshake } from '../converter/convert-handshake.js';
import type { Handshake } from './handshake.js';
import type { Hop } from './hop.js';
import { type Destination, Socks5Handshake } from './socks5-handshake.js';

/** `destination` is an address for a converter. */
export function handshakeWith(hop: Hop, destination: Destination): Handshake {
  switch (hop.protocol) {
    case 'socks5':
      return new Socks5Handshake(destination, hop.credentials);
    case 'converter': {
      const address = destination.host as IpAddress;
      return new ConvertHandshake(`${hop.host} ${hop.port}`, { address, port: destination.port }, undefined);
    }
  }
}
