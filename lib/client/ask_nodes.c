#include "client/ask_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "memd/memtext.h"

#define REQUEST_SIZE (ASK_NODES_GROUP_MAX + 16)

struct asking {
    const struct node_asker *asker;
    struct arena *arena;
    char request[REQUEST_SIZE];
    struct node_answer *answers;
    struct question *questions;
    size_t count;
    size_t begun;
    size_t ended;
    bool done;
};

struct question {
    struct asking *asking;
    struct node_answer *answer;
    struct memtext *memtext;
};

static void begin_more(struct asking *asking);

static void end(struct question *question)
{
    struct asking *asking = question->asking;

    memtext_free(question->memtext);
    question->memtext = NULL;
    asking->ended++;
    asking->done = asking->ended == asking->count;
}

/* "" when there is no memory for more. */
static void note_problem(struct question *question, const char *text)
{
    const struct node_asker *asker = question->asking->asker;
    const bool plain = asker->tls == NULL || *asker->tls == NULL;
    /* So does a port that takes TLS only. */
    const bool closed = plain && strcmp(text, MEMTEXT_CLOSED) == 0;
    const char *copy = arena_printf(question->asking->arena, "%s%s", text,
                                    closed ? " (where ports want TLS: --discovery-ca)" : "");

    question->answer->problem = copy == NULL ? "" : copy;
}

static void on_answer(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct question *question = ctx;
    struct asking *asking = question->asking;

    if (reply == NULL) {
        note_problem(question, err->msg);
    } else if (reply_bytes != 3 && strncmp(reply, "STAT ", 5) != 0) {
        note_problem(question, "it does not know the question");
    } else {
        question->answer->rows = arena_strndup(asking->arena, reply, reply_bytes);
    }
    end(question);
    begin_more(asking);
}

static void begin(struct question *question)
{
    struct asking *asking = question->asking;
    struct err err;
    int rv = memtext_new(asking->asker->loop, question->answer->ip, question->answer->port,
                         ASK_NODES_TIMEOUT_MS, &question->memtext, &err);

    if (rv == 0) {
        memtext_use_tls(question->memtext, asking->asker->tls);
        rv = memtext_ask(question->memtext, asking->request, strlen(asking->request), MEMTEXT_END,
                         on_answer, question, &err);
    }
    if (rv < 0) {
        note_problem(question, err.msg);
        end(question);
    }
}

static void begin_more(struct asking *asking)
{
    while (asking->begun < asking->count && asking->begun - asking->ended < ASK_NODES_AT_ONCE_MAX) {
        struct question *question = &asking->questions[asking->begun];

        question->asking = asking;
        question->answer = &asking->answers[asking->begun];
        asking->begun++;
        begin(question);
    }
}

int ask_nodes(const struct node_asker *asker, const char *group, struct node_answer *answers,
              size_t count, struct arena *arena, struct err *err)
{
    struct asking asking = {
        .asker = asker, .arena = arena, .answers = answers, .count = count, .done = count == 0
    };
    size_t i;
    int rv;

    if (REQUEST_SIZE <= snprintf(asking.request, REQUEST_SIZE, "stats%s%s\r\n",
                                 group[0] == '\0' ? "" : " ", group)) {
        return err_set(err, ERR_LIMIT, "the name of a group of stats is too long");
    }
    asking.questions = arena_calloc(arena, count + 1, sizeof(*asking.questions));
    if (asking.questions == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (i = 0; i < count; i++) {
        answers[i].rows = NULL;
        answers[i].problem = "";
    }
    begin_more(&asking);
    rv = asking.done ? 0 : loop_run_until(asker->loop, &asking.done, UINT64_MAX, err);
    for (i = 0; i < count; i++) {
        memtext_free(asking.questions[i].memtext);
    }
    return rv;
}

static void copy_cut(char *to, size_t room, const char *from, size_t size)
{
    size = size < room ? size : room - 1;
    memcpy(to, from, size);
    to[size] = '\0';
}

bool answer_row(const char **at, char name[ASK_NODES_NAME_SIZE], char value[ASK_NODES_VALUE_SIZE])
{
    const char *line = *at;
    size_t name_bytes;

    if (strncmp(line, "STAT ", 5) != 0) {
        return false;
    }
    line += 5;
    name_bytes = strcspn(line, " \r\n");
    copy_cut(name, ASK_NODES_NAME_SIZE, line, name_bytes);
    line += name_bytes;
    line += *line == ' ' ? 1 : 0;
    copy_cut(value, ASK_NODES_VALUE_SIZE, line, strcspn(line, "\r\n"));
    line += strcspn(line, "\n");
    *at = line + (*line == '\n' ? 1 : 0);
    return true;
}
