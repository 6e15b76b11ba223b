/*
 * `stateless`: the values of CRC-32 over addresses and ports are divided among the servers, and nothing is kept (see
 * src/balancer/stateless.ts). A join has another hash than its connection, so it goes anywhere.
 */
#include "hash.h"
#include "measure.h"
#include "options.h"
#include "state.h"

/* Most ranges that end within the values that have their upper bits in common, and one: weights go up to 100. */
enum { SLOT_BITS = 10, MAX_STEPS = 128 };

/* The table behind the state. */
struct ranges {
	/* How many ranges end before the first value with these upper bits. */
	u16 first[1 << SLOT_BITS];
	/* The last value of each server's range, in the order of the table of servers; the rest is all ones. */
	u32 ends[MAX_SERVERS];
};

/* How many ranges end below `hash`. */
INLINE u32 range_of(const struct ranges *ranges, u32 hash)
{
	u32 range = ranges->first[hash >> (32 - SLOT_BITS)];

#pragma clang loop unroll(disable)
	for (int step = 0; step < MAX_STEPS; step++) {
		if (LIKELY(ranges->ends[range & (MAX_SERVERS - 1)] >= hash))
			break;
		range++;
	}
	return range;
}

INLINE int balance(struct packet_context *context)
{
	struct packet_view view;
	int reason = read_packet(context, &view);
	const struct state *state;
	const struct server *server;
	u32 token;

	if (UNLIKELY(reason != STEERED))
		return leave(reason);
	if (UNLIKELY(view.flags & TCP_SYN) && read_join(context, &view, &token)) {
		count(COUNT_JOINS);
		count(COUNT_JOINS_BY_CHANCE);
	}
	state = current_state();
	if (!state)
		return leave(REASON_NO_SERVER);
	server = server_at(state, range_of((const struct ranges *)(state + 1), hash_flow(&view)));
	if (UNLIKELY(server->number == 0))
		return leave(REASON_NO_SERVER);
	return dispatch(context, &view, server, 0);
}

PROGRAM(stateless, 0);
