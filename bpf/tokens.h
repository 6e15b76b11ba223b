/*
 * Which servers claim which token, as src/balancer/token-table.ts has it: claims in the order in which they came, joins try them in
 * turn, a token that a join asked for stays until nobody has for a while, and the others make room for newer ones, the oldest
 * first. A table like that of joins.h: a bucket of eight cells, two words each.
 *
 * Processors agree by comparing and exchanging. Two that learn one token at the same instant may make two entries, of which the
 * second is not found; it ends by time.
 */
#ifndef SUBFLOW_TOKENS_H
#define SUBFLOW_TOKENS_H

#include "joins.h"

enum { MAX_CLAIMS = 4, CLAIM_BITS = 14, TRIES_SHIFT = 56 };

/* Claims of a cell whose entry is being made. */
#define CLAIMS_BUSY ((1ull << TRIES_SHIFT) - 1)

struct token_cell {
	/* Numbers of servers, 14 bits each, the oldest lowest; in the upper 8 bits how many joins asked, modulo 256. 0 when it is free. */
	u64 claims;
	/* The token; 31 bits of seconds of the kernel's clock when it was learned or asked for last; 1 bit, whether a join asked. */
	u64 mark;
};

enum { MARK_TOUCHED = 32, MARK_USED = 63 };

MAP_WITH(tokens, MAP_ARRAY, 4, sizeof(struct token_cell) * WAYS, 1 << 19, MAP_AT_PAGE);

INLINE u32 claim_at(u64 claims, u32 index)
{
	return (u32)(claims >> (CLAIM_BITS * (index & 3))) & MAX_SERVER_ID;
}

/* How many there are. It goes by way of memory, or else the verifier would follow each number by itself. */
INLINE u32 claims_in(u64 claims, volatile struct choice *choice)
{
	u32 number = 0;

	for (int i = 0; i < MAX_CLAIMS; i++)
		number += claim_at(claims, i) != 0;
	choice->index = number;
	return choice->index;
}

INLINE u64 claims_of(u64 word)
{
	return word & CLAIMS_BUSY;
}

INLINE u64 mark_of(u32 token, u32 now, u32 is_used)
{
	return (u64)is_used << MARK_USED | (u64)(now & 0x7fffffff) << MARK_TOUCHED | token;
}

/* Seconds since the token was learned or asked for last. */
INLINE u32 age_of(u64 mark, u32 now)
{
	return (now - (u32)(mark >> MARK_TOUCHED)) & 0x7fffffff;
}

INLINE struct token_cell *token_bucket(u32 token)
{
	u32 index = spread(settings.secrets[6] + settings.secrets[7] * token) & settings.tokens_mask;

	return map_lookup(&tokens, &index);
}

/* The cell of the token; 0 when nobody claims it. */
INLINE struct token_cell *find_token(struct token_cell *bucket, u32 token, u32 now, volatile struct choice *choice)
{
	choice->worth = 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < WAYS; i++) {
		const volatile struct token_cell *cell = bucket + i;
		u64 mark = cell->mark;
		u64 claims = claims_of(cell->claims);

		if ((u32)mark != token || claims == 0 || claims == CLAIMS_BUSY || age_of(mark, now) > settings.token_idle_seconds)
			continue;
		choice->worth = 1;
		choice->index = i;
		break;
	}
	return choice->worth == 0 ? 0 : bucket + (choice->index & (WAYS - 1));
}

INLINE void touch_token(struct token_cell *cell, u32 token, u32 now, u32 is_used)
{
	u64 mark = *(volatile u64 *)&cell->mark;
	u64 next = mark_of(token, now, is_used | (u32)(mark >> MARK_USED));

	if ((u32)mark == token && mark != next)
		__sync_val_compare_and_swap(&cell->mark, mark, next);
}

/* Adds a claim to an entry that is there: 1 when it is new. Others may add theirs at the same time. */
INLINE int add_claim(struct token_cell *cell, u32 server, volatile struct choice *choice)
{
#pragma clang loop unroll(disable)
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		u64 word = *(volatile u64 *)&cell->claims;
		u32 number = claims_in(word, choice);

		for (int i = 0; i < MAX_CLAIMS; i++) {
			if (claim_at(word, i) == server)
				return 0;
		}
		if (claims_of(word) == CLAIMS_BUSY || number >= settings.token_claims || number >= MAX_CLAIMS)
			break;
		if (__sync_val_compare_and_swap(&cell->claims, word, word | (u64)server << (CLAIM_BITS * (number & 3))) == word) {
			count(COUNT_TOKEN_COLLISIONS);
			return 1;
		}
	}
	count(COUNT_TOKENS_REFUSED);
	return 0;
}

/* How much a cell is to be taken for a new token: free or over most, then the oldest that nobody asked for; 0 when it is not. */
INLINE u32 worth_of_cell(u64 claims, u64 mark, u32 now)
{
	if (claims_of(claims) == CLAIMS_BUSY)
		return 0;
	if (claims_of(claims) == 0 || age_of(mark, now) > settings.token_idle_seconds)
		return ~0u;
	return mark >> MARK_USED ? 0 : 1 + age_of(mark, now);
}

/* Makes an entry: 1 when that went well, 0 when there is no room, -1 when another processor was faster. */
INLINE int add_token(struct token_cell *bucket, u32 token, u32 server, u32 now, volatile struct choice *choice)
{
	struct token_cell *cell;
	u64 before;

	choice->worth = 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < WAYS; i++) {
		const volatile struct token_cell *other = bucket + i;
		u64 claims = other->claims;
		u32 worth = worth_of_cell(claims, other->mark, now);

		if (worth <= choice->worth)
			continue;
		choice->worth = worth;
		choice->index = i;
		choice->word = claims;
	}
	if (choice->worth == 0)
		return 0;
	cell = bucket + (choice->index & (WAYS - 1));
	before = choice->word;
	if (__sync_val_compare_and_swap(&cell->claims, before, CLAIMS_BUSY) != before)
		return -1;
	if (choice->worth != ~0u)
		count(COUNT_DISPLACED);
	*(volatile u64 *)&cell->mark = mark_of(token, now, 0);
	__sync_lock_test_and_set(&cell->claims, (u64)server);
	return 1;
}

/* As add_token, once: adds a claim or an entry. */
INLINE int learn_once(struct token_cell *bucket, u32 token, u32 server, u32 now, volatile struct choice *choice)
{
	struct token_cell *cell = find_token(bucket, token, now, choice);
	int made;

	if (cell) {
		touch_token(cell, token, now, 0);
		return add_claim(cell, server, choice);
	}
	made = add_token(bucket, token, server, now, choice);
	if (made == 0)
		count(COUNT_TOKENS_REFUSED);
	return made;
}

/* Notes that the server owns the token: 1 when that is new. */
INLINE int learn(u32 token, u32 server)
{
	u32 zero = 0;
	volatile struct choice *choice = map_lookup(&choices, &zero);
	struct token_cell *bucket = token_bucket(token);
	u32 now = now_seconds();

	if (!choice || !bucket || server == 0 || server > MAX_SERVER_ID)
		return 0;
#pragma clang loop unroll(disable)
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int made = learn_once(bucket, token, server, now, choice);

		if (made < 0)
			continue;
		if (made > 0)
			count(COUNT_TOKENS_LEARNED);
		return made;
	}
	count(COUNT_TOKENS_REFUSED);
	return 0;
}

/* Takes away the claim of a server that is gone. What follows it moves up; when it was the oldest, joins begin to count anew. */
INLINE void forget_claim(struct token_cell *cell, u32 server)
{
	u64 word = *(volatile u64 *)&cell->claims;
	u64 left = claim_at(word, 0) == server ? 0 : word & ~CLAIMS_BUSY;
	u32 at = 0;

	for (int i = 0; i < MAX_CLAIMS; i++) {
		u64 claim = claim_at(word, i);

		if (claim == 0 || claim == server)
			continue;
		left |= claim << at;
		at += CLAIM_BITS;
	}
	if (claims_of(word) != CLAIMS_BUSY)
		__sync_val_compare_and_swap(&cell->claims, word, claims_of(left) == 0 ? 0 : left);
}

/* The place of the server that a join with this token is for, counted from 1, and its number; 0 when nobody in reach claims it. */
INLINE u32 place_of_token(const struct state *state, u32 token, u32 *owner)
{
	u32 zero = 0;
	volatile struct choice *choice = map_lookup(&choices, &zero);
	struct token_cell *bucket = token_bucket(token);
	struct token_cell *cell;
	u32 now = now_seconds();
	u32 number, tries, place;
	u64 word;

	if (!choice || !bucket)
		return 0;
	cell = find_token(bucket, token, now, choice);
	if (!cell)
		return 0;
	touch_token(cell, token, now, 1);
	word = __sync_fetch_and_add(&cell->claims, 1ull << TRIES_SHIFT);
	number = claims_in(word, choice);
	tries = (u32)(word >> TRIES_SHIFT);
	*owner = claim_at(word, number < 2 ? 0 : tries % number);
	place = place_of(state, *owner);
	if (place == 0)
		forget_claim(cell, *owner);
	return place;
}

#endif
