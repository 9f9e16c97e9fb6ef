/*
 * follow - look at what is below a prefix, again after each change, until a question is answered.
 *
 * Keys are followed by one watch; nothing is polled. The facts given to the callback are made
 * anew each time; they are the callback's to change, and valid during the call only.
 */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "client/context.h"
#include "client/facts.h"

#define FOLLOW_KEYS_MAX 4

struct follow;

/* The copy is whole and has changed, or is whole for the first time. */
typedef void follow_fn(void *ctx, struct facts *facts);

/* Follow all keys that begin with `key` (a full key, copied). `changed` never runs inside the call.
 */
MUST_USE int follow_new(struct context *context, const char *key, follow_fn *changed, void *ctx,
                        struct follow **out, struct err *err);
/* Follow those that begin with `key` as well; before the loop runs again. */
MUST_USE int follow_also(struct follow *follow, const char *key, struct err *err);
/* Have `trouble` called with the reason when the store can't be heard, and with "" when it is heard
 * again. */
typedef void follow_trouble_fn(void *ctx, const char *reason);
void follow_tell_trouble(struct follow *follow, follow_trouble_fn *trouble);
void follow_free(struct follow *follow);
DEFINE_CLEANUP(struct follow, follow_free);

/*
 * Run the loop until `*done`, which the callback sets. ERR_UNAVAILABLE when the first look does not
 * come within the context's time limit, or the store can't be heard at the end; ERR_TIMEOUT after
 * `timeout_ms` (UINT64_MAX: never), of which the caller says what it hangs at; ERR_CANCELED.
 */
MUST_USE int follow_until(struct follow *follow, const bool *done, uint64_t timeout_ms,
                          struct err *err);

/* Why the store can't be heard at the moment; "" when it can. */
const char *follow_trouble(const struct follow *follow);

/* Call `changed` once more, with what is known now. For clocks and terminals. */
void follow_touch(struct follow *follow);

#endif
