#include "discovery/tracker.h"

#include <string.h>

#include "base/check.h"

#define TLS_HANDSHAKE 0x16 /* the first byte of a TLS client; no command begins with it */
#define INDENT_MAX 100     /* memcached's limit for spaces before a long multi-get */

void tracker_init(struct tracker *tracker, enum tracker_listener listener)
{
    *tracker = (struct tracker){ .state = TRACKER_START, .listener = listener };
}

void tracker_guard(struct tracker *tracker, enum login_kind kind)
{
    login_init(&tracker->login, kind);
}

bool tracker_listens(const struct tracker *tracker)
{
    return login_listens(&tracker->login);
}

void tracker_hear(struct tracker *tracker, const char *bytes, size_t size)
{
    login_hear(&tracker->login, bytes, size);
}

/* Behind an odd line: does memcached wait for a new command, or for data? */
static enum tracker_verdict settle(struct tracker *tracker, size_t asked)
{
    if (tracker->owed_bytes != 0) {
        if (tracker->owed_bytes < asked) {
            tracker->state = TRACKER_OPAQUE;
        }
        return TRACKER_ALL;
    }
    if (asked != TRACKER_FRESH_BYTES) {
        tracker->owed_bytes = asked;
        return TRACKER_ALL;
    }
    if (TRACKER_FRESH_BYTES <= tracker->odd_bytes) {
        return TRACKER_CLOSE;
    }
    tracker->state = TRACKER_COMMAND;
    login_judge(&tracker->login);
    return TRACKER_ALL;
}

/*
 * Memcached carries out all that it has before it reads. A login that it accepts ends with a line
 * end, and so does at most each piece that it was given: behind one, its buffer is empty.
 */
static void follow_login(struct tracker *tracker, size_t asked)
{
    login_judge(&tracker->login);
    if (tracker->login.passed) {
        tracker->state = asked == TRACKER_FRESH_BYTES ? TRACKER_COMMAND : TRACKER_OPAQUE;
    }
}

/*
 * A buffer that was enlarged for a long line and then filled is enlarged again and read into
 * before any command in it is carried out. Neither tells such a read what memcached waits for,
 * nor may ours be answered yet: earlier answers are still to come. Being told "nothing now" once
 * too often does no harm: memcached asks again.
 */
static bool only_fills_its_buffer(struct tracker *tracker, size_t asked)
{
    const bool filled = tracker->filled && TRACKER_FRESH_BYTES < asked;

    tracker->filled = false;
    tracker->asked_bytes = asked;
    if (tracker->state == TRACKER_BODY) {
        return filled && tracker->owed_bytes < asked;
    }
    return filled && (tracker->state == TRACKER_COMMAND || tracker->state == TRACKER_SETTLING);
}

enum tracker_verdict tracker_ask(struct tracker *tracker, size_t asked)
{
    if (only_fills_its_buffer(tracker, asked)) {
        return TRACKER_LATER;
    }
    switch (tracker->state) {
    case TRACKER_START:
    case TRACKER_COMMAND:
        if (asked != TRACKER_FRESH_BYTES) {
            tracker->state = TRACKER_OPAQUE;
        }
        tracker->enlarged = false;
        break;
    case TRACKER_LOGIN:
        follow_login(tracker, asked);
        break;
    case TRACKER_BODY:
        if (tracker->owed_bytes < asked) {
            tracker->state = TRACKER_OPAQUE;
        }
        break;
    case TRACKER_SETTLING:
        return settle(tracker, asked);
    case TRACKER_LONG_LINE:
    case TRACKER_OPAQUE:
        break;
    }
    return TRACKER_ALL;
}

static void start(struct tracker *tracker, char first)
{
    tracker->state = TRACKER_COMMAND;
    tracker->protocol = REQUEST_TEXT;
    if (tracker->listener == TRACKER_BINARY_ONLY ||
        (tracker->listener == TRACKER_ANY && (unsigned char)first == REQUEST_BINARY_MAGIC)) {
        tracker->protocol = REQUEST_BINARY;
    } else if (first == TLS_HANDSHAKE) {
        tracker->state = TRACKER_OPAQUE;
    } else if (tracker->login.kind == LOGIN_TEXT) {
        tracker->state = TRACKER_LOGIN;
    }
}

/* Memcached reads on only in a get; any other line of this length ends the connection. */
static void start_long_line(struct tracker *tracker, const char *bytes, size_t size)
{
    size_t indent = 0;

    while (indent < size && bytes[indent] == ' ') {
        indent++;
    }
    bytes += indent;
    tracker->state =
        indent <= INDENT_MAX && (memcmp(bytes, "get ", 4) == 0 || memcmp(bytes, "gets ", 5) == 0)
            ? TRACKER_LONG_LINE
            : TRACKER_OPAQUE;
    tracker->enlarged = true;
}

/* Step over a command of memcached's. TRACKER_CUT: hand on no more than its head. */
static enum tracker_verdict step_over(struct tracker *tracker, const struct request *request)
{
    if (request->kind == REQUEST_ODD || request->kind == REQUEST_UNKNOWN) {
        tracker->state = TRACKER_SETTLING;
        tracker->owed_bytes = 0;
        tracker->odd_bytes = request->odd_bytes_max;
        return TRACKER_CUT;
    }
    if (request->kind == REQUEST_FATAL) {
        tracker->state = TRACKER_OPAQUE;
    } else if (request->body_bytes != 0) {
        tracker->state = TRACKER_BODY;
        tracker->owed_bytes = request->body_bytes;
    }
    return TRACKER_ALL;
}

/* Without a login it is memcached's, which refuses it and closes. */
static enum tracker_verdict claim(struct tracker *tracker, const struct request *request,
                                  struct request *ours)
{
    if (!login_open(&tracker->login)) {
        tracker->state = TRACKER_OPAQUE;
        return TRACKER_ALL;
    }
    *ours = *request;
    return TRACKER_OURS;
}

/*
 * A binary command that changes the login goes to memcached alone, so that the next answer is the
 * one to it. How much data it takes along is memcached's to say.
 */
static enum tracker_verdict step_to_login(struct tracker *tracker, const struct request *request,
                                          bool alone, size_t *used)
{
    if (!alone) {
        return TRACKER_CUT;
    }
    *used = request->head_bytes;
    tracker->state = TRACKER_SETTLING;
    tracker->owed_bytes = 0;
    tracker->odd_bytes =
        request->kind == REQUEST_ODD ? request->odd_bytes_max : request->body_bytes;
    login_begin(&tracker->login, request->opcode);
    return TRACKER_CUT;
}

/* `alone`: nothing was handed on before it. */
static enum tracker_verdict scan_command(struct tracker *tracker, const char *bytes, size_t size,
                                         bool alone, size_t *used, struct request *ours)
{
    struct request request;
    int rv = request_parse(tracker->protocol, bytes, size, &request);

    *used = 0;
    if (rv == REQUEST_PARTIAL) {
        return TRACKER_PARTIAL;
    }
    if (rv == REQUEST_LONG) {
        start_long_line(tracker, bytes, size);
        return TRACKER_ALL;
    }
    if (tracker->login.kind == LOGIN_BINARY && request.kind != REQUEST_FATAL &&
        login_is_command(request.opcode)) {
        return step_to_login(tracker, &request, alone, used);
    }
    if (request_is_ours(&request)) {
        return claim(tracker, &request, ours);
    }
    *used = request.head_bytes;
    return step_over(tracker, &request);
}

static size_t pay(struct tracker *tracker, size_t size)
{
    size_t paid = tracker->owed_bytes < size ? (size_t)tracker->owed_bytes : size;

    tracker->owed_bytes -= paid;
    return paid;
}

static size_t scan_body(struct tracker *tracker, size_t size)
{
    size_t paid = pay(tracker, size);

    if (tracker->owed_bytes == 0) {
        tracker->state = TRACKER_COMMAND;
    }
    return paid;
}

static size_t scan_settling(struct tracker *tracker, size_t size)
{
    size_t paid = pay(tracker, size);

    tracker->odd_bytes = paid < tracker->odd_bytes ? tracker->odd_bytes - paid : 0;
    return paid;
}

/* Up to the first line end: no piece holds more than one. */
static size_t scan_login(const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);

    return end == NULL ? size : (size_t)(end - bytes) + 1;
}

static size_t scan_long_line(struct tracker *tracker, const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);

    if (end == NULL) {
        return size;
    }
    tracker->state = TRACKER_COMMAND;
    return (size_t)(end - bytes) + 1;
}

enum tracker_verdict tracker_scan(struct tracker *tracker, const char *bytes, size_t size,
                                  size_t *used, struct request *ours)
{
    enum tracker_verdict verdict = TRACKER_ALL;
    size_t at = 0;
    size_t step;

    while (at < size && verdict == TRACKER_ALL) {
        step = 0;
        switch (tracker->state) {
        case TRACKER_START:
            start(tracker, bytes[at]);
            break;
        case TRACKER_COMMAND:
            verdict = scan_command(tracker, bytes + at, size - at, at == 0, &step, ours);
            break;
        case TRACKER_LOGIN:
            step = scan_login(bytes + at, size - at);
            verdict = TRACKER_CUT;
            break;
        case TRACKER_BODY:
            step = scan_body(tracker, size - at);
            break;
        case TRACKER_LONG_LINE:
            step = scan_long_line(tracker, bytes + at, size - at);
            break;
        case TRACKER_SETTLING:
            step = scan_settling(tracker, size - at);
            verdict = step == 0 ? TRACKER_CUT : TRACKER_ALL;
            break;
        case TRACKER_OPAQUE:
            step = size - at;
            break;
        }
        at += step;
    }
    CHECK(at <= size);
    tracker->filled = tracker->enlarged && at == tracker->asked_bytes;
    *used = at;
    return verdict;
}
