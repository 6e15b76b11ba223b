/*
 * `token-map`: the third ACK of a connection repeats the server's key; the token that follows from it is computed here and now, before
 * the packet goes on, so that no join can overtake it (see src/balancer/token-map.ts). Joins go to the server that has their
 * token, and have an entry from then on; other flows go where the Maglev table says.
 *
 * Read first: RFC 8684 §3.1 and §3.2.
 */
#include "digest.h"
#include "maglev.h"
#include "measure.h"
#include "options.h"

/*
 * Servers that claim a token, as numbers of 16 bits, the oldest lowest: one word, so that processors agree on it by comparing and
 * exchanging.
 */
struct token_entry {
	u64 claims;
	/* Joins that asked for it: each goes to the next claim. */
	u32 tries;
	/* When it was learned or asked for last, in seconds of the kernel's clock. */
	u32 touched_at;
};

/* The service tells its address and the family. */
struct join_key {
	u32 client[4];
	u16 client_port;
	u16 service_port;
	u32 service;
};

enum phase { PHASE_NEW, PHASE_LIVE, PHASE_CLOSING };

struct join_entry {
	u32 server;
	u32 touched_at;
	u16 phase;
	/* Whether the client sent FIN: a RST alone may have been forged. */
	u16 has_fin;
};

/* What other balancers are told. */
struct learned {
	u32 token;
	u16 version;
	u16 server;
};

MAP(tokens, MAP_LRU_HASH, 4, sizeof(struct token_entry), 1 << 20);
MAP(joins, MAP_LRU_HASH, sizeof(struct join_key), sizeof(struct join_entry), 1 << 20);
MAP(learned, MAP_QUEUE, 0, sizeof(struct learned), 1024);

INLINE u32 now_seconds(void)
{
	return (u32)(coarse_time_ns() / 1000000000);
}

INLINE u32 claim_at(u64 claims, u32 index)
{
	return (u32)(claims >> (16 * (index & 3))) & 0xffff;
}

INLINE u32 claims_in(u64 claims)
{
	u32 number = 0;

	for (int i = 0; i < 4; i++)
		number += claim_at(claims, i) != 0;
	return number;
}

INLINE void tell(u32 token, u32 version, u32 server)
{
	struct learned event = { token, (u16)version, (u16)server };

	push(&learned, &event, UPDATE_REPLACE);
}

/* Adds a claim to an entry that is there: 1 when it is new. Others may add theirs at the same time. */
INLINE int add_claim(struct token_entry *entry, u32 server)
{
#pragma clang loop unroll(disable)
	for (int attempt = 0; attempt < 4; attempt++) {
		u64 claims = *(volatile u64 *)&entry->claims;
		u32 number = claims_in(claims);

		for (int i = 0; i < 4; i++) {
			if (claim_at(claims, i) == server)
				return 0;
		}
		if (number >= settings.token_claims || number >= 4)
			break;
		if (__sync_val_compare_and_swap(&entry->claims, claims, claims | (u64)server << (16 * number)) == claims) {
			if (number > 0)
				count(COUNT_TOKEN_COLLISIONS);
			return 1;
		}
	}
	count(COUNT_TOKENS_REFUSED);
	return 0;
}

/* Notes that the server owns the token. */
INLINE void learn(u32 token, u32 version, u32 server)
{
	struct token_entry fresh = { server, 0, now_seconds() };
	struct token_entry *entry = map_lookup(&tokens, &token);

	if (!entry) {
		if (map_update(&tokens, &token, &fresh, UPDATE_CREATE) == 0) {
			count(COUNT_TOKENS_LEARNED);
			tell(token, version, server);
			return;
		}
		/* Another processor was faster. */
		entry = map_lookup(&tokens, &token);
		if (!entry) {
			count(COUNT_TOKENS_REFUSED);
			return;
		}
	}
	entry->touched_at = fresh.touched_at;
	if (add_claim(entry, server)) {
		count(COUNT_TOKENS_LEARNED);
		tell(token, version, server);
	}
}

/* Learns the token of the server at `place` from a third ACK. */
INLINE void read_keys(struct packet_context *context, const struct packet_view *view, u32 place)
{
	struct options options;
	struct server *server;
	u32 at, high, low, version;

	copy_options(context, view, &options);
	at = find_option(&options, MP_CAPABLE);
	if (at == NOT_FOUND)
		return;
	server = map_lookup(&servers, &place);
	if (!server)
		return;
	version = options.bytes[(at + 2) & 63] & 15;
	high = option_word(&options, at + 12);
	low = option_word(&options, at + 16);
	learn(version == 0 ? sha1_token(high, low) : sha256_token(high, low), version, server->number);
}

/* The server that a join with this token is for; 0 when nobody claims it. */
INLINE u32 owner_of(u32 token)
{
	struct token_entry *entry = map_lookup(&tokens, &token);
	u32 now, number, tries;
	u64 claims;

	if (!entry)
		return 0;
	now = now_seconds();
	if (now - entry->touched_at > settings.token_idle_seconds)
		return 0;
	entry->touched_at = now;
	claims = *(volatile u64 *)&entry->claims;
	number = claims_in(claims);
	tries = __sync_fetch_and_add(&entry->tries, 1) & 255;
	return number < 2 ? claim_at(claims, 0) : claim_at(claims, tries % number);
}

INLINE void fill_key(const struct packet_view *view, struct join_key *key)
{
	for (int i = 0; i < 4; i++)
		key->client[i] = view->client[i];
	key->client_port = view->client_port;
	key->service_port = view->service_port;
	key->service = view->service_index;
}

/* The server of a join that is known: its place plus one; 0 for other flows. The join lives on by the packet. */
INLINE u32 place_of_join(const struct packet_view *view, const struct join_key *key)
{
	struct join_entry *entry = map_lookup(&joins, key);
	u32 now, life, place;

	if (LIKELY(!entry))
		return 0;
	now = now_seconds();
	life = settings.idle_seconds;
	if (entry->phase == PHASE_NEW)
		life = settings.new_flow_seconds;
	if (entry->phase == PHASE_CLOSING)
		life = settings.closing_seconds;
	place = place_of(entry->server);
	if (now - entry->touched_at >= life || place == 0) {
		map_delete(&joins, key);
		return 0;
	}
	if (view->tcp_offset == 0)
		return place;
	if (view->flags & TCP_FIN)
		entry->has_fin = 1;
	if (view->flags & (TCP_FIN | TCP_RST))
		entry->phase = PHASE_CLOSING;
	else if (!is_syn(view) && (entry->phase == PHASE_NEW || !entry->has_fin))
		entry->phase = PHASE_LIVE;
	/* Written once a second, so that processors do not take the line from each other for every packet. */
	if (entry->touched_at != now)
		entry->touched_at = now;
	return place;
}

INLINE int steer_join(struct packet_context *context, const struct packet_view *view, const struct join_key *key, u32 token)
{
	u32 owner = owner_of(token);
	u32 place = owner == 0 ? 0 : place_of(owner);
	struct join_entry entry = { owner, now_seconds(), PHASE_NEW, 0 };

	count(COUNT_JOINS);
	if (place == 0)
		return leave(REASON_UNKNOWN_TOKEN);
	map_update(&joins, key, &entry, UPDATE_ANY);
	return forward_to(context, view, place - 1);
}

INLINE int balance(struct packet_context *context)
{
	struct packet_view view;
	struct join_key key;
	int reason = read_packet(context, &view);
	u32 token, place;

	if (UNLIKELY(reason != STEERED))
		return leave(reason);
	fill_key(&view, &key);
	place = place_of_join(&view, &key);
	if (place == 0) {
		if (UNLIKELY(view.flags & TCP_SYN) && read_join(context, &view, &token))
			return steer_join(context, &view, &key, token);
		place = server_of(&view);
		if (UNLIKELY(place == 0))
			return leave(REASON_NO_SERVER);
		/* Both keys take 20 bytes of options. */
		if (UNLIKELY(view.tcp_bytes >= 40) && (view.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK)
			read_keys(context, &view, place - 1);
	}
	return forward_to(context, &view, place - 1);
}

PROGRAM(token_map, 0);
