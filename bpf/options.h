/*
 * The options of a TCP header, as far as balancers ask for them: the token of a join and the server's key. They are copied, for
 * the verifier follows an index into a copy better than into the packet.
 *
 * Read first: RFC 9293 §3.2, RFC 8684 §3.1 and §3.2.
 */
#ifndef SUBFLOW_OPTIONS_H
#define SUBFLOW_OPTIONS_H

#include "packet.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_MPTCP = 30, MP_CAPABLE = 0, MP_JOIN = 1 };
enum { MAX_OPTION_BYTES = 40, NOT_FOUND = 64 };

/* Room for all options; longer than they are, so that an index with 6 bits stays within. */
struct options {
	u8 bytes[80];
	u32 length;
};

/* Copies the options of the segment; without any when that fails. */
INLINE void copy_options(struct packet_context *context, const struct packet_view *view, struct options *options)
{
	u32 length = view->tcp_bytes - 20;

	/* What the compiler knows of the length the verifier of 6.1 does not: so that it asks for both bounds below. */
	asm volatile("" : "+r"(length));
	for (int i = 0; i < 10; i++)
		((u64 *)options->bytes)[i] = 0;
	options->length = 0;
	if (length < 4 || length > MAX_OPTION_BYTES)
		return;
	if (load_bytes(context, view->tcp_offset + 20, options->bytes, length) == 0)
		options->length = length;
}

/* Whether the option at `at`, `size` bytes long, is the one that is asked for. */
INLINE int is_wanted(const struct options *options, u32 at, u32 size, int subtype)
{
	u8 third = options->bytes[(at + 2) & 63];

	if (size < 3 || third >> 4 != subtype)
		return 0;
	if (subtype == MP_JOIN)
		return size == 12;
	/* Both keys: 20 bytes in either version, and 22 or 24 in version 1 when data comes with it (RFC 8684 §3.1). */
	if ((third & 15) == 0)
		return size == 20;
	return (third & 15) == 1 && (size == 20 || size == 22 || size == 24);
}

/* Where the first MPTCP option of that kind lies; NOT_FOUND without. */
INLINE u32 find_option(const struct options *options, int subtype)
{
	u32 at = 0;

#pragma clang loop unroll(disable)
	for (int step = 0; step < MAX_OPTION_BYTES; step++) {
		u32 size;
		u8 kind;

		at &= 63;
		if (at >= options->length)
			break;
		kind = options->bytes[at];
		if (kind == OPTION_NOP) {
			at++;
			continue;
		}
		if (kind == OPTION_END)
			break;
		size = at + 1 < options->length ? options->bytes[(at + 1) & 63] : 0;
		if (size < 2 || at + size > options->length)
			break;
		if (kind == OPTION_MPTCP && is_wanted(options, at, size, subtype))
			return at;
		at += size;
	}
	return NOT_FOUND;
}

/* Four bytes of the options from `at` on, as a number. */
INLINE u32 option_word(const struct options *options, u32 at)
{
	const u8 *bytes = options->bytes;

	at &= 63;
	return (u32)bytes[at] << 24 | (u32)bytes[at + 1] << 16 | (u32)bytes[at + 2] << 8 | bytes[at + 3];
}

/* The token of a SYN that joins: 1 when it is one. */
INLINE int read_join(struct packet_context *context, const struct packet_view *view, u32 *token)
{
	struct options options;
	u32 at;

	if (!is_syn(view) || view->tcp_bytes <= 20)
		return 0;
	copy_options(context, view, &options);
	at = find_option(&options, MP_JOIN);
	if (at == NOT_FOUND)
		return 0;
	*token = option_word(&options, at + 4);
	return 1;
}

#endif
