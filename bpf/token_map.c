/*
 * `token-map`: the third ACK of a connection repeats the server's key; the token that follows from it is computed here and now, before
 * the packet goes on, so that no join can overtake it (see src/balancer/token-map.ts). Joins go to the server that has their
 * token, and have an entry from then on; other flows go where the Maglev table says.
 *
 * Read first: RFC 8684 §3.1 and §3.2.
 */
#include "digest.h"
#include "learned.h"
#include "measure.h"
#include "options.h"
#include "tokens.h"

/* Learns the token of the server from a third ACK. */
INLINE void read_keys(struct packet_context *context, const struct packet_view *view, u32 server)
{
	struct options options;
	u32 at, high, low, version, token;

	copy_options(context, view, &options);
	at = find_option(&options, MP_CAPABLE);
	if (at == NOT_FOUND)
		return;
	version = options.bytes[(at + 2) & 63] & 15;
	high = option_word(&options, at + 12);
	low = option_word(&options, at + 16);
	token = version == 0 ? sha1_token(high, low) : sha256_token(high, low);
	if (learn(token, server))
		tell(token, version, server);
}

INLINE int steer_join(struct packet_context *context, const struct packet_view *view, const struct state *state,
		      const struct join_key *key, u32 token)
{
	u32 owner = 0;
	u32 place = place_of_token(state, token, &owner);

	count(COUNT_JOINS);
	if (place == 0)
		return leave(REASON_UNKNOWN_TOKEN);
	add_join(key, owner);
	return dispatch(context, view, server_at(state, place - 1), 0);
}

INLINE int balance(struct packet_context *context)
{
	struct packet_view view;
	struct join_key key;
	int reason = read_packet(context, &view);
	const struct state *state;
	const struct server *server;
	u32 token, place;
	int is_join = 0;

	if (UNLIKELY(reason != STEERED))
		return leave(reason);
	state = current_state();
	if (!state)
		return leave(REASON_NO_SERVER);
	fill_key(&view, &key);
	place = LIKELY(view.family == 4) ? place_by_flow(state, &view, &key, WORDS_4, &is_join)
					 : place_by_flow(state, &view, &key, WORDS_6, &is_join);
	if (!is_join && UNLIKELY(view.flags & TCP_SYN) && read_join(context, &view, &token))
		return steer_join(context, &view, state, &key, token);
	if (UNLIKELY(place == 0))
		return leave(REASON_NO_SERVER);
	server = server_at(state, place - 1);
	/* Both keys take 20 bytes of options. */
	if (UNLIKELY(view.tcp_bytes >= 40) && !is_join && (view.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK)
		read_keys(context, &view, server->number);
	return dispatch(context, &view, server, 0);
}

PROGRAM(token_map, 0);

/* Tokens that other balancers learned, as the loader hands them over: behind what would be an Ethernet header, to the frame's end. */
struct imported {
	u32 token;
	u16 server;
	u16 unused;
};

enum { MAX_IMPORTED = 8 };

/*
 * Takes them as if it had learned them, but for telling others. It runs when the loader says so, on a frame that the loader
 * made, so that it meets the tables as any packet does; it is attached nowhere.
 */
SECTION("xdp.import") int token_import(struct packet_context *context)
{
	const struct state *state = current_state();

	if (!state)
		return XDP_ABORTED;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MAX_IMPORTED; i++) {
		struct imported entry;

		if (load_bytes(context, ETHERNET_BYTES + i * sizeof(entry), &entry, sizeof(entry)) < 0)
			break;
		if (place_of(state, entry.server) != 0)
			learn(entry.token, entry.server);
	}
	return XDP_DROP;
}
