/** Addresses that were announced, and what became of them. Read first: RFC 8684 §3.1 (flag C), §3.4. */
import { capableOf, forbidsJoins, readHandshake } from '../options-report/index.js';
import type { AddressReport, ConnectionReport, Finding } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import { hosts, peerOf, times } from './words.js';

/** Frames that must follow an announcement for its silence to mean something. */
const PATIENT_FRAMES = 20;

export const addressRule: FindingRule = {
  connection: (connection) =>
    connection.fallback
      ? []
      : [
          ...connection.addresses.flatMap((address) => judge(connection, address)),
          ...removals(connection),
          ...forbidden(connection),
        ],
};

function judge(connection: ConnectionReport, announced: AddressReport): Finding[] {
  const { owner, addressId, address, announcedPacket, echoedPacket, removedPacket, hmacVerified } = announced;
  const what = `address ${addressId} of the ${owner}, ${address},`;
  const isEarly = connection.lastPacket - announcedPacket < PATIENT_FRAMES;
  const findings: Finding[] = [];
  if (hmacVerified === false) {
    findings.push(
      finding(
        'address-hmac-wrong',
        'problem',
        `The announcement of ${what} has a proof that the keys do not give: a box rewrote the address, or somebody ` +
          `without the keys sent it. The ${peerOf(owner)} must not use it`,
        [announcedPacket],
      ),
    );
  }
  if (isEarly) return findings;
  if (echoedPacket === null && connection.version === 1 && hmacVerified !== false) {
    findings.push(
      finding(
        'address-not-echoed',
        'warning',
        `The announcement of ${what} was never confirmed (sent ${times(announced.announcements)}): ` +
          `a box on the path removes ADD_ADDR, or the ${peerOf(owner)} takes no addresses`,
        [announcedPacket],
      ),
    );
  }
  if (removedPacket === null && !isJoined(connection, announced)) findings.push(notJoined(announced));
  return findings;
}

/** Whether a subflow ends at the address, opened or tried. */
function isJoined({ subflows }: ConnectionReport, { owner, address }: AddressReport): boolean {
  return subflows.some(
    (subflow) => hostPart(owner === 'client' ? subflow.client : subflow.server) === address,
  );
}

/** The address of `address:port`, without the brackets of IPv6. */
function hostPart(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

function notJoined({ owner, addressId, address, announcedPacket, echoedPacket }: AddressReport): Finding {
  const peer = peerOf(owner);
  const why =
    owner === 'client'
      ? 'Servers open no subflows by themselves as a rule, so the client has to (endpoint with "subflow" rather than "signal")'
      : `The limits of the ${peer} may forbid it ("ip mptcp limits set subflow 2 add_addr_accepted 2" on Linux)`;
  return finding(
    'address-not-joined',
    'warning',
    `The ${owner} announced address ${addressId}, ${address}, and the ${peer} opened no subflow to it. ${why}, ` +
      `or the ${peer} has no route there`,
    [announcedPacket, echoedPacket],
  );
}

function removals({ signals }: ConnectionReport): Finding[] {
  return signals
    .filter(({ option }) => option === 'REMOVE_ADDR')
    .map(({ by, meaning, packet }) =>
      finding(
        'address-removed',
        'info',
        `The ${by} says that ${meaning}: subflows from it end, and data moves to the others`,
        [packet],
      ),
    );
}

function forbidden(connection: ConnectionReport): Finding[] {
  const [first] = connection.subflows;
  if (first === undefined || first.joined) return [];
  const packets = readHandshake(first);
  return hosts.flatMap((host) => {
    const said = packets.find(({ packet, header }) => {
      const capable = capableOf(header);
      return packet.sender === host && capable !== undefined && forbidsJoins(capable);
    });
    if (said === undefined) return [];
    return [
      finding(
        'joins-to-initial-forbidden',
        'info',
        `The ${host} wants no further subflows to its first address (flag C), as behind a load balancer: ` +
          `only addresses that it announces can be joined, so the ${peerOf(host)} must accept announcements`,
        [said.packet.packet],
      ),
    ];
  });
}
