/** RFC 8803. */
import { documentOf } from './requirement.js';

const message = 'src/convert/message.test.ts › ';
const roles = 'src/convert/roles.test.ts › ';
const server = 'src/node/converter/converter.test.ts › ';
const hostile = 'src/node/converter/hostile-peers.test.ts › ';
const command = 'src/cli/converter/converter.test.ts › ';

export const rfc8803 = documentOf('8803', '0-RTT TCP Convert Protocol', {
  rules: [
    [
      'single-domain',
      '1.3 1',
      'a converter is for clients of one administration: without a word it serves its own machine, and others only where their networks are named',
      [
        'src/node/relay/access-rules.test.ts › let only this machine in where nobody is named',
        'src/node/relay/access-rules.test.ts › let in who is named, and then not this machine by itself',
      ],
    ],
    [
      'first-bytes',
      '6 2; 6.1 1',
      'the fixed header and the TLVs are the first bytes of the stream, in both directions',
      [
        `${roles}asks for Multipath TCP towards the server without content (RFC 8803 §7.5)`,
        `${server}connects, confirms with the options of the server, and relays data that came with the message`,
      ],
    ],
    [
      'data-behind',
      '6 3',
      'data that goes with the SYN stands right behind the message, and reaches the server',
      [
        `${server}connects, confirms with the options of the server, and relays data that came with the message`,
        `${command}takes the message and the request from the SYN, from the second connection on`,
      ],
    ],
    [
      'no-convert',
      '6 1',
      'a stream that is no message of Convert gets no answer',
      [
        `${roles}resets the connection for %s`,
        `${server}resets a client that says too little for too long, and holds next to nothing for it`,
      ],
      'The connection is reset: the kernel has answered the SYN before anything of its payload can be seen.',
    ],
    [
      'version',
      '6.1 2; 6.2.8 2 3',
      'version 0 is not used, and every version but 1 is answered with error 0, which names 1',
      [`${roles}answers another version with its own (code 0)`],
    ],
    [
      'lowest-common-version',
      '6.2.8 5',
      'the highest version that both have is used afterwards',
      [],
      'There is one version: a client whose version is refused has no other to try.',
    ],
    [
      'zero-length',
      '6.1 3',
      'a message with a length of zero resets the connection',
      [
        `${message}with a length of zero is told apart, for it resets (RFC 8803 §6.1)`,
        `${roles}resets the connection for %s`,
      ],
    ],
    [
      'magic-number',
      '6.1 4',
      'the magic number is 0x2263, and what has another is no message',
      [`${message}is written: %s`, `${message}is refused: %s`],
    ],
    [
      'padding',
      '6.2.1 1; 6.2.8 4 13',
      'a value that does not end on a boundary of 32 bits is padded with zeroes, and nothing else there is taken',
      [
        `${message}is written: %s`,
        `${message}is refused: %s`,
        `${roles}lists the options that it cannot convert (code 33, §7.6, §7.7)`,
      ],
    ],
    [
      'tlv-once',
      '6.2.1 2',
      'no message is written with a TLV that is there twice',
      [
        `${message}is not written with a TLV twice, listed kinds of 2, options without a length, or beyond 1020 bytes`,
      ],
    ],
    [
      'repeated-to-client',
      '6.2.1 3; 6.2.2 1',
      'a client resets the connection for a TLV that came twice, and for one of type 0',
      [`${roles}takes %s for no answer, and leaves the converter alone`],
    ],
    [
      'repeated-to-converter',
      '6.2.1 4; 6.2.8 6',
      'a converter answers a TLV that is there twice, and whatever else is malformed, with error 1 and an echo, and closes',
      [`${roles}answers %s as malformed, with an echo (code 1)`, `${server}answers %s as RFC 8803 §6 says`],
    ],
    [
      'unsupported-message',
      '6.2.2 2 3; 6.2.8 7',
      'a converter answers a TLV of type 0, or one that it does not know, with error 2 and an echo, and closes',
      [`${roles}answers %s as unsupported, with an echo (code 2)`, `${server}answers %s as RFC 8803 §6 says`],
    ],
    [
      'error-before-end',
      '6.2.2 4',
      'the answer with the error reaches the client before the connection ends: it is closed, not reset',
      [`${server}answers %s as RFC 8803 §6 says`],
    ],
    [
      'supported-extensions',
      '6.2.4 1; 7.5 1',
      'who asks is told the options that the converter has in its SYNs, Multipath TCP among them where it has it',
      [
        `${roles}lists its options where it is asked, with a connection or without (§6.2.3)`,
        `${server}lists what it converts where it is asked (RFC 8803 §6.2.3)`,
      ],
    ],
    [
      'unassigned-fields',
      '6.2.4 2; 6.2.6 2',
      'fields that are unassigned are sent as zero and not looked at',
      [
        `${message}is written: %s`,
        `${message}that was read is written as the same bytes, but for what receivers ignore`,
      ],
    ],
    [
      'kinds-never-listed',
      '6.2.4 3; 7.1 2; 7.2 3; 7.3 2; 7.7 1',
      'kinds 0 to 3, 5 and 29 are in no list of supported options',
      [
        `${message}is refused: %s`,
        `${message}is not written with a TLV twice, listed kinds of 2, options without a length, or beyond 1020 bytes`,
        `${server}lists what it converts where it is asked (RFC 8803 §6.2.3)`,
      ],
    ],
    [
      'address-as-ipv6',
      '6.2.5 1 2',
      'the server is named by an IPv6 address, an IPv4 one by its mapped form',
      [`${message}is written: %s`],
    ],
    [
      'invalid-addresses',
      '6.2.5 3 4',
      'a Connect to a multicast, broadcast or loopback address is answered with error 1',
      [
        `${roles}answers a Connect to %s as malformed (§6.2.5)`,
        `${roles}lets a Connect go to loopback addresses only when it is told to`,
      ],
      'Loopback addresses may be allowed by who runs it (`--allow-loopback`), for tests and machines of one.',
    ],
    [
      'options-without-length',
      '6.2.5 5',
      'options without a length are not put into a Connect',
      [
        `${message}is not written with a TLV twice, listed kinds of 2, options without a length, or beyond 1020 bytes`,
      ],
    ],
    [
      'connects-with-own-options',
      '6.2.5 6 7 8 9; 7.2 1',
      'a good Connect makes a connection whose SYN has the options of the converter’s own stack, and those that were asked for without a value',
      [
        `${roles}connects where a client asks for it, and says so with the options of the server (RFC 8803 §6.2.6)`,
        `${server}connects, confirms with the options of the server, and relays data that came with the message`,
        `${server}go to a server that speaks Multipath TCP directly from the second one on (RFC 8803 §5.1)`,
      ],
    ],
    [
      'options-with-value',
      '6.2.5 10; 7.6 1 2',
      'an option that is asked for with a value, or a Fast Open cookie, is copied into the SYN to the server',
      [
        `${roles}lists the options that it cannot convert (code 33, §7.6, §7.7)`,
        `${hostile}that asks for options which cannot be converted is told them (code 33)`,
      ],
      'The kernel writes the SYN and takes no options from programs: such a Connect is refused with error 33, which names them.',
    ],
    [
      'errors-are-rationed',
      '6.2.5 11',
      'error messages are limited in number, and clients beyond that are reset',
      [`${hostile}beyond the errors that are told is reset without a word (RFC 8803 §6.2.5)`],
      '200 a second together, and 1,000 at once.',
    ],
    [
      'extended-header',
      '6.2.6 1',
      'the confirmation of a connection has an Extended TCP Header with what the server’s answer had',
      [
        `${server}connects, confirms with the options of the server, and relays data that came with the message`,
        `${roles}connects where a client asks for it, and says so with the options of the server (RFC 8803 §6.2.6)`,
      ],
      'Kinds without their values: the kernel does not hand out the SYN+ACK, and a key in it would let others join.',
    ],
    [
      'cookie-is-verified',
      '6.2.7 1 2 3 4; 6.2.8 8 9 11 12',
      'where cookies are demanded a client without one is given its own (error 3), and one that is not good is refused (error 32)',
      [
        `${roles}demands a cookie, gives one, and takes it for one to two periods, of that client alone (§6.2.7)`,
        `${server}come again with the cookie that they are given (RFC 8803 §6.2.7)`,
      ],
    ],
    [
      'client-keeps-cookie',
      '6.2.8 10',
      'a client keeps the cookie that it is given and sends it from then on',
      [
        `${roles}comes again with the cookie that it is given, once (code 3)`,
        `${server}come again with the cookie that they are given (RFC 8803 §6.2.7)`,
      ],
    ],
    [
      'client-resets-on-error',
      '6.2.8 1',
      'a client resets the connection on which an error came',
      [
        `${hostile}resets the connection on which the error came (RFC 8803 §6.2.8)`,
        `${server}fail with a code of its own for error %i`,
      ],
    ],
    [
      'no-resources',
      '6.2.8 14',
      'a client beyond what the converter can hold is answered with error 64',
      [
        `${server}refuses clients and destinations that its rules do not allow, and those beyond its limits`,
        `${roles}tells %s as code %i`,
      ],
    ],
    [
      'client-waits',
      '6.2.8 15 17',
      'a client waits as long as errors 64 and 65 say before it asks again, and goes directly meanwhile',
      [`${roles}waits after code %i with value %i for %i seconds (§6.2.8)`],
    ],
    [
      'network-failure',
      '6.2.8 16',
      'a server that cannot be reached in time is answered with error 65',
      [
        `${roles}tells %s as code %i`,
        `${command}gives a server that does not answer its time, and no more (code 65)`,
      ],
    ],
    [
      'connection-reset',
      '6.2.8 18',
      'a server that resets or refuses is answered with error 96 and a value of zero',
      [
        `${roles}tells %s as code %i`,
        `${server}refuses clients and destinations that its rules do not allow, and those beyond its limits`,
      ],
    ],
    [
      'destination-unreachable',
      '6.2.8 19',
      'a server that is unreachable is answered with error 97 and the code of the ICMP message',
      [`${roles}tells %s as code %i`, `${command}tells that there is no way to a server (code 97)`],
      'The kernel tells of two kinds only: network (code 0) and host (code 1); others become one of these.',
    ],
    [
      'options-of-the-stack',
      '7.1 1; 7.2 2; 7.3 1',
      'options of kinds 0 to 3 and 5 in a Connect are read over',
      [
        `${message}with options of kinds 0 and 1 is read over them (§7.1)`,
        `${roles}reads over options that are its own stack’s (§7.1 to §7.3)`,
      ],
    ],
    [
      'authentication-option',
      '7.7 2',
      'a Connect with the TCP Authentication Option is refused with error 33',
      [`${roles}lists the options that it cannot convert (code 33, §7.6, §7.7)`],
    ],
    [
      'interference',
      '8 1',
      'a client whose converter’s answer is none, since a box took it, uses that converter no more for a while',
      [
        `${roles}takes %s for no answer, and leaves the converter alone`,
        `${server}fail where no converter answers: %j (RFC 8803 §8)`,
      ],
    ],
    [
      'framing',
      '9 1',
      'a TLV that goes beyond the message is refused, however the bytes come in',
      [
        `${message}is refused: %s`,
        `${message}comes back as it was written, whatever follows and however it is cut`,
      ],
    ],
    [
      'clients-known-by-address',
      '9.2 1',
      'clients are known by their address, and nobody else may use it',
      ['src/node/relay/access-rules.test.ts › let in who is named, and then not this machine by itself'],
    ],
    [
      'pending-requests',
      '9.3 1',
      'connections that are not set up yet are limited for each client',
      [
        'src/node/relay/relay.test.ts › limits connections together, of one client, and those that are not set up',
      ],
    ],
    [
      'short-syns',
      '9.3 2',
      'a SYN to a server is not much longer than the one of the client',
      [],
      'The kernel writes both; data of the client goes with no SYN to a server, so that it is at most as long as one with all options.',
    ],
    [
      'syn-for-syn',
      '9.3 3',
      'a SYN to a server is sent again only when the client sent its own again',
      [],
      'The kernel has answered the client’s SYN before, and sends the one to the server again by its own clock, up to the time-out.',
    ],
  ],
  exemptions: [
    ['1.3 2; 9.2 2', 'mutual authentication is for deployments by third parties, which this is not for'],
    ['4.3 1 2', 'about sharing addresses: the converter connects from its own'],
    ['9.1 1 2', 'about the network around it, which who runs it sets up'],
  ],
});
