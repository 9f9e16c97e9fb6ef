#include "model/effect.h"

#include "base/check.h"

static const char *const kind_texts[] = {
#define X(name, text, meaning) text,
    EFFECT_KINDS(X)
#undef X
};

const char *effect_kind_text(enum effect_kind kind)
{
    CHECK((size_t)kind < ARRAY_COUNT(kind_texts));
    return kind_texts[kind];
}
