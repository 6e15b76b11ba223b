/* The look-up table of Maglev, which the loader fills (src/balancer/maglev.ts): the server of a flow by its hash. */
#ifndef SUBFLOW_MAGLEV_H
#define SUBFLOW_MAGLEV_H

#include "hash.h"
#include "tables.h"

/* Servers of the places of the table; `settings.places` is their number. */
MAP(places, MAP_ARRAY, 4, 8, 16385);

/* The server of a flow: its place plus one; 0 when there is none. */
INLINE u32 server_of(const struct packet_view *view)
{
	return entry_of(&places, settings.places ? hash_flow(view) % settings.places : 0);
}

#endif
