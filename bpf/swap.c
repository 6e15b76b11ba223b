/*
 * The yardstick for the others: sends every TCP packet back to where it came from, with its addresses swapped, and does
 * nothing else. A second run swaps back, so that it measures the same packet.
 */
#include "kernel.h"

struct swapped_ethernet {
	u16 destination[3];
	u16 source[3];
	u16 type;
} __attribute__((packed));

SECTION("xdp") int swap(struct packet_context *context)
{
	u8 *data = (u8 *)(long)context->data;
	u8 *end = (u8 *)(long)context->data_end;
	struct swapped_ethernet *ethernet = (void *)data;

	if (data + 14 + 40 > end)
		return XDP_PASS;
	for (int i = 0; i < 3; i++) {
		u16 half = ethernet->source[i];
		ethernet->source[i] = ethernet->destination[i];
		ethernet->destination[i] = half;
	}
	/* Swapping whole 16-bit pieces of addresses changes no checksum. */
	if (ethernet->type == NETWORK_16(0x0800)) {
		u32 *addresses = (u32 *)(data + 14 + 12);
		u32 source = addresses[0];
		addresses[0] = addresses[1];
		addresses[1] = source;
		return XDP_TX;
	}
	if (ethernet->type == NETWORK_16(0x86dd)) {
		u32 *addresses = (u32 *)(data + 14 + 8);
		for (int i = 0; i < 4; i++) {
			u32 source = addresses[i];
			addresses[i] = addresses[i + 4];
			addresses[i + 4] = source;
		}
		return XDP_TX;
	}
	return XDP_PASS;
}

OBJECT_IDENTITY;
