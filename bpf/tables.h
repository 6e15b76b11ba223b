/*
 * Tables of places: which server a value stands for. An entry is the place of a server in the table of servers plus one, or 0 for
 * none; four of them share an element of an array map, which would else spend eight bytes on each.
 */
#ifndef SUBFLOW_TABLES_H
#define SUBFLOW_TABLES_H

#include "forward.h"

/* Places of servers by their number. */
MAP(server_places, MAP_ARRAY, 4, 8, (MAX_SERVER_ID + 1) / 4);

INLINE u32 entry_of(void *table, u32 index)
{
	u32 element = index / 4;
	u16 *entries = map_lookup(table, &element);

	return entries ? entries[index & 3] : 0;
}

/* The server with this number: its place plus one; 0 when it is not in reach. */
INLINE u32 place_of(u32 number)
{
	return entry_of(&server_places, number & MAX_SERVER_ID);
}

#endif
