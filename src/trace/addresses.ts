/** The addresses that the hosts of a connection announce and take back (RFC 8684 §3.4). */
import { type AddAddr, addAddrHmac, constantTimeEqual, type RemoveAddr } from '../wire/index.js';
import type { AddressState, Connection } from './connection.js';
import type { PacketContext } from './handshake.js';
import type { Stream } from './stream.js';

/** Takes in an announcement or its echo; returns 1 when it had to be dropped. */
export function noteAddress(
  connection: Connection,
  stream: Stream,
  option: AddAddr,
  context: PacketContext,
): 0 | 1 {
  const isFromClient = context.isFromOpener === stream.isOpenerClient;
  // An echo repeats what the peer announced.
  const owner = isFromClient !== option.echo ? 'client' : 'server';
  const text = option.address.toString();
  const known = connection.addresses.findLast(
    (address) =>
      address.owner === owner &&
      address.addressId === option.addressId &&
      address.address === text &&
      address.port === (option.port ?? null),
  );
  if (option.echo) {
    if (known !== undefined) known.echoedPacket ??= context.packet;
    return 0;
  }
  if (known !== undefined && known.removedPacket === null) {
    known.announcements++;
    known.hmacVerified = verify(connection, isFromClient, option) ?? known.hmacVerified;
    return 0;
  }
  if (connection.addresses.length >= connection.limits.maxAddresses) return 1;
  const address: AddressState = {
    owner,
    addressId: option.addressId,
    address: text,
    port: option.port ?? null,
    announcedPacket: context.packet,
    echoedPacket: null,
    removedPacket: null,
    announcements: 1,
    hmacVerified: verify(connection, isFromClient, option),
  };
  connection.addresses.push(address);
  return 0;
}

/** Takes in the removal of addresses by their owner. */
export function noteRemoval(
  connection: Connection,
  stream: Stream,
  option: RemoveAddr,
  context: PacketContext,
): void {
  const owner = context.isFromOpener === stream.isOpenerClient ? 'client' : 'server';
  for (const address of connection.addresses) {
    if (address.owner === owner && option.addressIds.includes(address.addressId)) {
      address.removedPacket ??= context.packet;
    }
  }
}

/** Whether the proof fits the keys; null without keys, or in version 0, which has none. */
function verify(connection: Connection, isFromClient: boolean, option: AddAddr): boolean | null {
  const sender = isFromClient ? connection.client.key : connection.server.key;
  const receiver = isFromClient ? connection.server.key : connection.client.key;
  if (option.version === 0 || sender === undefined || receiver === undefined) return null;
  if (option.hmac === undefined) return false;
  const { addressId, address, port = 0 } = option;
  return constantTimeEqual(addAddrHmac(sender, receiver, { addressId, address, port }), option.hmac);
}
