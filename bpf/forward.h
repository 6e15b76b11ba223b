/*
 * The way to a server: the packet within another one, whose source is the balancer. The server unpacks it and answers the
 * client itself. The form of the outer header is that of src/balancer/encapsulation.ts; a design without a note leaves the
 * option out.
 *
 * Read first: RFC 2003 §3, RFC 2473 §3, RFC 6040 §4.1.
 */
#ifndef SUBFLOW_FORWARD_H
#define SUBFLOW_FORWARD_H

#include "packet.h"

/* A server in reach, and the next hop to it. */
struct server {
	/* Of the family of the outer header; of IPv4 only the last word counts. */
	u32 address[4];
	u16 next_hop[3];
	u16 own_hop[3];
	/* Interface that leads there; 0 for the one that the packet came in by. */
	u32 interface;
	/* What it is called: 1 to MAX_SERVER_ID; 0 for a place without a server. */
	u32 number;
	/* The VLAN that leads there, as the network has it; 0 for none. */
	u16 vlan;
	u16 unused;
};

/* What beamer says about a packet. */
struct note {
	/* Who had the bucket before, if `moved_at` is not 0. */
	u32 previous[4];
	/* Seconds of the balancer's clock. */
	u32 moved_at;
	/* Of the buckets. */
	u32 generation;
};

enum { TUNNEL_HOP_LIMIT = 250, DONT_FRAGMENT = 0x4000 };

INLINE void write_32(u8 *at, u32 value)
{
	*(u32 *)at = value;
}

INLINE void write_16(u8 *at, u32 value)
{
	*(u16 *)at = __builtin_bswap16((u16)value);
}

INLINE u32 fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ((sum & 0xffff) + (sum >> 16)) & 0xffff;
}

/* The ones' complement sum of `words` words of 16 bits. */
INLINE u32 sum_of(const u8 *bytes, int words)
{
	u32 sum = 0;

	for (int i = 0; i < words; i++)
		sum += ((const u16 *)bytes)[i];
	return sum;
}

INLINE void write_outer_4(u8 *ip, const struct packet_view *view, const struct server *server, const struct note *note)
{
	const u32 header = note ? 36 : 20;

	write_16(ip, (note ? 0x4900 : 0x4500) | view->dscp);
	write_16(ip + 2, view->length + header);
	write_32(ip + 4, NETWORK_32(DONT_FRAGMENT));
	write_16(ip + 8, TUNNEL_HOP_LIMIT << 8 | (view->family == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6));
	write_16(ip + 10, 0);
	write_32(ip + 12, settings.source[3]);
	write_32(ip + 16, server->address[3]);
	if (note) {
		write_32(ip + 20, NETWORK_32(0x61100000));
		write_32(ip + 24, note->moved_at ? note->previous[3] : 0);
		write_32(ip + 28, __builtin_bswap32(note->moved_at));
		write_32(ip + 32, __builtin_bswap32(note->generation));
	}
	*(u16 *)(ip + 10) = (u16)~fold(sum_of(ip, note ? 18 : 10));
}

INLINE void write_outer_6(u8 *ip, const struct packet_view *view, const struct server *server, const struct note *note)
{
	const u32 inner = view->family == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;

	write_32(ip, __builtin_bswap32(0x60000000 | view->dscp << 20));
	write_16(ip + 4, view->length + (note ? 32 : 0));
	ip[6] = note ? PROTOCOL_DESTINATION_OPTIONS : inner;
	ip[7] = TUNNEL_HOP_LIMIT;
	for (int i = 0; i < 4; i++) {
		write_32(ip + 8 + 4 * i, settings.source[i]);
		write_32(ip + 24 + 4 * i, server->address[i]);
	}
	if (!note)
		return;
	ip[40] = inner;
	ip[41] = 3;
	write_16(ip + 42, 0x1e18);
	for (int i = 0; i < 4; i++)
		write_32(ip + 44 + 4 * i, note->moved_at ? note->previous[i] : 0);
	write_32(ip + 60, __builtin_bswap32(note->moved_at));
	write_32(ip + 64, __builtin_bswap32(note->generation));
	/* PadN of 4 bytes (RFC 8200 §4.2). */
	write_32(ip + 68, NETWORK_32(0x01020000));
}

/* Bytes in front of the packet that encapsulation adds. */
INLINE u32 outer_bytes(int has_note)
{
	if (settings.family == 4)
		return has_note ? 36 : 20;
	return has_note ? 72 : 40;
}

/* Writes the Ethernet header at `frame` and the server's tag, if it has one: where the outer header goes. */
INLINE u8 *write_ethernet(u8 *frame, const struct server *server, u32 type)
{
	u16 *words = (u16 *)frame;

	for (int i = 0; i < 3; i++) {
		words[i] = server->next_hop[i];
		words[3 + i] = server->own_hop[i];
	}
	if (UNLIKELY(server->vlan != 0)) {
		words[6] = NETWORK_16(ETHERTYPE_TAG);
		words[7] = server->vlan;
		words[8] = (u16)type;
		return frame + ETHERNET_BYTES + TAG_BYTES;
	}
	words[6] = (u16)type;
	return frame + ETHERNET_BYTES;
}

/*
 * Puts the packet into one to `server`, with `note` unless that is 0; 0 when the frame has no room for that. Tags that it came with
 * are gone then.
 */
INLINE int wrap(struct packet_context *context, const struct packet_view *view, const struct server *server,
		const struct note *note)
{
	const int is_v4 = settings.family == 4;
	const u32 header = outer_bytes(note != 0);
	u32 tag = UNLIKELY(server->vlan != 0) ? TAG_BYTES : 0;
	u8 *data, *end, *ip;

	if (move_head(context, (int)(view->ip_offset - ETHERNET_BYTES - header - tag)) < 0)
		return 0;
	data = (u8 *)(long)context->data;
	end = (u8 *)(long)context->data_end;
	if (data + ETHERNET_BYTES + TAG_BYTES + header > end)
		return 0;
	if (is_v4) {
		ip = write_ethernet(data, server, NETWORK_16(ETHERTYPE_IPV4));
		write_outer_4(ip, view, server, note);
	} else {
		ip = write_ethernet(data, server, NETWORK_16(ETHERTYPE_IPV6));
		write_outer_6(ip, view, server, note);
	}
	return 1;
}

/* Sends the packet to `server`, within another one as wrap() makes it. */
INLINE int forward(struct packet_context *context, const struct packet_view *view, const struct server *server,
		   const struct note *note)
{
	if (UNLIKELY(!wrap(context, view, server, note)))
		return leave(REASON_NO_ROOM);
	count(REASON_NONE);
	return server->interface == 0 ? XDP_TX : (int)redirect(server->interface, 0);
}

#endif
