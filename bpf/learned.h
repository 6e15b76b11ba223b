/*
 * Tokens that were learned from packets, for the other balancers: a ring that the loader reads from time to time. Every entry is one
 * word that says which round it is of, so that the loader tells what is new, what is not written yet, and what it came too late for.
 */
#ifndef SUBFLOW_LEARNED_H
#define SUBFLOW_LEARNED_H

#include "packet.h"

/* Behind the token: the server's number, the version of the protocol, and the round, counted from 1. */
enum { LEARNED_SERVER = 32, LEARNED_VERSION = 46, LEARNED_ROUND = 47 };

struct learned {
	/* Entries written, or about to be. */
	u64 head;
	u64 entries[];
};

/* The loader makes it longer. */
MAP(learned, MAP_ARRAY, 4, sizeof(struct learned) + 8 * 1024, 1);

INLINE void tell(u32 token, u32 version, u32 server)
{
	u32 zero = 0;
	struct learned *ring = map_lookup(&learned, &zero);
	u32 bits = settings.learned_bits;
	u64 position, round, index;

	if (!ring)
		return;
	position = __sync_fetch_and_add(&ring->head, 1);
	round = (position >> bits) + 1;
	index = position & ((1ull << bits) - 1);
	*(volatile u64 *)&ring->entries[index] = round << LEARNED_ROUND | (u64)(version & 1) << LEARNED_VERSION |
						 (u64)server << LEARNED_SERVER | token;
}

#endif
