/* The look-up table of Maglev, which the loader fills (src/balancer/maglev.ts): the server of a flow by its hash. */
#ifndef SUBFLOW_MAGLEV_H
#define SUBFLOW_MAGLEV_H

#include "hash.h"
#include "state.h"

/* The server of a flow: its place plus one; 0 when there is none. */
INLINE u32 server_of(const struct state *state, const struct packet_view *view)
{
	const u16 *places = (const u16 *)(state + 1);
	u32 index = settings.places ? hash_flow(view) % settings.places : 0;

	/* The verifier follows this, and not the division. */
	return index < settings.places ? places[index] : 0;
}

#endif
