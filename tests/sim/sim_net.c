/* Machines, messages between them, and ports. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_state.h"

#define DELAY_MS_MAX 3 /* of an ordinary message */
#define LONG_DELAY_MS_MAX 8000
#define LOCAL_DELAY_MS_MAX 1
#define LOSS_PER_MILLE 10
#define LONG_DELAY_PER_MILLE 15
#define REPEAT_PER_MILLE 15

struct sim_message {
    struct sim_event event;
    struct sim *sim;
    struct sim_message *next;
    struct sim_message **link;
    struct sim_post post;
    uint32_t incarnation; /* of the receiver */
    _Alignas(max_align_t) unsigned char body[];
};

/* ---- Machines ---- */

unsigned sim_place_add(struct sim *sim)
{
    CHECK(sim->places_count < SIM_PLACES_MAX);
    return sim->places_count++;
}

void sim_place_set_up(struct sim *sim, unsigned place, bool up)
{
    sim_trace(sim, "machine %u is %s", place, up ? "up" : "down");
    sim->place_down[place] = !up;
}

bool sim_place_is_up(const struct sim *sim, unsigned place)
{
    return !sim->place_down[place];
}

unsigned sim_places(const struct sim *sim)
{
    return sim->places_count;
}

void sim_cut_for(struct sim *sim, unsigned from, unsigned to, uint64_t for_ms)
{
    sim_trace(sim, "messages from machine %u to %u are lost for %llu ms", from, to,
              (unsigned long long)for_ms);
    sim->cut_until_ms[from][to] = sim->now_ms + for_ms;
}

bool sim_is_cut(const struct sim *sim, unsigned from, unsigned to)
{
    return from != to && sim->now_ms < sim->cut_until_ms[from][to];
}

/* ---- Messages ---- */

static void message_free(struct sim_message *message)
{
    *message->link = message->next;
    if (message->next != NULL) {
        message->next->link = message->link;
    }
    if (message->post.release != NULL) {
        message->post.release(message->post.body);
    }
    free(message);
}

bool sim_carries(const struct sim *sim, unsigned from, unsigned to)
{
    return !sim->place_down[from] && !sim->place_down[to] && !sim_is_cut(sim, from, to);
}

static void receive(void *ctx)
{
    struct sim_message *message = ctx;

    message->post.arrive(message->sim, message->post.body);
}

static void on_arrival(void *ctx)
{
    struct sim_message *message = ctx;
    struct sim *sim = message->sim;
    struct sim_party *receiver = message->post.receiver;

    if (receiver != NULL && receiver->incarnation == message->incarnation && receiver->alive &&
        sim_event_hold(sim, &message->event, receiver)) {
        return;
    }
    if (!message->post.in_stream && !sim_carries(sim, message->post.from, message->post.to)) {
        message_free(message);
        return;
    }
    if (receiver == NULL) {
        receive(message);
    } else if (receiver->incarnation == message->incarnation) {
        sim_run_as(receiver, receive, message);
    }
    message_free(message);
}

uint64_t sim_delay_ms(struct sim *sim, unsigned from, unsigned to)
{
    if (from == to) {
        return sim_below(sim, SIM_CHANCE_NET, LOCAL_DELAY_MS_MAX + 1);
    }
    if (sim_strikes(sim, SIM_NET_DELAY, LONG_DELAY_PER_MILLE)) {
        return sim_fault_between(sim, SIM_NET_DELAY, 1, LONG_DELAY_MS_MAX);
    }
    return sim_between(sim, SIM_CHANCE_NET, 1, DELAY_MS_MAX);
}

static void post_one(struct sim *sim, const struct sim_post *post, const void *copied, size_t size)
{
    struct sim_message *message = mem_alloc(sizeof(*message) + size);

    CHECK(message != NULL);
    message->sim = sim;
    message->post = *post;
    message->incarnation = post->receiver == NULL ? 0 : post->receiver->incarnation;
    if (copied != NULL) {
        memcpy(message->body, copied, size);
        message->post.body = message->body;
    }
    message->next = sim->messages;
    message->link = &sim->messages;
    if (sim->messages != NULL) {
        sim->messages->link = &message->next;
    }
    sim->messages = message;
    sim_event_init(&message->event, NULL, on_arrival, message);
    sim_event_plan(sim, &message->event,
                   post->in_stream ? post->delay_ms : sim_delay_ms(sim, post->from, post->to));
}

static bool gets_lost(struct sim *sim, unsigned from, unsigned to)
{
    return !sim_carries(sim, from, to) ||
           (from != to && sim_strikes(sim, SIM_NET_LOSS, LOSS_PER_MILLE));
}

void sim_post(struct sim *sim, const struct sim_post *post)
{
    if (!post->in_stream && gets_lost(sim, post->from, post->to)) {
        if (post->release != NULL) {
            post->release(post->body);
        }
        return;
    }
    post_one(sim, post, NULL, 0);
}

void sim_send(struct sim *sim, unsigned from, unsigned to, bool may_repeat, sim_arrive_fn *arrive,
              const void *body, size_t size)
{
    const struct sim_post post = { .from = from, .to = to, .arrive = arrive };

    if (gets_lost(sim, from, to)) {
        return;
    }
    post_one(sim, &post, body, size);
    if (may_repeat && sim_strikes(sim, SIM_NET_DUPLICATE, REPEAT_PER_MILLE)) {
        post_one(sim, &post, body, size);
    }
}

void sim_net_deinit(struct sim *sim)
{
    while (sim->messages != NULL) {
        sim_event_cancel(sim, &sim->messages->event);
        message_free(sim->messages);
    }
}

/* ---- Ports ---- */

struct sim_port *sim_port_at(struct sim *sim, uint32_t ip, uint16_t port)
{
    struct sim_port *it = sim->ports;

    while (it != NULL && (it->ip != ip || it->port != port)) {
        it = it->next;
    }
    return it;
}

bool sim_listen(struct sim *sim, struct sim_port *port)
{
    if (sim_port_at(sim, port->ip, port->port) != NULL) {
        return false;
    }
    port->next = sim->ports;
    port->listener = ++sim->listeners;
    sim->ports = port;
    return true;
}

void sim_unlisten(struct sim *sim, struct sim_port *port)
{
    struct sim_port **link = &sim->ports;

    while (*link != NULL && *link != port) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = port->next;
        port->next = NULL;
    }
}

void sim_addresses(struct sim *sim, uint32_t ip_first, uint32_t count, unsigned place)
{
    CHECK(sim->ranges_count < SIM_RANGES_MAX);
    sim->ranges[sim->ranges_count++] =
        (struct sim_range){ .ip_first = ip_first, .count = count, .place = place };
}

void sim_writes_tell(struct sim *sim, sim_write_fn *fn, void *ctx)
{
    sim->write_told = fn;
    sim->write_ctx = ctx;
}

/* ---- Asking ---- */

struct sim_ask {
    struct sim *sim;
    struct sim_ask *next;
    struct sim_ask **link;
    uint64_t id;
    struct sim_party *party;
    struct sim_event patience;
    sim_ask_fn *done;
    void *ctx;
};

/* On its way there: key and value follow, each with a NUL. */
struct question {
    uint64_t id;
    unsigned from;
    unsigned to;
    uint32_t ip;
    uint16_t port;
    uint64_t listener;
    uint32_t round;
    enum sim_request_kind kind;
    uint32_t client;
    bool unanswered;
    size_t key_bytes;
    size_t value_bytes;
    char texts[];
};

/* On its way back; the value follows. */
struct answer {
    uint64_t id;
    uint64_t listener;
    uint32_t round;
    enum sim_outcome outcome;
    bool has_value;
    size_t value_bytes;
    char text[];
};

static void ask_free(struct sim_ask *ask)
{
    sim_event_cancel(ask->sim, &ask->patience);
    *ask->link = ask->next;
    if (ask->next != NULL) {
        ask->next->link = ask->link;
    }
    free(ask);
}

void sim_ask_drop(struct sim *sim, struct sim_ask *ask)
{
    (void)sim;
    if (ask != NULL) {
        ask_free(ask);
    }
}

void sim_asks_deinit(struct sim *sim)
{
    while (sim->asks != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes itself out of the list */
        ask_free(sim->asks);
    }
}

static void finish(struct sim_ask *ask, const struct sim_reply *reply)
{
    sim_ask_fn *done = ask->done;
    void *ctx = ask->ctx;

    ask_free(ask);
    done(ctx, reply);
}

static void on_patience_over(void *ctx)
{
    const struct sim_reply reply = { .outcome = SIM_TIMEOUT };

    finish(ctx, &reply);
}

/* ---- What arrives ---- */

struct delivery {
    struct sim_ask *ask;
    struct sim_reply reply;
};

static void deliver(void *ctx)
{
    struct delivery *delivery = ctx;

    finish(delivery->ask, &delivery->reply);
}

static struct sim_ask *find_ask(struct sim *sim, uint64_t id)
{
    struct sim_ask *ask = sim->asks;

    while (ask != NULL && ask->id != id) {
        ask = ask->next;
    }
    return ask;
}

static void on_answer(struct sim *sim, void *body)
{
    const struct answer *answer = body;
    struct sim_ask *ask = find_ask(sim, answer->id);
    struct delivery delivery;

    if (ask == NULL ||
        (ask->party != NULL && ask->party->incarnation != ask->patience.incarnation)) {
        return; /* dropped, or that process is dead */
    }
    delivery.ask = ask;
    delivery.reply = (struct sim_reply){ .outcome = answer->outcome,
                                         .value = answer->has_value ? answer->text : NULL,
                                         .value_bytes = answer->value_bytes,
                                         .listener = answer->listener,
                                         .round = answer->round };
    if (ask->party == NULL) {
        deliver(&delivery);
    } else {
        sim_run_as(ask->party, deliver, &delivery);
    }
}

static void send_answer(struct sim *sim, const struct question *question,
                        const struct sim_reply *reply)
{
    bool has_value = reply->value != NULL;
    size_t size = sizeof(struct answer) + (has_value ? reply->value_bytes : 0) + 1;
    struct answer *answer = mem_alloc(size);

    CHECK(answer != NULL);
    answer->id = question->id;
    answer->listener = reply->listener;
    answer->round = reply->round;
    answer->outcome = reply->outcome;
    answer->has_value = has_value;
    answer->value_bytes = has_value ? reply->value_bytes : 0;
    if (has_value && 0 < reply->value_bytes) {
        memcpy(answer->text, reply->value, reply->value_bytes);
    }
    sim_send(sim, question->to, question->from, false, on_answer, answer, size);
    free(answer);
}

static void on_question(struct sim *sim, void *body)
{
    const struct question *question = body;
    struct sim_port *port = sim_port_at(sim, question->ip, question->port);
    struct sim_reply reply = { .outcome = SIM_UNREACHABLE };
    struct sim_request request = { .kind = question->kind,
                                   .client = question->client,
                                   .round = question->round,
                                   .key = question->texts,
                                   .value = question->texts + question->key_bytes + 1,
                                   .value_bytes = question->value_bytes };

    if (port != NULL && (question->listener == 0 || question->listener == port->listener)) {
        reply.outcome = SIM_OK;
        reply.listener = port->listener;
        if (!port->serve(port->ctx, &request, &reply)) {
            return;
        }
    }
    if (!question->unanswered) {
        send_answer(sim, question, &reply);
    }
}

bool sim_place_of(const struct sim *sim, uint32_t ip, unsigned *out)
{
    size_t i;

    for (i = 0; i < sim->ranges_count; i++) {
        if (sim->ranges[i].ip_first <= ip && ip - sim->ranges[i].ip_first < sim->ranges[i].count) {
            *out = sim->ranges[i].place;
            return true;
        }
    }
    return false;
}

static void post_late(struct sim *sim, unsigned from, unsigned to, struct question *question)
{
    const struct sim_post post = { .from = from,
                                   .to = to,
                                   .in_stream = true,
                                   .delay_ms = SIM_LATE_MS,
                                   .arrive = on_question,
                                   .release = free,
                                   .body = question };

    sim_post(sim, &post);
}

static void send_question(struct sim *sim, unsigned from, uint64_t id, uint32_t ip, uint16_t port,
                          const struct sim_request *request)
{
    size_t key_bytes = request->key == NULL ? 0 : strlen(request->key);
    size_t value_bytes = request->value == NULL ? 0 : request->value_bytes;
    size_t size = sizeof(struct question) + key_bytes + 1 + value_bytes + 1;
    enum sim_harm harm = sim_doom_of_message(sim);
    struct question *question;
    unsigned to;

    if (!sim_place_of(sim, ip, &to) || harm == SIM_HARM_LOST) {
        return; /* nobody's address: silence */
    }
    question = mem_alloc(size);
    CHECK(question != NULL);
    *question = (struct question){ .id = id, .from = from, .to = to, .ip = ip, .port = port };
    question->kind = request->kind;
    question->client = request->client;
    question->listener = request->listener;
    question->round = request->round;
    question->unanswered = harm == SIM_HARM_UNANSWERED;
    question->key_bytes = key_bytes;
    question->value_bytes = value_bytes;
    if (0 < key_bytes) {
        memcpy(question->texts, request->key, key_bytes);
    }
    if (0 < value_bytes) {
        memcpy(question->texts + key_bytes + 1, request->value, value_bytes);
    }
    if (harm == SIM_HARM_LATE) {
        post_late(sim, from, to, question);
        return;
    }
    sim_send(sim, from, to, request->kind == SIM_REQUEST_SET, on_question, question, size);
    free(question);
}

struct sim_ask *sim_ask(struct sim *sim, uint32_t ip, uint16_t port,
                        const struct sim_request *request, uint64_t timeout_ms, sim_ask_fn *done,
                        void *ctx)
{
    struct sim_ask *ask = mem_alloc(sizeof(*ask));

    CHECK(ask != NULL);
    ask->sim = sim;
    ask->id = ++sim->asks_made;
    ask->party = sim->running;
    ask->done = done;
    ask->ctx = ctx;
    ask->next = sim->asks;
    ask->link = &sim->asks;
    if (sim->asks != NULL) {
        sim->asks->link = &ask->next;
    }
    sim->asks = ask;
    sim_event_init(&ask->patience, ask->party, on_patience_over, ask);
    sim_event_plan(sim, &ask->patience, timeout_ms);
    if (sim_alive(sim)) {
        CHECK(ask->party != NULL);
        send_question(sim, ask->party->place, ask->id, ip, port, request);
    }
    return ask;
}
