/*
 * `beamer`: a hash of the client's address and port names a bucket, the bucket a server, and the outer header says who had the
 * bucket before (see src/balancer/beamer.ts). A port of the service's address stands for each server.
 */
#include "hash.h"
#include "measure.h"
#include "options.h"
#include "tables.h"

/* A bucket. Servers are places plus one; 0 for none. */
struct bucket {
	u16 owner;
	u16 former;
	/* When it changed hands, in seconds of the balancer's clock. */
	u32 moved_at;
	/* Until when the former owner is named, in ns of the kernel's clock. */
	u64 fresh_until;
};

/* `settings.places` is their number. */
MAP(buckets, MAP_ARRAY, 4, sizeof(struct bucket), 4096);

/* Fills in who had the bucket before, as long as that matters. */
INLINE void note_former(const struct bucket *bucket, struct note *note)
{
	u32 place = bucket->former;
	struct server *former;

	if (place == 0 || coarse_time_ns() >= bucket->fresh_until)
		return;
	place--;
	former = map_lookup(&servers, &place);
	if (!former)
		return;
	for (int i = 0; i < 4; i++)
		note->previous[i] = former->address[i];
	note->moved_at = bucket->moved_at;
}

INLINE int balance(struct packet_context *context)
{
	struct packet_view view;
	struct note note = { 0 };
	int reason = read_packet(context, &view);
	struct server *server;
	u32 token, place, index;

	if (UNLIKELY(reason != STEERED))
		return leave(reason);
	if (UNLIKELY(view.flags & TCP_SYN) && read_join(context, &view, &token)) {
		count(COUNT_JOINS);
		if (view.port_server == 0)
			count(COUNT_JOINS_BY_CHANCE);
	}
	if (view.port_server == 0) {
		struct bucket *bucket;

		index = settings.places ? hash_client(&view) % settings.places : 0;
		bucket = map_lookup(&buckets, &index);
		if (!bucket || bucket->owner == 0)
			return leave(REASON_NO_SERVER);
		place = bucket->owner - 1;
		if (UNLIKELY(bucket->former != 0))
			note_former(bucket, &note);
	} else {
		place = place_of(view.port_server);
		if (place == 0)
			return leave(REASON_UNKNOWN_SERVER);
		place--;
	}
	server = map_lookup(&servers, &place);
	if (!server)
		return leave(REASON_NO_SERVER);
	return forward(context, &view, server, &note);
}

PROGRAM(beamer, 1);
