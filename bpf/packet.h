/*
 * What a balancer reads of a packet, in the kernel: the same rules as src/balancer/packet-view.ts, which says why. Nearly
 * every packet takes the fast way, where the verifier lets headers be read in place; tags of VLANs, extension headers, options
 * of IPv4, fragments and ICMP errors are copied piece by piece.
 *
 * Addresses and ports stay as the network has them; comparing and hashing needs no more.
 */
#ifndef SUBFLOW_PACKET_H
#define SUBFLOW_PACKET_H

#include "kernel.h"

enum { ETHERNET_BYTES = 14, ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };
/* IEEE 802.1Q and 802.1ad: a tag of 4 bytes in front of the type, of which a frame may have two. */
enum { TAG_BYTES = 4, MAX_TAGS = 2, ETHERTYPE_TAG = 0x8100, ETHERTYPE_SERVICE_TAG = 0x88a8 };

enum protocol {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IPV4 = 4,
	PROTOCOL_TCP = 6,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_GRE = 47,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DESTINATION_OPTIONS = 60,
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

/* Why a packet is not forwarded: the numbers of VerdictReason in src/balancer/verdict.ts, which count it too. */
enum reason {
	REASON_NONE,
	REASON_NOT_OURS,
	REASON_NOT_TCP,
	REASON_MALFORMED_IP,
	REASON_FRAGMENT,
	REASON_SOURCE_ROUTED,
	REASON_TUNNELLED,
	REASON_MALFORMED_TCP,
	REASON_NO_SERVICE,
	REASON_NO_SERVER,
	REASON_UNKNOWN_TOKEN,
	REASON_UNKNOWN_SERVER,
	/* The frame has no room in front of it for another header. */
	REASON_NO_ROOM,
	/* Not reasons, but counted beside them. */
	COUNT_JOINS,
	COUNT_JOINS_BY_CHANCE,
	COUNT_TOKENS_LEARNED,
	COUNT_TOKENS_REFUSED,
	COUNT_TOKEN_COLLISIONS,
	/* Joins for which the table had no room. */
	COUNT_UNTRACKED,
	/* Entries that made room for newer ones. */
	COUNT_DISPLACED,
	/* Packets that came with a tag of a VLAN. */
	COUNT_TAGGED,
	COUNTERS = 32,
};

/* In place of a reason: the packet is to be steered. */
enum { STEERED = -1 };

/* One packet of a service. */
struct packet_view {
	/* Of IPv4 only the last word counts; the others are 0. */
	u32 client[4];
	u32 service[4];
	u16 client_port;
	/* That of the service, or one that stands for a server. */
	u16 service_port;
	/* The server that the port stands for; 0 for none. */
	u32 port_server;
	/* Position of the service; of any service with this address when the port stands for a server. */
	u32 service_index;
	/* 4 or 6. */
	u32 family;
	/* Bytes of the whole packet, as its sender counted them. */
	u32 length;
	/* Class of traffic, without the bits for congestion. */
	u32 dscp;
	/* Where the packet starts in the frame. */
	u32 ip_offset;
	/* Where the TCP header starts in the frame; 0 when the packet is an error that quotes one. */
	u32 tcp_offset;
	/* Bytes of the TCP header. */
	u32 tcp_bytes;
	/* 0 when the packet is quoted. */
	u32 flags;
};

/*
 * What stands in the IP headers of a packet, as parseIp of src/wire has it. It is kept in a map and read as volatile: to the
 * verifier, what comes from there is any number, so that the ways to get there are one to it and not thousands.
 */
struct ip_headers {
	u32 family;
	u32 protocol;
	u32 is_fragment;
	u32 fragment_offset;
	u32 routing_left;
	u32 length;
	/* Where the upper-layer packet starts in the frame. */
	u32 payload_offset;
	u32 payload_length;
	/* Bytes of it that are at hand. */
	u32 payload_available;
	u32 dscp;
	u32 source[4];
	u32 destination[4];
};

/* An address and port that clients connect to; port 0 stands for the address alone. */
struct service_key {
	u32 address[4];
	u16 port;
	u16 family;
};

/* Positions of services by address and port, and by their addresses: the loader fills it. */
MAP(services, MAP_HASH, sizeof(struct service_key), 4, 128);
/* Counters of this processor, by `enum reason`. */
MAP(counters, MAP_PER_CPU_ARRAY, 4, 8 * COUNTERS, 1);

/* Where the slow way keeps the headers of a packet, and of the one that it quotes. */
struct slow_headers {
	struct ip_headers outer;
	struct ip_headers quoted;
};

MAP(scratch, MAP_PER_CPU_ARRAY, 4, sizeof(struct slow_headers), 1);

/* What the loader says once and for all; what may change later is in state.h. */
struct settings {
	/* Outer source addresses, of the family that the servers have. */
	u32 source[4];
	/* 4 or 6: that of the outer header. */
	u32 family;
	/* Port that stands for server 0; 0 when no ports stand for servers. */
	u32 join_port_base;
	/* Entries of the design's table: places of Maglev's, buckets of beamer's. */
	u32 places;
	/* Of token-map, in seconds: how long a join is kept after its first packet, after its last, and after FIN or RST. */
	u32 new_flow_seconds;
	u32 idle_seconds;
	u32 closing_seconds;
	/* Of token-map: how long a token is kept that nobody asks for, in seconds, and how many servers may claim one. */
	u32 token_idle_seconds;
	u32 token_claims;
	/* Of token-map: the numbers of buckets of its tables, powers of 2, less one. */
	u32 joins_4_mask;
	u32 joins_6_mask;
	u32 tokens_mask;
	/* Of token-map: the places in `learned` are 2 to this power. */
	u32 learned_bits;
	/* Random numbers that choose the buckets of entries. */
	u64 secrets[8];
	/* One of the services, which is looked at before the map of all. */
	struct service_key first_service;
	u32 unused;
};

const volatile struct settings settings = {};

enum { MAX_SERVER_ID = 16383 };
/* More than eight extension headers, which take 2048 bytes each at most. */
enum { MAX_OFFSET = 17000 };
/* Longest packet that an IP header can state. */
enum { LONGEST_PACKET = 40 + 0xffff };

INLINE u32 from_network_16(u16 value)
{
	return __builtin_bswap16(value);
}

INLINE void count(u32 what)
{
	u32 zero = 0;
	u64 *values = map_lookup(&counters, &zero);

	if (LIKELY(values))
		values[what & (COUNTERS - 1)]++;
}

/* Whether it is the service that most packets are for: an operator names that first. */
INLINE int is_first_service(const struct service_key *key)
{
	const volatile struct service_key *first = &settings.first_service;

	return key->address[3] == first->address[3] && key->port == first->port && key->family == first->family &&
	       key->address[0] == first->address[0] && key->address[1] == first->address[1] &&
	       key->address[2] == first->address[2];
}

/* What an address with a port is. */
enum destination { FOREIGN, SERVICE, SERVER_PORT, NO_SERVICE };

INLINE enum destination classify(const volatile u32 *address, u32 family, u16 port, struct packet_view *view)
{
	struct service_key key;
	u32 *position;
	u32 id;

	key.address[0] = address[0];
	key.address[1] = address[1];
	key.address[2] = address[2];
	key.address[3] = address[3];
	key.port = port;
	key.family = (u16)family;
	view->port_server = 0;
	view->service_index = 0;
	if (LIKELY(is_first_service(&key)))
		return SERVICE;
	position = port == 0 ? 0 : map_lookup(&services, &key);
	if (position) {
		view->service_index = *position;
		return SERVICE;
	}
	key.port = 0;
	position = map_lookup(&services, &key);
	if (!position)
		return FOREIGN;
	view->service_index = *position;
	if (settings.join_port_base == 0)
		return NO_SERVICE;
	id = from_network_16(port) - settings.join_port_base;
	if (id < 1 || id > MAX_SERVER_ID)
		return NO_SERVICE;
	view->port_server = id;
	return SERVER_PORT;
}

INLINE int is_extension(u32 protocol)
{
	return protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING || protocol == PROTOCOL_FRAGMENT ||
	       protocol == PROTOCOL_AUTHENTICATION || protocol == PROTOCOL_DESTINATION_OPTIONS;
}

/* RFC 8200 §4. `base` is where the packet starts in the frame, `end` how many bytes of it are at hand; 0 when it is bad. */
INLINE int skip_extensions(struct packet_context *context, u32 base, u32 end, volatile struct ip_headers *ip)
{
	ip->payload_offset = 40;
#pragma clang loop unroll(disable)
	for (u32 passed = 0; passed <= 8; passed++) {
		u32 kind = ip->protocol;
		u32 at = ip->payload_offset;
		u32 size;
		u8 head[8];

		if (!is_extension(kind)) {
			ip->payload_offset = base + at;
			return 1;
		}
		if (passed == 8 || (kind == PROTOCOL_HOP_BY_HOP && passed > 0))
			return 0;
		if (at > MAX_OFFSET || at + 8 > end || load_bytes(context, base + at, head, sizeof(head)) < 0)
			return 0;
		/* RFC 4302 §2.2: the authentication header counts words of 4 bytes. */
		size = (head[1] + 1u) * 8;
		if (kind == PROTOCOL_FRAGMENT)
			size = 8;
		if (kind == PROTOCOL_AUTHENTICATION)
			size = (head[1] + 2u) * 4;
		if (at + size > end)
			return 0;
		ip->payload_offset = at + size;
		ip->protocol = head[0];
		if (kind == PROTOCOL_ROUTING)
			ip->routing_left = head[3];
		if (kind != PROTOCOL_FRAGMENT)
			continue;
		ip->fragment_offset = ((u32)head[2] << 8 | head[3]) & 0xfff8;
		ip->is_fragment = (((u32)head[2] << 8 | head[3]) & 0xfff9) != 0;
		if (ip->fragment_offset > 0) {
			ip->payload_offset = base + at + size;
			return 1;
		}
	}
	return 0;
}

INLINE int parse_ip_4(u32 base, u32 length, u32 longest, const u32 *header, volatile struct ip_headers *ip)
{
	const u8 *bytes = (const u8 *)header;
	u32 header_bytes = (bytes[0] & 15) * 4;
	u32 fragment = (u32)bytes[6] << 8 | bytes[7];
	u32 total = (u32)bytes[2] << 8 | bytes[3];

	/* Only of a quoted packet is the length not known; then 0 is taken as the longest there is. */
	if (total == 0 && longest != length)
		total = longest;
	if (header_bytes < 20 || header_bytes > length || total < header_bytes || total > longest)
		return 0;
	ip->family = 4;
	ip->length = total;
	ip->protocol = bytes[9];
	ip->is_fragment = (fragment & 0x3fff) != 0;
	ip->fragment_offset = (fragment & 0x1fff) * 8;
	ip->dscp = bytes[1] & 0xfc;
	for (int i = 0; i < 3; i++)
		ip->source[i] = ip->destination[i] = 0;
	ip->source[3] = header[3];
	ip->destination[3] = header[4];
	ip->payload_offset = base + header_bytes;
	return 1;
}

INLINE int parse_ip_6(struct packet_context *context, u32 base, u32 length, u32 longest, u32 *header,
		      volatile struct ip_headers *ip)
{
	const u8 *bytes = (const u8 *)header;
	u32 total = 40 + ((u32)bytes[4] << 8 | bytes[5]);

	if (length < 40 || total > longest || load_bytes(context, base + 20, &header[5], 20) < 0)
		return 0;
	ip->family = 6;
	ip->length = total;
	ip->protocol = bytes[6];
	ip->dscp = ((bytes[0] & 15u) << 4 | bytes[1] >> 4) & 0xfc;
	for (int i = 0; i < 4; i++) {
		ip->source[i] = header[2 + i];
		ip->destination[i] = header[6 + i];
	}
	return skip_extensions(context, base, total < length ? total : length, ip);
}

/*
 * Reads the IP headers at `base`, of which `length` bytes are at hand; the packet may have had up to `longest`. 0 when they make
 * no sense.
 */
INLINE int parse_ip(struct packet_context *context, u32 base, u32 length, u32 longest, volatile struct ip_headers *ip)
{
	u32 header[10];
	u32 version, available, passed;

	ip->is_fragment = 0;
	ip->fragment_offset = 0;
	ip->routing_left = 0;
	for (int i = 0; i < 10; i++)
		header[i] = 0;
	if (length < 20 || load_bytes(context, base, header, 20) < 0)
		return 0;
	version = *(u8 *)header >> 4;
	if (version == 4) {
		if (!parse_ip_4(base, length, longest, header, ip))
			return 0;
	} else if (version != 6 || !parse_ip_6(context, base, length, longest, header, ip)) {
		return 0;
	}
	available = ip->length;
	passed = ip->payload_offset - base;
	ip->payload_length = available - passed;
	if (available > length)
		available = length;
	ip->payload_available = available - passed;
	return 1;
}

INLINE int is_icmp_error(u32 family, u32 type)
{
	if (family == 4)
		return type == 3 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

/* What of a packet stays the same whichever packet its flow is found by. */
INLINE void take_outer(const volatile struct ip_headers *ip, struct packet_view *view)
{
	view->family = ip->family;
	view->length = ip->length;
	view->dscp = ip->dscp;
}

/* An ICMP message for an address of a service: steered when it quotes a segment that the service sent. */
INLINE int read_icmp(struct packet_context *context, volatile struct slow_headers *slow, struct packet_view *view)
{
	volatile struct ip_headers *outer = &slow->outer;
	volatile struct ip_headers *quoted = &slow->quoted;
	u32 offset = outer->payload_offset;
	u32 length = outer->payload_length;
	u16 ports[2];
	u8 type;
	enum destination kind;

	if (length < 8 || load_bytes(context, offset, &type, 1) < 0 || !is_icmp_error(outer->family, type))
		return REASON_NOT_TCP;
	if (!parse_ip(context, offset + 8, length - 8, LONGEST_PACKET, quoted))
		return REASON_MALFORMED_TCP;
	if (quoted->family != outer->family || quoted->fragment_offset > 0)
		return REASON_MALFORMED_TCP;
	if (quoted->protocol != PROTOCOL_TCP)
		return REASON_NOT_TCP;
	if (quoted->payload_available < 8 || load_bytes(context, quoted->payload_offset, ports, 4) < 0)
		return REASON_MALFORMED_TCP;
	kind = classify(quoted->source, quoted->family, ports[0], view);
	if (kind == FOREIGN || kind == NO_SERVICE)
		return REASON_NO_SERVICE;
	for (int i = 0; i < 4; i++) {
		view->client[i] = quoted->destination[i];
		view->service[i] = quoted->source[i];
	}
	view->client_port = ports[1];
	view->service_port = ports[0];
	take_outer(outer, view);
	return STEERED;
}

/* A TCP segment, or what claims to be one, with whatever IP headers. */
INLINE int read_tcp_slowly(struct packet_context *context, volatile struct ip_headers *ip, struct packet_view *view)
{
	u32 offset = ip->payload_offset;
	u32 length = ip->payload_length;
	u32 is_fragment = ip->is_fragment;
	u16 ports[2] = { 0, 0 };
	u8 head[2];
	enum destination kind;

	if (!is_fragment && length >= 4 && load_bytes(context, offset, ports, 4) < 0)
		return REASON_MALFORMED_IP;
	kind = classify(ip->destination, ip->family, ports[1], view);
	if (kind == FOREIGN)
		return REASON_NOT_OURS;
	if (is_fragment)
		return REASON_FRAGMENT;
	if (ip->routing_left != 0)
		return REASON_SOURCE_ROUTED;
	if (length < 20 || load_bytes(context, offset + 12, head, 2) < 0)
		return REASON_MALFORMED_TCP;
	view->tcp_bytes = (head[0] >> 4) * 4;
	if (view->tcp_bytes < 20 || view->tcp_bytes > length)
		return REASON_MALFORMED_TCP;
	if (kind == NO_SERVICE)
		return REASON_NO_SERVICE;
	for (int i = 0; i < 4; i++) {
		view->client[i] = ip->source[i];
		view->service[i] = ip->destination[i];
	}
	view->client_port = ports[0];
	view->service_port = ports[1];
	view->tcp_offset = offset;
	view->flags = head[1];
	take_outer(ip, view);
	return STEERED;
}

/* The packet starts `base` bytes into the frame. */
INLINE int read_slowly(struct packet_context *context, u32 base, struct packet_view *view)
{
	u32 length = (u32)frame_bytes(context) - base;
	u32 zero = 0;
	volatile struct slow_headers *slow = map_lookup(&scratch, &zero);
	volatile struct ip_headers *ip;
	u32 protocol;

	if (!slow)
		return REASON_MALFORMED_IP;
	ip = &slow->outer;
	view->ip_offset = base;
	if (!parse_ip(context, base, length, length, ip))
		return REASON_MALFORMED_IP;
	protocol = ip->protocol;
	if (protocol == PROTOCOL_TCP)
		return read_tcp_slowly(context, ip, view);
	if (classify(ip->destination, ip->family, 0, view) == FOREIGN)
		return REASON_NOT_OURS;
	if (ip->is_fragment)
		return REASON_FRAGMENT;
	if (protocol == (ip->family == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6))
		return read_icmp(context, slow, view);
	if (protocol == PROTOCOL_IPV4 || protocol == PROTOCOL_IPV6 || protocol == PROTOCOL_GRE)
		return REASON_TUNNELLED;
	return REASON_NOT_TCP;
}

/* Takes the TCP header in place, `at` bytes into the frame; `length` is that of header and payload. */
INLINE int read_tcp(u8 *data, u8 *end, u32 at, u32 length, struct packet_view *view)
{
	u8 *tcp = data + at;
	enum destination kind;

	if (tcp + 20 > end)
		return REASON_MALFORMED_TCP;
	view->client_port = *(u16 *)tcp;
	view->service_port = *(u16 *)(tcp + 2);
	kind = classify(view->service, view->family, view->service_port, view);
	if (UNLIKELY(kind == FOREIGN))
		return REASON_NOT_OURS;
	view->tcp_offset = at;
	view->tcp_bytes = (tcp[12] >> 4) * 4;
	view->flags = tcp[13];
	if (UNLIKELY(view->tcp_bytes < 20 || view->tcp_bytes > length))
		return REASON_MALFORMED_TCP;
	return UNLIKELY(kind == NO_SERVICE) ? REASON_NO_SERVICE : STEERED;
}

/* A frame whose type is not that of IP: steered when it is that behind the tags of VLANs. */
INLINE int read_tagged(struct packet_context *context, u16 type, struct packet_view *view)
{
	u32 base = ETHERNET_BYTES;

#pragma clang loop unroll(disable)
	for (int tags = 0; tags < MAX_TAGS; tags++) {
		if (type != NETWORK_16(ETHERTYPE_TAG) && type != NETWORK_16(ETHERTYPE_SERVICE_TAG))
			break;
		if (load_bytes(context, base + 2, &type, sizeof(type)) < 0)
			return REASON_NOT_OURS;
		base += TAG_BYTES;
	}
	if (type != NETWORK_16(ETHERTYPE_IPV4) && type != NETWORK_16(ETHERTYPE_IPV6))
		return REASON_NOT_OURS;
	count(COUNT_TAGGED);
	return read_slowly(context, base, view);
}

/* Whether the frame is shorter than its packet says. `linear` bytes of the packet lie in one piece; a long frame has others. */
INLINE int is_cut(struct packet_context *context, u32 length, u32 linear)
{
	return length > linear && length > (u32)frame_bytes(context) - ETHERNET_BYTES;
}

/* Fills `view` for a packet that is to be steered and gives STEERED, or why it is not. */
INLINE int read_packet(struct packet_context *context, struct packet_view *view)
{
	u8 *data = (u8 *)(long)context->data;
	u8 *end = (u8 *)(long)context->data_end;
	u8 *ip = data + ETHERNET_BYTES;
	u32 linear = (u32)(end - data) - ETHERNET_BYTES;
	u16 type;

	/* Everything has a value on every path: the compiler may move what has none, and the verifier refuses that. */
	*view = (struct packet_view){ 0 };
	if (ip > end)
		return REASON_NOT_OURS;
	type = *(u16 *)(data + 12);
	if (UNLIKELY(type != NETWORK_16(ETHERTYPE_IPV4) && type != NETWORK_16(ETHERTYPE_IPV6)))
		return read_tagged(context, type, view);
	if (ip + 40 > end)
		return read_slowly(context, ETHERNET_BYTES, view);
	view->ip_offset = ETHERNET_BYTES;
	if (LIKELY(ip[0] == 0x45 && ip[9] == PROTOCOL_TCP && (*(u16 *)(ip + 6) & NETWORK_16(0x3fff)) == 0)) {
		view->length = from_network_16(*(u16 *)(ip + 2));
		if (UNLIKELY(view->length < 40 || is_cut(context, view->length, linear)))
			return read_slowly(context, ETHERNET_BYTES, view);
		view->family = 4;
		view->dscp = ip[1] & 0xfc;
		view->client[0] = view->client[1] = view->client[2] = 0;
		view->service[0] = view->service[1] = view->service[2] = 0;
		view->client[3] = *(u32 *)(ip + 12);
		view->service[3] = *(u32 *)(ip + 16);
		return read_tcp(data, end, ETHERNET_BYTES + 20, view->length - 20, view);
	}
	if (ip[0] >> 4 == 6 && ip[6] == PROTOCOL_TCP) {
		view->length = 40 + from_network_16(*(u16 *)(ip + 4));
		if (UNLIKELY(view->length < 60 || is_cut(context, view->length, linear)))
			return read_slowly(context, ETHERNET_BYTES, view);
		view->family = 6;
		view->dscp = ((ip[0] & 15u) << 4 | ip[1] >> 4) & 0xfc;
		for (int i = 0; i < 4; i++) {
			view->client[i] = *(u32 *)(ip + 8 + 4 * i);
			view->service[i] = *(u32 *)(ip + 24 + 4 * i);
		}
		return read_tcp(data, end, ETHERNET_BYTES + 40, view->length - 40, view);
	}
	return read_slowly(context, ETHERNET_BYTES, view);
}

/* Whether the packet begins a flow. */
INLINE int is_syn(const struct packet_view *view)
{
	return (view->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

/* What becomes of a packet that is not steered: those of others go on to the host, the rest goes nowhere. */
INLINE int leave(int reason)
{
	count(reason);
	return reason == REASON_NOT_OURS || reason == REASON_NOT_TCP ? XDP_PASS : XDP_DROP;
}

#endif
