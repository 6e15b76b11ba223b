/*
 * The joins that token-map follows: which server each goes to, by the client's address, both ports and the service. It is a table of
 * our own, for what the kernel offers reads four lines of memory for a packet, which no cache holds when there are a million
 * joins: here a hash names a bucket of eight cells, which is two lines, or four for IPv6. They are filled from the front, and a free
 * cell has only free ones behind it, so that nearly every packet reads the first line alone. A cell is free, or its time is
 * over, or it is in use:
 *
 *         SYN with MP_JOIN          another packet          FIN or RST
 *  (free) ----------------> new --------------------> live ------------> closing
 *
 * A join takes the first cell of its bucket that is free or whose time is over, or else the new one that waits longest; those that are
 * live or closing stay, as in src/balancer/flow-memory.ts. On the way it frees what is over at the end of the bucket. The table has four cells for each join that it is meant for, so that of a full number
 * of live joins about one in ten thousand finds its bucket full; that one goes where the hash says.
 *
 * Processors agree by comparing and exchanging a cell's state. Who makes an entry marks the cell busy, writes the key and
 * then the state; who reads looks at the key before and after the state. (A processor that reorders loads may send a packet of a
 * join astray that comes in the very moment in which another one takes its cell.)
 */
#ifndef SUBFLOW_JOINS_H
#define SUBFLOW_JOINS_H

#include "maglev.h"

enum { WAYS = 8, ATTEMPTS = 3 };

/* The state of a cell; 0 when it is free. */
enum {
	/* Seconds of the kernel's clock, 32 bits: written once a second at most, so that processors do not take the line from each other. */
	CELL_TOUCHED = 0,
	/* Number of the server, 14 bits. */
	CELL_SERVER = 32,
	/* Position of the service, 6 bits: it tells the service's address. */
	CELL_SERVICE = 48,
	/* One of `enum phase`, 2 bits. */
	CELL_PHASE = 56,
	/* Whether the client sent FIN: a RST alone may have been forged. */
	CELL_FIN = 58,
	/* Which cell of its bucket it is, 3 bits: to the verifier any number, so that what follows is the same to it for all of them. */
	CELL_INDEX = 60,
};

/* No phase: the cell is free. Busy is told apart by a server of 0. */
enum phase { PHASE_NONE, PHASE_NEW, PHASE_LIVE, PHASE_CLOSING };

/* Words of a cell: the first of its key, its state, and what else its key has. */
enum { WORDS_4 = 2, WORDS_6 = 4, STATE = 1, LINE_WORDS = 8 };

MAP_WITH(joins_4, MAP_ARRAY, 4, 8 * WORDS_4 * WAYS, 1 << 19, MAP_AT_PAGE);
MAP_WITH(joins_6, MAP_ARRAY, 4, 8 * WORDS_6 * WAYS, 1 << 19, MAP_AT_PAGE);

/* What a search through a bucket came to, kept where the verifier takes it for any number. */
struct choice {
	/* The state of the cell. */
	u64 word;
	u32 index;
	/* How much the cell suits; 0 when none does. */
	u32 worth;
};

MAP(choices, MAP_PER_CPU_ARRAY, 4, sizeof(struct choice), 1);

/* What names a join. */
struct join_key {
	/* IPv4: address and ports in the first. IPv6: address in the first two, its end first, ports in the third. */
	u64 words[3];
	u32 service;
	u32 family;
};

INLINE u32 now_seconds(void)
{
	return (u32)(coarse_time_ns() / 1000000000);
}

INLINE u32 cell_phase(u64 word)
{
	return word >> CELL_PHASE & 3;
}

INLINE u32 cell_server(u64 word)
{
	return word >> CELL_SERVER & MAX_SERVER_ID;
}

INLINE int is_busy(u64 word)
{
	return word != 0 && cell_server(word) == 0;
}

INLINE u64 new_word(u32 index, u32 server, u32 service, u32 now)
{
	return (u64)index << CELL_INDEX | (u64)PHASE_NEW << CELL_PHASE | (u64)(service & 63) << CELL_SERVICE |
	       (u64)server << CELL_SERVER | now;
}

/* Whether the time of the entry is not over. */
INLINE int is_alive(u64 word, u32 now)
{
	u32 phase = cell_phase(word);
	u32 life = settings.idle_seconds;

	if (phase == PHASE_NEW)
		life = settings.new_flow_seconds;
	if (phase == PHASE_CLOSING)
		life = settings.closing_seconds;
	return phase != PHASE_NONE && now - (u32)word < life;
}

INLINE void fill_key(const struct packet_view *view, struct join_key *key)
{
	u32 ports = view->client_port | (u32)view->service_port << 16;

	key->service = view->service_index;
	key->family = view->family;
	key->words[0] = view->client[3] | (u64)ports << 32;
	key->words[1] = key->words[2] = 0;
	if (view->family == 6) {
		key->words[0] = view->client[2] | (u64)view->client[3] << 32;
		key->words[1] = view->client[0] | (u64)view->client[1] << 32;
		key->words[2] = ports;
	}
}

/* A number of a bucket from a sum: neighbours, as ports one after another make them, are spread over all. */
INLINE u32 spread(u64 sum)
{
	sum = (sum ^ sum >> 32) * 0x9e3779b97f4a7c15;
	return (u32)(sum >> 40);
}

/*
 * The bucket of a key. The sum is one of products with random numbers: two keys share a bucket by chance alone, whoever chooses
 * them, as long as nobody learns the numbers.
 */
INLINE u64 *bucket_of(const struct join_key *key, int words)
{
	const volatile u64 *secrets = settings.secrets;
	u64 sum = secrets[0] + secrets[1] * (u32)key->words[0] + secrets[2] * (u32)(key->words[0] >> 32);
	u32 index;

	if (words == WORDS_4) {
		index = spread(sum) & settings.joins_4_mask;
		return map_lookup(&joins_4, &index);
	}
	sum += secrets[3] * (u32)key->words[1] + secrets[4] * (u32)(key->words[1] >> 32) + secrets[5] * (u32)key->words[2];
	index = spread(sum) & settings.joins_6_mask;
	return map_lookup(&joins_6, &index);
}

INLINE int is_same(const volatile u64 *cell, const struct join_key *key, int words)
{
	if (cell[0] != key->words[0])
		return 0;
	return words == WORDS_4 || (cell[2] == key->words[1] && cell[3] == key->words[2]);
}

INLINE int is_of_service(u64 word, const struct join_key *key)
{
	return (word >> CELL_SERVICE & 63) == (key->service & 63);
}

/* The state of the join's cell; 0 for other flows. */
INLINE u64 find_among(const u64 *bucket, const struct join_key *key, int words)
{
	for (int i = 0; i < WAYS; i++) {
		const volatile u64 *cell = bucket + i * words;
		u64 word;

		if (UNLIKELY(is_same(cell, key, words))) {
			word = cell[STATE];
			if (word != 0 && !is_busy(word) && is_of_service(word, key) && is_same(cell, key, words))
				return word;
		}
		/* At the end of a line: nothing lies behind a free cell. */
		if ((i + 1) * words % LINE_WORDS == 0 && LIKELY(cell[STATE] == 0))
			break;
	}
	return 0;
}

/* What an entry says whose time is over, whatever its phase. */
INLINE u64 ended(u64 word, u32 now)
{
	return (word & ~0xffffffffull) | (now ^ 0x80000000);
}

/* What the entry says after a packet of its join. */
INLINE u64 after_packet(u64 word, const struct packet_view *view, u32 now)
{
	u32 phase = cell_phase(word);

	if (view->flags & TCP_FIN)
		word |= 1ull << CELL_FIN;
	if (view->flags & (TCP_FIN | TCP_RST))
		phase = PHASE_CLOSING;
	else if (!is_syn(view) && (phase == PHASE_NEW || !(word >> CELL_FIN & 1)))
		phase = PHASE_LIVE;
	return (word & ~(3ull << CELL_PHASE) & ~0xffffffffull) | (u64)phase << CELL_PHASE | now;
}

INLINE u32 place_among(const struct state *state, const struct packet_view *view, const struct join_key *key, u64 *bucket,
		       int words)
{
	u64 word = find_among(bucket, key, words);
	u64 next;
	u32 now, place;

	if (word == 0)
		return 0;
	now = now_seconds();
	if (!is_alive(word, now))
		return 0;
	place = place_of(state, cell_server(word));
	next = place == 0 ? ended(word, now) : after_packet(word, view, now);
	/* An error that quotes a packet tells nothing about the client. */
	if (UNLIKELY(next != word) && (view->tcp_offset != 0 || place == 0))
		__sync_val_compare_and_swap(bucket + (word >> CELL_INDEX & (WAYS - 1)) * words + STATE, word, next);
	return place;
}

/*
 * The place of the server that a packet goes to: that of its join, which lives on by the packet, or else the one that its hash has
 * in the table of Maglev. Counted from 1; 0 for none. `is_join` tells which it was.
 */
INLINE u32 place_by_flow(const struct state *state, const struct packet_view *view, const struct join_key *key, int words,
			 int *is_join)
{
	u64 *bucket = bucket_of(key, words);
	u32 place, joined;

	if (!bucket)
		return 0;
	/* The line is on its way from memory while the table of Maglev is asked: nobody waits for this value. */
	(void)*(volatile u64 *)bucket;
	place = server_of(state, view);
	joined = place_among(state, view, key, bucket, words);
	*is_join = joined != 0;
	return joined ? joined : place;
}

/* How much a cell suits a new entry; 0 when it does not. One of the same key comes first, so that no key is there twice. */
INLINE u32 worth_of(const volatile u64 *cell, u64 word, const struct join_key *key, int words, u32 now)
{
	if (is_busy(word))
		return 0;
	if (word != 0 && is_of_service(word, key) && is_same(cell, key, words))
		return ~0u;
	if (!is_alive(word, now))
		return ~0u - 1;
	return cell_phase(word) == PHASE_NEW ? 1 + (now - (u32)word) : 0;
}

/* Chooses the cell for a new entry. */
INLINE void choose_cell(const u64 *bucket, const struct join_key *key, int words, u32 now, volatile struct choice *choice)
{
	choice->worth = 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < WAYS; i++) {
		const volatile u64 *cell = bucket + i * words;
		u64 word = cell[STATE];
		u32 worth = worth_of(cell, word, key, words, now);

		if (worth <= choice->worth)
			continue;
		choice->worth = worth;
		choice->index = i;
		choice->word = word;
	}
}

/* Makes an entry in the chosen cell. 0 when another processor was faster. */
INLINE int take_cell(u64 *bucket, const struct join_key *key, int words, u32 server, u32 now, volatile struct choice *choice)
{
	u32 index = choice->index & (WAYS - 1);
	volatile u64 *cell = bucket + index * words;
	u64 word = choice->word;

	if (__sync_val_compare_and_swap((u64 *)cell + STATE, word, new_word(index, 0, 0, now)) != word)
		return 0;
	if (choice->worth < ~0u - 1)
		count(COUNT_DISPLACED);
	cell[0] = key->words[0];
	for (int i = 2; i < words; i++)
		cell[i] = key->words[i - 1];
	__sync_lock_test_and_set((u64 *)cell + STATE, new_word(index, server, key->service, now));
	return 1;
}

/* Frees the cells at the end of the bucket whose time is over. */
INLINE void trim(u64 *bucket, int words, u32 now)
{
#pragma clang loop unroll(disable)
	for (u32 i = WAYS - 1; i > 0; i--) {
		u64 *state = bucket + i * words + STATE;
		u64 word = *(volatile u64 *)state;

		if (is_busy(word) || is_alive(word, now))
			break;
		if (word != 0)
			__sync_val_compare_and_swap(state, word, 0);
	}
}

INLINE void add_among(const struct join_key *key, int words, u32 server)
{
	u32 zero = 0;
	volatile struct choice *choice = map_lookup(&choices, &zero);
	u64 *bucket = bucket_of(key, words);
	u32 now = now_seconds();

	if (!choice || !bucket)
		return;
	trim(bucket, words, now);
#pragma clang loop unroll(disable)
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		choose_cell(bucket, key, words, now, choice);
		if (choice->worth == 0)
			break;
		if (take_cell(bucket, key, words, server, now, choice))
			return;
	}
	count(COUNT_UNTRACKED);
}

/* Notes which server the join goes to, if its bucket has room. */
INLINE void add_join(const struct join_key *key, u32 server)
{
	if (key->family == 4)
		add_among(key, WORDS_4, server);
	else
		add_among(key, WORDS_6, server);
}

#endif
