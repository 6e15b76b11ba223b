/*
 * What changes while packets go on: servers, and the table of the design behind them. All of it is one value of a map of its own, and
 * `states` says which one counts. The loader fills a new one and puts it there: a packet meets the one or the other, never a
 * mixture, and the program stays.
 */
#ifndef SUBFLOW_STATE_H
#define SUBFLOW_STATE_H

#include "forward.h"

enum { MAX_SERVERS = 1024 };

/* The design's table follows it. Places of servers are counted from 1 wherever a table has them, and 0 stands for none. */
struct state {
	/* Of beamer's buckets. */
	u32 generation;
	u32 unused[15];
	/* Those in reach by rising number, as ServerSet has them. */
	struct server servers[MAX_SERVERS];
	/* Places of servers by their number. */
	u16 server_places[MAX_SERVER_ID + 1];
};

/* The one that counts. The loader makes it, for its value is as long as the design's table asks for. */
MAP(states, MAP_ARRAY_OF_MAPS, 4, 4, 1);

INLINE const struct state *current_state(void)
{
	u32 zero = 0;
	void *inner = map_lookup(&states, &zero);

	return inner ? map_lookup(inner, &zero) : 0;
}

/* The server with this number: its place plus one; 0 when it is not in reach. */
INLINE u32 place_of(const struct state *state, u32 number)
{
	return state->server_places[number & MAX_SERVER_ID];
}

/* The server at this place, counted from 0; its number is 0 when there is none. */
INLINE const struct server *server_at(const struct state *state, u32 place)
{
	return &state->servers[place & (MAX_SERVERS - 1)];
}

/* Subflows that began at each server, by its number. */
MAP(subflows, MAP_PER_CPU_ARRAY, 4, 8, MAX_SERVER_ID + 1);

/* Sends the packet to `server`, and counts it there when it begins a subflow. */
INLINE int dispatch(struct packet_context *context, const struct packet_view *view, const struct server *server,
		    const struct note *note)
{
	if (UNLIKELY(is_syn(view))) {
		u32 number = server->number;
		u64 *begun = map_lookup(&subflows, &number);

		if (begun)
			++*begun;
	}
	return forward(context, view, server, note);
}

#endif
