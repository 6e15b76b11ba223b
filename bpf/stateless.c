/*
 * `stateless`: the values of CRC-32 over addresses and ports are divided among the servers, and nothing is kept (see
 * src/balancer/stateless.ts). A join has another hash than its connection, so it goes anywhere.
 */
#include "hash.h"
#include "measure.h"
#include "options.h"

enum { MAX_SERVERS = 1024 };

/* The last value of each server's range, in the order of the table of servers; the rest is all ones. */
const volatile u32 range_ends[MAX_SERVERS] = {};

/* How many ranges end below `hash`, by halves: without a branch that the processor would have to guess. */
INLINE u32 range_of(u32 hash)
{
	u32 low = 0;

	for (u32 half = MAX_SERVERS / 2; half > 0; half /= 2) {
		u64 end;

		if (half > settings.places)
			continue;
		end = range_ends[(low + half - 1) & (MAX_SERVERS - 1)];
		low += half & (u32)((long long)(end - hash) >> 63);
	}
	return low;
}

INLINE int balance(struct packet_context *context)
{
	struct packet_view view;
	int reason = read_packet(context, &view);
	u32 token;

	if (UNLIKELY(reason != STEERED))
		return leave(reason);
	if (UNLIKELY(view.flags & TCP_SYN) && read_join(context, &view, &token)) {
		count(COUNT_JOINS);
		count(COUNT_JOINS_BY_CHANCE);
	}
	return forward_to(context, &view, range_of(hash_flow(&view)));
}

PROGRAM(stateless, 0);
