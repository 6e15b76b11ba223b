import { describe, expect, it } from 'vitest';
import { IpAddress, parseEndpoint } from '../../wire/index.js';
import { type MachineFacts, maxRoutes, planServer, planWarnings, type ServerSetup } from './server-plan.js';
import { commandsOf } from './server-steps.js';

const setup: ServerSetup = {
  design: 'beamer',
  id: 7,
  address: IpAddress.parse('10.0.0.7')!,
  services: ['203.0.113.10:443', '203.0.113.10:80', '[2001:db8::10]:443'].map((each) => parseEndpoint(each)!),
  interfaceName: 'eth0.100',
};

function factsOf(
  values: Readonly<Record<string, string>> = {},
  more: Partial<MachineFacts> = {},
): MachineFacts {
  return {
    interfaceMtu: 1500,
    sysctl: (name) => values[name] ?? '0',
    routes: {
      4: [
        'default via 10.0.0.254 dev eth0 proto dhcp src 10.0.0.7 metric 100 ',
        '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.7 linkdown ',
        'broadcast 10.0.0.255 dev eth0 proto kernel scope link src 10.0.0.7 ',
      ],
      6: [
        'fd00::/64 dev eth0 proto kernel metric 256 pref medium',
        '2001:db8::10 dev lo proto kernel metric 256',
      ],
    },
    limits: { subflows: 2, addAddrAccepted: 0 },
    ...more,
  };
}

const commands = (own: Partial<ServerSetup> = {}, facts = factsOf()): string[] =>
  planServer({ ...setup, ...own }, facts).flatMap(commandsOf);

describe('the settings of a Linux server', () => {
  it('for beamer have every address of a service once, quiet, and announced with the port of the server', () => {
    const all = commands();
    expect(all.filter((each) => /arp_|address add|mptcp/.test(each))).toEqual([
      'sysctl -w net.ipv4.conf.all.arp_ignore=1',
      'sysctl -w net.ipv4.conf.all.arp_announce=2',
      'ip address add 203.0.113.10/32 dev lo scope host',
      'ip address add 2001:db8::10/128 dev lo nodad preferred_lft 0',
      'sysctl -w net.mptcp.enabled=1',
      'sysctl -w net.mptcp.allow_join_initial_addr_port=0',
      'ip mptcp limits set subflow 8 add_addr_accepted 0',
      'ip mptcp endpoint add 203.0.113.10 id 200 signal port 49159',
      'ip mptcp endpoint add 2001:db8::10 id 201 signal port 49159',
    ]);
  });

  it("leave room in clients' segments for what balancers put in front, by a copy of the routes (RFC 9293 §3.7.1)", () => {
    expect(commands().filter((each) => /route|rule/.test(each))).toEqual([
      'ip route replace default via 10.0.0.254 dev eth0 src 10.0.0.7 metric 100 table 8684 advmss 1424',
      'ip route replace 10.0.0.0/24 dev eth0 scope link src 10.0.0.7 table 8684 advmss 1424',
      'ip rule add from 203.0.113.10 lookup 8684 priority 8684',
      'ip -6 route replace fd00::/64 dev eth0 metric 256 table 8684 advmss 1404',
      'ip -6 rule add from 2001:db8::10 lookup 8684 priority 8684',
    ]);
  });

  it.each([
    ['token-map', '10.0.0.7', 1440],
    ['token-map', 'fd00::7', 1420],
    ['beamer', 'fd00::7', 1388],
    ['direct-address', '10.0.0.7', 1440],
  ] as const)('for %s with a server at %s leave %i bytes of payload and headers', (design, address, mss) => {
    const all = commands({ design, address: IpAddress.parse(address)! });
    expect(all.find((each) => each.startsWith('ip route replace default'))).toMatch(
      new RegExp(`advmss ${mss}$`),
    );
  });

  it('limit no segment where the network carries longer packets than clients send', () => {
    expect(commands({ largestPacketBytes: 1536 }).filter((each) => /route|rule/.test(each))).toEqual([]);
  });

  it('for direct-address announce the own address, without a port', () => {
    expect(commands({ design: 'direct-address' }).filter((each) => each.includes('endpoint'))).toEqual([
      'ip mptcp endpoint add 10.0.0.7 id 200 signal',
    ]);
  });

  it.each(['stateful', 'stateless', 'maglev', 'token-map'] as const)(
    'for %s leave Multipath TCP alone, and do without',
    (design) => {
      const all = commands({ design }, factsOf({}, { limits: undefined }));
      expect(all.filter((each) => each.includes('mptcp'))).toEqual([]);
    },
  );

  it('loosen a strict check of the reverse path on the interface, and no other', () => {
    const strict = { 'net/ipv4/conf/all/rp_filter': '1' };
    const own = 'sysctl -w net/ipv4/conf/eth0.100/rp_filter=2';
    expect(commands({}, factsOf(strict))).toContain(own);
    expect(commands({}, factsOf({ ...strict, 'net/ipv4/conf/eth0.100/rp_filter': '2' }))).not.toContain(own);
    expect(commands()).not.toContain(own);
  });

  it('cannot be had for key-select, whose keys the kernel draws itself', () => {
    expect(() => commands({ design: 'key-select' })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_UNSUPPORTED', message: expect.stringContaining('keys') }),
    );
  });

  it('cannot be had for beamer without Multipath TCP in the kernel, nor for more addresses than it announces', () => {
    expect(() => commands({}, factsOf({}, { limits: undefined }))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_UNSUPPORTED' }),
    );
    const services = Array.from({ length: 9 }, (_, i) => parseEndpoint(`203.0.113.${i}:443`)!);
    expect(() => commands({ services })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVICE' }),
    );
  });

  it('warn of what they cannot mend: too many routes, and timestamps in the way of ports of IPv6', () => {
    const many = { 4: new Array<string>(maxRoutes + 1).fill('10.1.0.0/24 dev eth0'), 6: [] };
    const on = { 'net/ipv4/tcp_timestamps': '1' };
    expect(planWarnings(setup, factsOf(on, { routes: many }))).toEqual([
      expect.stringMatching(/more than 256 routes/),
      expect.stringMatching(/IPv6 will not come/),
    ]);
    const limited = commands({}, factsOf(on, { routes: many })).filter((each) => each.includes('8684'));
    expect(limited).toEqual(['ip -6 rule add from 2001:db8::10 lookup 8684 priority 8684']);
    expect(planWarnings({ ...setup, withoutTimestamps: true }, factsOf(on))).toEqual([]);
    expect(commands({ withoutTimestamps: true })).toContain('sysctl -w net.ipv4.tcp_timestamps=0');
  });
});
