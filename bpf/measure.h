/*
 * The program of an object, called by the design's name. For the benchmark it can be told to take away what it put in front, since the
 * next run would measure another packet else, and to give every run another client's port, all 65,536 of them in an order that
 * no cache foresees. That is a constant, so that the verifier cuts it out of a program that works.
 */
#ifndef SUBFLOW_MEASURE_H
#define SUBFLOW_MEASURE_H

#include "forward.h"

enum { WORKING, ONE_FLOW, MANY_FLOWS };
const volatile u32 measuring = WORKING;

/* Puts the packet back as it was. */
INLINE int undo(struct packet_context *context, int verdict, u32 header)
{
	u8 *data, *end;

	if (verdict != XDP_TX || move_head(context, (int)header) < 0)
		return verdict;
	data = (u8 *)(long)context->data;
	end = (u8 *)(long)context->data_end;
	if (data + ETHERNET_BYTES + 1 > end)
		return XDP_ABORTED;
	*(u16 *)(data + 12) = data[14] >> 4 == 4 ? NETWORK_16(ETHERTYPE_IPV4) : NETWORK_16(ETHERTYPE_IPV6);
	return verdict;
}

/* Changes the client's port in an IPv4 packet without options: a generator that comes by every value of 16 bits. */
INLINE void next_flow(struct packet_context *context)
{
	u8 *data = (u8 *)(long)context->data;
	u8 *end = (u8 *)(long)context->data_end;
	u16 *port = (u16 *)(data + ETHERNET_BYTES + 20);

	if ((u8 *)(port + 1) <= end)
		*port = (u16)(*port * 40005u + 13849u);
}

#define PROGRAM(design, has_note) \
	SECTION("xdp.frags") int design(struct packet_context *context) \
	{ \
		int verdict; \
\
		if (measuring == MANY_FLOWS) \
			next_flow(context); \
		verdict = balance(context); \
		return measuring ? undo(context, verdict, outer_bytes(has_note)) : verdict; \
	} \
	OBJECT_IDENTITY

#endif
