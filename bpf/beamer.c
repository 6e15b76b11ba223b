/*
 * `beamer`: a hash of the client's address and port names a bucket, the bucket a server, and the outer header says who had the
 * bucket before (see src/balancer/beamer.ts). A port of the service's address stands for each server.
 */
#include "hash.h"
#include "measure.h"
#include "options.h"
#include "state.h"

/* A bucket. Servers are places counted from 1; 0 for none. */
struct bucket {
	u16 owner;
	u16 former;
	/* When it changed hands, in seconds of the balancer's clock. */
	u32 moved_at;
	/* Until when the former owner is named, in ns of the kernel's clock. */
	u64 fresh_until;
};

/* Fills in who had the bucket before, as long as that matters. */
INLINE void note_former(const struct state *state, const struct bucket *bucket, struct note *note)
{
	const struct server *former;

	if (coarse_time_ns() >= bucket->fresh_until)
		return;
	former = server_at(state, bucket->former - 1);
	for (int i = 0; i < 4; i++)
		note->previous[i] = former->address[i];
	note->moved_at = bucket->moved_at;
}

/* The place of the server that has the client's bucket, counted from 1, and what there is to say about it; 0 for none. */
INLINE u32 place_by_bucket(const struct state *state, const struct packet_view *view, struct note *note)
{
	/* The table behind the state; `settings.places` is the number of buckets. */
	const struct bucket *buckets = (const struct bucket *)(state + 1);
	u32 index = settings.places ? hash_client(view) % settings.places : 0;

	/* The verifier follows this, and not the division. */
	if (index >= settings.places)
		return 0;
	if (UNLIKELY(buckets[index].former != 0))
		note_former(state, &buckets[index], note);
	return buckets[index].owner;
}

INLINE int balance(struct packet_context *context)
{
	struct packet_view view;
	struct note note = { 0 };
	int reason = read_packet(context, &view);
	const struct state *state;
	u32 token, place;

	if (UNLIKELY(reason != STEERED))
		return leave(reason);
	if (UNLIKELY(view.flags & TCP_SYN) && read_join(context, &view, &token)) {
		count(COUNT_JOINS);
		if (view.port_server == 0)
			count(COUNT_JOINS_BY_CHANCE);
	}
	state = current_state();
	if (!state)
		return leave(REASON_NO_SERVER);
	note.generation = state->generation;
	place = view.port_server == 0 ? place_by_bucket(state, &view, &note) : place_of(state, view.port_server);
	if (UNLIKELY(place == 0))
		return leave(view.port_server == 0 ? REASON_NO_SERVER : REASON_UNKNOWN_SERVER);
	return dispatch(context, &view, server_at(state, place - 1), &note);
}

PROGRAM(beamer, 1);
