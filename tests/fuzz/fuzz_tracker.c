/*
 * The tracker against a model of memcached that frames by rules of its own.
 *
 * The first byte of the input chooses the listener and what the model makes of malformed lines,
 * the second one the sizes of packets; the rest is the client's stream. Whatever that is:
 * - what was handed on and what was taken out is the stream, in order, without loss;
 * - a command is taken out only where the model waits for a new one, never within data;
 * - the model never meets a command of the partition itself, unless the stream looks like TLS:
 * whatever a splitter by the model's rules finds is taken out.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "discovery/tracker.h"
#include "tests/fuzz/target.h"

#define STREAM_BYTES_MAX 65536
#define TLS_HANDSHAKE 0x16

enum odd_policy { ODD_TAKES_DATA, ODD_TAKES_NONE, ODD_SWALLOWS };

/* Memcached, as far as its reads show. */
struct model {
    enum odd_policy policy;
    bool binary;
    uint64_t data_left;
    bool swallows; /* the data goes through the read buffer */
    char buffer[STREAM_BYTES_MAX];
    size_t buffered;
    size_t capacity; /* of its buffer: it grows for a long get */
    bool filling;    /* it was filled, and is read into again before anything in it is looked at */
    bool closed;
    bool met_ours;
};

static size_t model_asks(const struct model *model)
{
    if (model->data_left != 0 && !model->filling) {
        return model->swallows && TRACKER_FRESH_BYTES < model->data_left ? TRACKER_FRESH_BYTES
                                                                         : (size_t)model->data_left;
    }
    return model->capacity - model->buffered;
}

static bool is_digits(const char *word, size_t size)
{
    size_t i;

    for (i = 0; i < size; i++) {
        if (word[i] < '0' || '9' < word[i]) {
            return false;
        }
    }
    return 0 < size && size < 10;
}

/* The number in the word at `place`, words being cut at spaces; -1 when there is none. */
static int64_t number_at(const char *line, size_t size, size_t place)
{
    size_t word = 0;
    size_t i = 0;
    size_t end;
    int64_t number = 0;

    while (i < size) {
        while (i < size && line[i] == ' ') {
            i++;
        }
        end = i;
        while (end < size && line[end] != ' ') {
            end++;
        }
        if (word == place && is_digits(line + i, end - i)) {
            for (; i < end; i++) {
                number = number * 10 + (line[i] - '0');
            }
            return number;
        }
        word++;
        i = end;
    }
    return -1;
}

static bool begins_with(const char *line, size_t size, const char *verb)
{
    size_t verb_bytes = strlen(verb);

    while (0 < size && *line == ' ') {
        line++;
        size--;
    }
    return verb_bytes <= size && memcmp(line, verb, verb_bytes) == 0;
}

/* The length that a line of a store command announces, by the model's rules; -1 for none. */
static int64_t announced(const char *line, size_t size)
{
    static const char *const verbs[] = {
        "set ", "add ", "replace ", "append ", "prepend ", "cas "
    };
    size_t i;

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (begins_with(line, size, verbs[i])) {
            return number_at(line, size, 4);
        }
    }
    return begins_with(line, size, "ms ") ? number_at(line, size, 2) : -1;
}

/* Behind a line without its end: how much data does the model take? */
static uint64_t data_behind(const struct model *model, const struct request *request,
                            const char *line, size_t size)
{
    int64_t number = announced(line, size);
    uint64_t data = number < 0 ? 0 : (uint64_t)number + 2;

    if (request->kind != REQUEST_ODD) { /* all agree on these lines, so the model must */
        CHECK(request->body_bytes == data);
        return data;
    }
    CHECK(data <= request->odd_bytes_max);
    return model->policy == ODD_TAKES_NONE ? 0 : data;
}

static size_t model_text(struct model *model, const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);
    struct request request;
    size_t line_bytes;

    if (end == NULL) {
        model->closed = REQUEST_LINE_MAX < size && !begins_with(bytes, size, "get ") &&
                        !begins_with(bytes, size, "gets ");
        return 0;
    }
    line_bytes = (size_t)(end - bytes);
    CHECK(request_parse(REQUEST_TEXT, bytes, size, &request) == 0);
    CHECK(request.head_bytes == line_bytes + 1);
    model->met_ours |= request_is_ours(&request);
    model->swallows = model->policy == ODD_SWALLOWS;
    if (0 < line_bytes && end[-1] == '\r') {
        line_bytes--;
    }
    model->data_left = request_is_ours(&request) ? request.body_bytes
                                                 : data_behind(model, &request, bytes, line_bytes);
    return request.head_bytes;
}

static size_t model_binary(struct model *model, const char *bytes, size_t size)
{
    struct request request;

    if (request_parse(REQUEST_BINARY, bytes, size, &request) != 0) {
        return 0;
    }
    model->closed = request.kind == REQUEST_FATAL;
    model->met_ours |= request_is_ours(&request);
    model->swallows = model->policy == ODD_SWALLOWS;
    model->data_left = request.body_bytes;
    if (request.kind == REQUEST_ODD && model->policy != ODD_TAKES_NONE) {
        model->data_left = request.odd_bytes_max;
    }
    return request.head_bytes;
}

/* Look at what is in the buffer. */
static void model_looks(struct model *model)
{
    size_t used = 1;
    size_t at = 0;

    model->filling = false;
    while (at < model->buffered && used != 0 && !model->closed) {
        size_t left = model->buffered - at;

        if (model->data_left != 0) {
            used = model->data_left < left ? (size_t)model->data_left : left;
            model->data_left -= used;
        } else {
            used = model->binary ? model_binary(model, model->buffer + at, left)
                                 : model_text(model, model->buffer + at, left);
        }
        at += used;
    }
    memmove(model->buffer, model->buffer + at, model->buffered - at);
    model->buffered -= at;
    if (model->buffered == 0) {
        model->capacity = TRACKER_FRESH_BYTES;
    } else if (REQUEST_LINE_MAX < model->buffered && !model->binary &&
               (model->capacity == TRACKER_FRESH_BYTES || model->buffered == model->capacity)) {
        model->capacity *= 2;
    }
}

/* Memcached has read these bytes. */
static void model_takes(struct model *model, const char *bytes, size_t size)
{
    const bool full = size == model_asks(model);
    const bool into_buffer = model->data_left == 0 || model->filling;

    CHECK(size <= model_asks(model));
    CHECK(size <= sizeof(model->buffer) - model->buffered);
    memcpy(model->buffer + model->buffered, bytes, size);
    model->buffered += size;
    model->filling = full && into_buffer && model->capacity != TRACKER_FRESH_BYTES;
    if (model->filling) {
        model->capacity *= 2;
    } else {
        model_looks(model);
    }
}

struct run {
    struct tracker tracker;
    struct model model;
    const char *stream;
    size_t size;
    size_t at;      /* of the stream: handed on or taken out */
    size_t visible; /* of the stream: has come in */
    uint32_t random;
};

static size_t packet(struct run *run)
{
    run->random = run->random * 1664525U + 1013904223U;
    return 1 + (run->random >> 16) % (run->random % 3 == 0 ? 5000U : 40U);
}

static void more_comes(struct run *run)
{
    size_t size = packet(run);

    run->visible += run->size - run->visible < size ? run->size - run->visible : size;
}

/* Take a command of ours out of the stream. False: its data has not come yet, and never will. */
static bool take_out(struct run *run, const struct request *ours)
{
    uint64_t whole = ours->head_bytes + ours->body_bytes;

    CHECK(run->model.data_left == 0);
    CHECK(run->model.buffered == 0);
    CHECK(!run->model.filling);
    if (run->size - run->at < whole) {
        return false;
    }
    run->at += (size_t)whole;
    if (run->visible < run->at) {
        run->visible = run->at;
    }
    return true;
}

/* One read of memcached's. False: nothing more can happen. */
static bool one_read(struct run *run)
{
    size_t asked = model_asks(&run->model);
    enum tracker_verdict verdict;
    struct request ours;
    size_t shown;
    size_t used;

    verdict = tracker_ask(&run->tracker, asked);
    if (verdict == TRACKER_CLOSE) {
        return false;
    }
    if (verdict == TRACKER_LATER) {
        if (run->model.filling) {
            model_looks(&run->model);
        }
        return !run->model.closed;
    }
    for (;;) {
        shown = run->visible - run->at < asked ? run->visible - run->at : asked;
        verdict = tracker_scan(&run->tracker, run->stream + run->at, shown, &used, &ours);
        CHECK(used <= shown);
        if (used != 0) {
            model_takes(&run->model, run->stream + run->at, used);
            run->at += used;
            CHECK(!run->model.met_ours || run->stream[0] == TLS_HANDSHAKE);
            return !run->model.closed;
        }
        CHECK(verdict != TRACKER_CUT || shown == 0);
        if (verdict == TRACKER_OURS) {
            if (!take_out(run, &ours)) {
                return false;
            }
        } else if (run->visible == run->size) {
            return false;
        } else {
            more_comes(run);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run run;

    if (size < 3 || STREAM_BYTES_MAX < size) {
        return 0;
    }
    run.stream = (const char *)data + 2;
    run.size = size - 2;
    run.at = 0;
    run.visible = 0;
    run.random = data[1];
    run.model.policy = data[0] % 3;
    run.model.binary = data[2] == REQUEST_BINARY_MAGIC;
    run.model.data_left = 0;
    run.model.buffered = 0;
    run.model.capacity = TRACKER_FRESH_BYTES;
    run.model.filling = false;
    run.model.closed = false;
    run.model.met_ours = false;
    tracker_init(&run.tracker, TRACKER_ANY);
    while (one_read(&run)) {
    }
    return 0;
}
