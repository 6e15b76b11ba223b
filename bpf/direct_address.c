/*
 * `direct-address`: a port of the service's address stands for each server, which announces it (see
 * src/balancer/direct-address.ts); other flows go where the Maglev table says.
 */
#include "maglev.h"
#include "measure.h"
#include "options.h"

INLINE int balance(struct packet_context *context)
{
	struct packet_view view;
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
	place = view.port_server == 0 ? server_of(state, &view) : place_of(state, view.port_server);
	if (UNLIKELY(place == 0))
		return leave(view.port_server == 0 ? REASON_NO_SERVER : REASON_UNKNOWN_SERVER);
	return dispatch(context, &view, server_at(state, place - 1), 0);
}

PROGRAM(direct_address, 0);
