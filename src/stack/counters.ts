/**
 * What a host counts. All counters start at 0 and only grow; each says what one more of it means. They are plain
 * numbers, read at any time; nothing here decides anything.
 */
export class StackCounters {
  /** IP packets handed to the stack by devices. */
  packetsReceived = 0;
  /** IP packets that the stack gave to devices; a super-segment counts once. */
  packetsSent = 0;
  /** Octets of the packets handed in, IP headers included. */
  bytesReceived = 0;
  /** Octets of the packets given out, IP headers included. */
  bytesSent = 0;
  /** Packets dropped because the IP header makes no sense. */
  malformedIp = 0;
  /** Packets dropped because their destination is none of the host's addresses. */
  notForUs = 0;
  /** Packets dropped because they came through an interface that is down or unknown. */
  interfaceDown = 0;
  /** Fragments dropped: the stack does not reassemble, and never sends what would be fragmented (RFC 8900 §3). */
  fragmentsDropped = 0;
  /** Packets dropped because the stack does not speak their upper protocol. */
  unknownProtocol = 0;
  /** TCP segments dropped because the TCP header makes no sense. */
  malformedTcp = 0;
  /** TCP segments dropped because the source is a multicast, unspecified or broadcast address (RFC 9293 §3.9.2.3). */
  badSource = 0;
  /** TCP segments dropped for a wrong checksum. */
  checksumErrors = 0;
  /** TCP segments for no flow, no listener and no token, valid otherwise. */
  unknownFlow = 0;
  /** RST segments sent in answer to segments of no flow. */
  resetsSent = 0;
  /** RST segments not sent because their rate was exhausted. */
  resetsSuppressed = 0;
  /** Initial SYNs that a listener took. */
  synsAccepted = 0;
  /** Initial SYNs dropped because the accept queue was full. */
  backlogDrops = 0;
  /** SYN+ACKs sent without keeping state, as SYN cookies (RFC 4987 §3.6). */
  synCookiesSent = 0;
  /** Connections that came to be from a SYN cookie. */
  synCookiesAccepted = 0;
  /** Segments that looked like the answer to a SYN cookie and were not. */
  synCookiesRejected = 0;
  /** Fast Open cookies handed out to clients that asked for one. */
  fastOpenCookiesGiven = 0;
  /** SYNs with a Fast Open cookie that was not right, or too old. */
  fastOpenCookiesRejected = 0;
  /** Connections that a SYN alone made, by its cookie or because the listener needs none. */
  fastOpensAccepted = 0;
  /** SYNs taken as if without Fast Open because as many wait for their ACK as may. */
  fastOpenOverflows = 0;
  /** Connections of this host whose SYN's data the server took. */
  fastOpensActive = 0;
  /** Connections of this host whose SYN's data the server left, so that it was sent again. */
  fastOpensRefused = 0;
  /** SYNs of this host with Fast Open that were lost, or answered with a reset. */
  fastOpenLosses = 0;
  /** Connections of this host opened without Fast Open because it was lost there not long ago. */
  fastOpenRested = 0;
  /** Connections refused because the host's limit of connections was reached. */
  connectionLimitDrops = 0;
  /** Connections that this host began. */
  activeOpens = 0;
  /** Connections begun by others that were established here. */
  passiveOpens = 0;
  /** SYNs with MP_JOIN whose token is one of ours and that the connection took. */
  joinsAccepted = 0;
  /** SYNs with MP_JOIN that the connection refused (limits, closing, duplicate). */
  joinsRefused = 0;
  /** SYNs with MP_JOIN whose token is none of ours. */
  joinsUnknownToken = 0;
  /** Flows that went to the TIME-WAIT table. */
  timeWaits = 0;
  /** TIME-WAIT records dropped early because the table was full. */
  timeWaitEvicted = 0;
  /** TIME-WAIT records that made way for a new connection of the same four-tuple (RFC 9293 §3.10.7.4, RFC 6191). */
  timeWaitReused = 0;
  /** ICMP messages that parsed, of any type. */
  icmpReceived = 0;
  /** ICMP messages dropped: malformed or with a wrong checksum. */
  icmpMalformed = 0;
  /** ICMP errors whose quoted packet is not one that a flow of ours sent, as far as ports and addresses tell. */
  icmpIgnored = 0;
  /** ICMP errors that told a flow its path MTU. */
  icmpPathMtu = 0;
  /** ICMP errors that told a flow its destination is out of reach. */
  icmpUnreachable = 0;
  /** Echo requests answered. */
  echoReplies = 0;
  /** Echo requests not answered because their rate was exhausted. */
  echoSuppressed = 0;
  /** Segments that a connection wanted to send from an address that no interface in service owns. */
  unroutable = 0;
  /** Subflow events dropped because a socket's owner did not pull them. */
  eventsDropped = 0;
}
