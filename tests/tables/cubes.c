#include "tables/cubes.h"

#include "base/check.h"

/* Bits that are decided: those of `set` are in the input, those of `clear` are not. */
struct partial {
    uint64_t set;
    uint64_t clear;
};

enum verdict { VERDICT_OUT, VERDICT_OPEN, VERDICT_IN };

void cube_list_add(struct cube_list *list, uint64_t need, uint64_t deny)
{
    CHECK(list->count < CUBE_LIST_MAX);
    list->cubes[list->count++] = (struct cube){ .need = need, .deny = deny };
}

/* Whether what is decided puts the input out of the cube, or into it; else what is open. */
static enum verdict judge(const struct cube *cube, const struct partial *input, struct cube *open)
{
    if ((cube->need & cube->deny) != 0 || (cube->need & input->clear) != 0 ||
        (cube->deny & input->set) != 0) {
        return VERDICT_OUT;
    }
    open->need = cube->need & ~input->set;
    open->deny = cube->deny & ~input->clear;
    return (open->need | open->deny) == 0 ? VERDICT_IN : VERDICT_OPEN;
}

static bool is_one_bit(uint64_t bits)
{
    return bits != 0 && (bits & (bits - 1)) == 0;
}

/* `input` with one more bit decided. */
static struct partial decide(struct partial input, uint64_t bit, bool value)
{
    if (value) {
        input.set |= bit;
    } else {
        input.clear |= bit;
    }
    return input;
}

/* An open bit, and in `*value` what it must be for the input to leave the cube. */
static uint64_t way_out(const struct cube *open, bool *value)
{
    *value = open->need == 0;
    return open->need != 0 ? open->need & -open->need : open->deny & -open->deny;
}

/*
 * Decide what must be so for the input to stay out of all cubes. Returns false when that can't
 * be. `*split` is a cube that it may still be in; NULL: it is out of them all.
 */
static bool propagate(const struct cube_list *outside, struct partial *input,
                      const struct cube **split)
{
    bool again = true;
    struct cube open;
    uint64_t bit;
    bool value;
    size_t i;

    while (again) {
        again = false;
        *split = NULL;
        for (i = 0; i < outside->count; i++) {
            enum verdict verdict = judge(&outside->cubes[i], input, &open);

            if (verdict == VERDICT_IN) {
                return false;
            }
            if (verdict == VERDICT_OPEN && is_one_bit(open.need | open.deny)) {
                bit = way_out(&open, &value);
                *input = decide(*input, bit, value);
                again = true;
            } else if (verdict == VERDICT_OPEN) {
                *split = &outside->cubes[i];
            }
        }
    }
    return true;
}

/* Each level decides at least one bit more, so it goes no deeper than there are bits. */
static bool search(const struct cube_list *outside, struct partial input, uint64_t *example)
{
    const struct cube *split;
    struct cube open = { 0 };
    uint64_t bit;
    bool value;

    if (!propagate(outside, &input, &split)) {
        return false;
    }
    if (split == NULL) {
        *example = input.set;
        return true;
    }
    (void)judge(split, &input, &open);
    bit = way_out(&open, &value);
    return search(outside, decide(input, bit, value), example) ||
           search(outside, decide(input, bit, !value), example);
}

bool cubes_find(struct cube inside, const struct cube_list *outside, uint64_t *example)
{
    struct partial input = { .set = inside.need, .clear = inside.deny };

    return (inside.need & inside.deny) == 0 && search(outside, input, example);
}
