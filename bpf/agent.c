/*
 * What a server does with packets that a balancer encapsulated: src/balancer/daisy-chain.ts in the kernel. A packet from a balancer or
 * from another server that it was told of is unpacked and goes up to the server's own TCP; one of a flow that the server does not know
 * goes on, once, to the server that had its bucket before. Everything else is left alone.
 *
 * `settings.source` is the server's own address and `settings.places` the number of buckets.
 *
 * Read first: src/balancer/encapsulation.ts.
 */
#include "forward.h"
#include "hash.h"
#include "socket.h"

/* Who may encapsulate. */
enum { ROLE_BALANCER = 1, ROLE_PEER = 2 };

struct sender {
	u32 role;
	/* Of a peer: its place in the table of servers, plus one. A place stays with its address. */
	u32 place;
};

/* By address, of which IPv4 takes the last word. */
MAP(senders, MAP_HASH, 16, sizeof(struct sender), 2048);

/* The other servers. */
MAP(servers, MAP_ARRAY, 4, sizeof(struct server), 1024);

/*
 * Who had each bucket before the owner that the balancers name now: when it changed hands in the lower 32 bits, in seconds, and
 * the place plus one in the upper ones. One word, so that no processor sees half of a change.
 */
MAP(formers, MAP_ARRAY, 4, 8, 4096);
/* The latest generation of buckets that any packet told of. */
MAP(latest, MAP_ARRAY, 4, 4, 1);
/* What the balancers' clock shows beyond the kernel's, in ns. */
MAP(clock_ahead, MAP_ARRAY, 4, 8, 1);

/* The client's end of a flow, and the port that it is to. */
struct flow_key {
	u32 client[4];
	u16 client_port;
	u16 service_port;
};

/*
 * When a flow began in a bucket that had another owner until lately, in ns of the kernel's clock. Of a SYN that was answered by a cookie
 * (RFC 4987 §3.6) the kernel keeps nothing, and whether a packet holds a good cookie it says to programs under the GPL only.
 */
MAP(begun, MAP_LRU_HASH, sizeof(struct flow_key), 8, 65536);

/* For how long a former owner is asked, in ns. */
const volatile u64 chain_ns = 0;
/* How long the third packet of a handshake may take, in ns. */
const volatile u64 handshake_ns = 0;

/* What is counted; src/linux/agent/xdp-agent.ts has the names. */
enum agent_counter {
	AGENT_KEPT,
	AGENT_FORWARDED,
	AGENT_FROM_PEERS,
	AGENT_SPOOFED,
	AGENT_FOREIGN,
	AGENT_STALE,
	/* Dropped: nobody knows the way to the former owner yet. */
	AGENT_UNREACHABLE,
	/* Dropped: the frame cannot be made longer or shorter. */
	AGENT_NO_ROOM,
};

INLINE int drop(enum agent_counter why)
{
	count(why);
	return XDP_DROP;
}

INLINE int keep(void)
{
	count(AGENT_KEPT);
	return XDP_PASS;
}

/* What an outer header says. */
struct tunnel {
	u32 source[4];
	/* Who had the bucket before, if `moved_at` is not 0. */
	u32 previous[4];
	/* In seconds. */
	u32 moved_at;
	u32 generation;
	/* Bytes of the outer header with all that belongs to it, and of the packet inside. */
	u32 header_bytes;
	u32 inner_bytes;
	/* Ethernet type of what is inside, as the network has it. */
	u32 inner_type;
};

INLINE void read_note(struct packet_context *context, u32 first_protocol, struct tunnel *tunnel)
{
	u32 words[8] = { 0 };

	if (tunnel->header_bytes != outer_bytes(1))
		return;
	if (settings.family == 4) {
		if (load_bytes(context, ETHERNET_BYTES + 20, words, 16) < 0 || *(u16 *)words != NETWORK_16(0x6110))
			return;
		tunnel->previous[3] = words[1];
		tunnel->moved_at = __builtin_bswap32(words[2]);
		tunnel->generation = __builtin_bswap32(words[3]);
		return;
	}
	if (first_protocol != PROTOCOL_DESTINATION_OPTIONS)
		return;
	if (load_bytes(context, ETHERNET_BYTES + 40, words, 32) < 0 || *((u16 *)words + 1) != NETWORK_16(0x1e18))
		return;
	for (int i = 0; i < 4; i++)
		tunnel->previous[i] = words[1 + i];
	tunnel->moved_at = __builtin_bswap32(words[5]);
	tunnel->generation = __builtin_bswap32(words[6]);
}

/* Reads the outer header; 0 when the packet has none that is meant for this server. */
INLINE int read_tunnel(struct packet_context *context, struct tunnel *tunnel)
{
	u8 *data = (u8 *)(long)context->data;
	u8 *end = (u8 *)(long)context->data_end;
	u32 length = (u32)(end - data) - ETHERNET_BYTES;
	u32 zero = 0, protocol, first_protocol, nibble, expected;
	struct slow_headers *slow = map_lookup(&scratch, &zero);
	volatile struct ip_headers *outer;
	u8 first;

	if (!slow || data + ETHERNET_BYTES + 20 > end)
		return 0;
	expected = settings.family == 4 ? NETWORK_16(ETHERTYPE_IPV4) : NETWORK_16(ETHERTYPE_IPV6);
	if (*(u16 *)(data + 12) != expected)
		return 0;
	first_protocol = data[ETHERNET_BYTES + 6];
	outer = &slow->outer;
	if (!parse_ip(context, ETHERNET_BYTES, length, length, outer))
		return 0;
	protocol = outer->protocol;
	if (outer->is_fragment || outer->family != settings.family)
		return 0;
	if (protocol != PROTOCOL_IPV4 && protocol != PROTOCOL_IPV6)
		return 0;
	tunnel->header_bytes = outer->payload_offset - ETHERNET_BYTES;
	tunnel->inner_bytes = outer->payload_length;
	if (tunnel->inner_bytes < 1 || load_bytes(context, outer->payload_offset, &first, 1) < 0)
		return 0;
	nibble = first >> 4;
	if (nibble != (protocol == PROTOCOL_IPV4 ? 4u : 6u))
		return 0;
	tunnel->inner_type = protocol == PROTOCOL_IPV4 ? NETWORK_16(ETHERTYPE_IPV4) : NETWORK_16(ETHERTYPE_IPV6);
	for (int i = 0; i < 4; i++) {
		if (outer->destination[i] != settings.source[i])
			return 0;
		tunnel->source[i] = outer->source[i];
	}
	read_note(context, first_protocol, tunnel);
	return 1;
}

/* Takes the outer header away, and what padding stood behind the packet; 0 when the frame does not allow it. */
INLINE int unpack(struct packet_context *context, const struct tunnel *tunnel)
{
	u8 *data = (u8 *)(long)context->data;
	u8 *end = (u8 *)(long)context->data_end;
	u32 length = ETHERNET_BYTES + tunnel->header_bytes + tunnel->inner_bytes;
	u32 padding = (u32)(end - data) - length;
	u32 ethernet[3];

	if (data + ETHERNET_BYTES > end)
		return 0;
	for (int i = 0; i < 3; i++)
		ethernet[i] = ((u32 *)data)[i];
	if (UNLIKELY(padding > 0) && move_tail(context, -(int)padding) < 0)
		return 0;
	if (move_head(context, (int)tunnel->header_bytes) < 0)
		return 0;
	data = (u8 *)(long)context->data;
	end = (u8 *)(long)context->data_end;
	if (data + ETHERNET_BYTES > end)
		return 0;
	for (int i = 0; i < 3; i++)
		((u32 *)data)[i] = ethernet[i];
	*(u16 *)(data + 12) = (u16)tunnel->inner_type;
	return 1;
}

/* The place plus one of a peer; 0 for whoever is none. */
INLINE u64 place_of_peer(const u32 *address)
{
	struct sender *sender = map_lookup(&senders, address);

	return sender && sender->role == ROLE_PEER ? sender->place : 0;
}

/* Takes over what the balancer says of the bucket, if that is news, and gives what is known of it then. */
INLINE u64 learn(const struct packet_view *view, const struct tunnel *tunnel)
{
	u32 index = settings.places ? hash_client(view) % settings.places : 0;
	volatile u64 *former = map_lookup(&formers, &index);
	u64 known;

	if (!former)
		return 0;
	known = *former;
	if (LIKELY(tunnel->moved_at == 0 || tunnel->moved_at < (u32)known))
		return known;
	/* One that nobody knew then may be known now. */
	if (tunnel->moved_at == (u32)known && known >> 32 != 0)
		return known;
	known = tunnel->moved_at | place_of_peer(tunnel->previous) << 32;
	*former = known;
	return known;
}

/* The server that had the bucket; 0 when nobody is asked, or not any more. */
INLINE struct server *former_owner(u64 former)
{
	u32 zero = 0;
	u32 place = (u32)(former >> 32);
	u64 *ahead = map_lookup(&clock_ahead, &zero);
	struct server *server;

	if (place == 0 || !ahead)
		return 0;
	if (coarse_time_ns() + *ahead >= ((former & 0xffffffff) + 1) * 1000000000ull + chain_ns)
		return 0;
	place--;
	server = map_lookup(&servers, &place);
	return server && server->number != 0 ? server : 0;
}

/* Sends the packet on, which starts behind the Ethernet header now. */
INLINE int relay(struct packet_context *context, struct packet_view *view, const struct tunnel *tunnel,
		 const struct server *server)
{
	/* Nobody is asked after that one. */
	const struct note note = { .generation = tunnel->generation };
	const u32 interface = server->interface;

	if (interface == 0)
		return drop(AGENT_UNREACHABLE);
	/* What is behind the packet inside, within the outer one, goes along. */
	view->length = tunnel->inner_bytes;
	if (!wrap(context, view, server, &note))
		return drop(AGENT_NO_ROOM);
	count(AGENT_FORWARDED);
	return interface == context->ingress_ifindex ? XDP_TX : (int)redirect(interface, 0);
}

INLINE struct flow_key flow_of(const struct packet_view *view)
{
	struct flow_key key = { { view->client[0], view->client[1], view->client[2], view->client[3] },
				view->client_port,
				view->service_port };

	return key;
}

INLINE void remember_start(const struct packet_view *view)
{
	struct flow_key key = flow_of(view);
	u64 now = coarse_time_ns();

	map_update(&begun, &key, &now, UPDATE_ANY);
}

/* Whether the packet belongs to anything of this server. */
INLINE int is_known(struct packet_context *context, const struct packet_view *view)
{
	enum owner owner = owner_of(context, view);
	struct flow_key key;
	u64 *since;

	if (owner != LISTENER)
		return owner == CONNECTION;
	key = flow_of(view);
	since = map_lookup(&begun, &key);
	return since && coarse_time_ns() - *since < handshake_ns;
}

/* What becomes of a packet from a balancer. */
INLINE int settle(struct packet_context *context, struct packet_view *view, const struct tunnel *tunnel)
{
	u32 zero = 0;
	volatile u32 *generation = map_lookup(&latest, &zero);
	u64 former = learn(view, tunnel);
	struct server *server;

	if (!generation)
		return XDP_ABORTED;
	if ((int)(tunnel->generation - *generation) > 0)
		*generation = tunnel->generation;
	if (view->port_server != 0)
		return keep();
	server = former_owner(former);
	if (is_syn(view)) {
		if (server)
			remember_start(view);
		return keep();
	}
	if (is_known(context, view))
		return keep();
	if (server)
		return relay(context, view, tunnel, server);
	return (int)(tunnel->generation - *generation) < 0 ? drop(AGENT_STALE) : keep();
}

SECTION("xdp") int agent(struct packet_context *context)
{
	struct tunnel tunnel = { 0 };
	struct packet_view view;
	struct sender *sender;

	if (!read_tunnel(context, &tunnel))
		return XDP_PASS;
	sender = map_lookup(&senders, tunnel.source);
	if (!sender)
		return drop(AGENT_SPOOFED);
	if (!unpack(context, &tunnel))
		return drop(AGENT_NO_ROOM);
	if (read_packet(context, &view) != STEERED)
		return drop(AGENT_FOREIGN);
	if (sender->role == ROLE_BALANCER)
		return settle(context, &view, &tunnel);
	count(AGENT_FROM_PEERS);
	return keep();
}

OBJECT_IDENTITY;
