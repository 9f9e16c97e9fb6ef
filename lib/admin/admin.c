#include "admin/admin.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "admin/apart.h"
#include "admin/listen.h"
#include "base/check.h"
#include "base/mem.h"

#define RETRY_AFTER_S "1"

struct admin {
    struct loop *loop;
    struct admin_options options;
    struct MHD_Daemon *daemon;
    struct loop_fd *watch;    /* of the daemon's epoll descriptor */
    struct loop_timer *timer; /* of its idle connections */
    struct apart *apart;
    char address[ADMIN_ADDRESS_SIZE];
};

/* One request, from its first line to its end. */
struct request {
    struct admin *admin;
    struct MHD_Connection *connection;
    const struct admin_path *path;
    char *rest;
    struct admin_reply reply;
    bool waits; /* its answer is being made apart; the connection is suspended */
    bool gone;  /* nobody waits for the answer any more */
};

/* ---- On the loop ---- */

/* Have the server look at its sockets, and come back when it wants to. */
static void turn(struct admin *admin)
{
    MHD_UNSIGNED_LONG_LONG after_ms;

    (void)MHD_run(admin->daemon);
    if (MHD_get_timeout(admin->daemon, &after_ms) == MHD_YES) {
        loop_timer_start(admin->timer, after_ms);
    } else {
        loop_timer_stop(admin->timer);
    }
}

static void on_timer(void *ctx)
{
    turn(ctx);
}

static void on_socket(void *ctx, unsigned events)
{
    (void)events;
    turn(ctx);
}

/* ---- Answers ---- */

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct admin_reply *reply)
{
    struct MHD_Response *response;
    enum MHD_Result result;

    if (str_failed(&reply->body)) {
        reply->status = ADMIN_STATUS_FAILED;
        reply->type = ADMIN_TYPE_TEXT;
        str_clear(&reply->body);
    }
    response =
        MHD_create_response_from_buffer(reply->body.size, reply->body.bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        return MHD_NO;
    }
    str_init(&reply->body, ADMIN_REPLY_BYTES_MAX); /* its bytes are the response's now */
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    if (reply->status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
    }
    if (reply->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct request *request, unsigned status, const char *text)
{
    request->reply.status = status;
    str_append_text(&request->reply.body, text);
    return send_reply(request->connection, &request->reply);
}

static enum MHD_Result list_paths(struct request *request)
{
    const struct admin_options *options = &request->admin->options;
    struct str *body = &request->reply.body;
    size_t i;

    str_append_text(body, "There is no such path. These are:\n");
    for (i = 0; i < options->count; i++) {
        str_appendf(body, "  %-12s %s\n", options->paths[i].path, options->paths[i].help);
    }
    return refuse(request, ADMIN_STATUS_NOT_FOUND, "");
}

static const struct admin_path *find_path(const struct admin *admin, const char *url, size_t *size)
{
    size_t i;

    for (i = 0; i < admin->options.count; i++) {
        const struct admin_path *path = &admin->options.paths[i];

        *size = strlen(path->path);
        if (path->path[*size - 1] == '/' ? strncmp(url, path->path, *size) == 0
                                         : strcmp(url, path->path) == 0) {
            return path;
        }
    }
    return NULL;
}

/* ---- Answers that are made apart ---- */

static void request_free(struct request *request)
{
    str_deinit(&request->reply.body);
    free(request->rest);
    free(request);
}

static void work(void *ctx)
{
    struct request *request = ctx;

    request->path->answer(request->admin->options.ctx, request->rest, &request->reply);
}

static void worked(void *ctx)
{
    struct request *request = ctx;

    request->waits = false;
    if (request->gone) {
        request_free(request);
        return;
    }
    MHD_resume_connection(request->connection);
    loop_timer_start(request->admin->timer, 0);
}

static enum MHD_Result answer(struct request *request)
{
    struct err err;

    if (!request->path->apart) {
        request->path->answer(request->admin->options.ctx, request->rest, &request->reply);
        return send_reply(request->connection, &request->reply);
    }
    if (apart_start(request->admin->apart, work, worked, request, &err) < 0) {
        return refuse(request, ADMIN_STATUS_UNAVAILABLE, "Too many ask at once.\n");
    }
    request->waits = true;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

/* ---- Requests ---- */

static struct request *request_new(struct admin *admin, struct MHD_Connection *connection)
{
    struct request *request = mem_alloc(sizeof(*request));

    if (request == NULL) {
        return NULL;
    }
    request->admin = admin;
    request->connection = connection;
    request->reply.status = ADMIN_STATUS_OK;
    request->reply.type = ADMIN_TYPE_TEXT;
    str_init(&request->reply.body, ADMIN_REPLY_BYTES_MAX);
    return request;
}

static enum MHD_Result begin(struct request *request, const char *method, const char *url)
{
    size_t size;

    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
    }
    request->path = find_path(request->admin, url, &size);
    if (request->path == NULL) {
        return list_paths(request);
    }
    request->rest = mem_strdup(url + size);
    return request->rest == NULL ? MHD_NO : answer(request);
}

/* Called with a request's headers, and again when its connection was resumed. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct request *request = *state;

    (void)version;
    (void)upload;
    *upload_size = 0;
    if (request != NULL) {
        return send_reply(connection, &request->reply);
    }
    request = request_new(ctx, connection);
    if (request == NULL) {
        return MHD_NO;
    }
    *state = request;
    return begin(request, method, url);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *state;

    (void)ctx;
    (void)connection;
    (void)code;
    *state = NULL;
    if (request == NULL) {
        return;
    }
    if (request->waits) {
        request->gone = true; /* the thread still writes to it */
        return;
    }
    request_free(request);
}

/* ---- Life ---- */

static int start(struct admin *admin, struct err *err)
{
    const union MHD_DaemonInfo *info;
    int fd;
    int rv = listen_open(admin->options.listen, &fd, admin->address, err);

    if (rv < 0) {
        return rv;
    }
    admin->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, admin,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, admin,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)ADMIN_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)ADMIN_REQUEST_BYTES_MAX,
        MHD_OPTION_END);
    if (admin->daemon == NULL) {
        fd_close_p(&fd);
        return err_set(err, ERR_FAILED, "the HTTP server at %s can't start", admin->address);
    }
    info = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    CHECK(info != NULL);
    rv = loop_fd_new(admin->loop, info->epoll_fd, on_socket, admin, &admin->watch, err);
    if (0 <= rv) {
        loop_fd_want(admin->watch, LOOP_READABLE);
    }
    return rv;
}

int admin_new(struct loop *loop, const struct admin_options *options, struct admin **out,
              struct err *err)
{
    CLEANUP(admin_free_p) struct admin *admin = mem_alloc(sizeof(*admin));
    int rv;

    if (admin == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    CHECK(options->count <= ADMIN_PATHS_MAX);
    admin->loop = loop;
    admin->options = *options;
    rv = loop_timer_new(loop, on_timer, admin, &admin->timer, err);
    if (0 <= rv) {
        rv = apart_new(loop, ADMIN_APART_MAX, &admin->apart, err);
    }
    if (0 <= rv) {
        rv = start(admin, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(admin);
    return 0;
}

int admin_open(struct loop *loop, const struct admin_options *options, const struct log *log,
               struct admin **out, struct err *err)
{
    int rv;

    *out = NULL;
    if (strcmp(options->listen, ADMIN_NONE) == 0) {
        return 0;
    }
    rv = admin_new(loop, options, out, err);
    if (rv == ERR_CONFLICT && strcmp(options->listen, options->usual) == 0) {
        log_write(log, LOG_WARN, "admin-port-taken", LOG_TEXT("address", options->listen),
                  LOG_TEXT("remedy", "--admin-listen"));
        return 0;
    }
    if (rv < 0) {
        return err_wrap(err, "--admin-listen");
    }
    log_write(log, LOG_INFO, "admin-listens", LOG_TEXT("address", (*out)->address));
    return 0;
}

/* The threads first: no connection may be suspended when the server ends. */
void admin_free(struct admin *admin)
{
    if (admin == NULL) {
        return;
    }
    apart_free(admin->apart);
    loop_fd_free(admin->watch);
    if (admin->daemon != NULL) {
        MHD_stop_daemon(admin->daemon);
    }
    loop_timer_free(admin->timer);
    free(admin);
}

void admin_fail(struct admin_reply *reply, unsigned status, const struct err *err)
{
    reply->status = status;
    reply->type = ADMIN_TYPE_TEXT;
    str_clear(&reply->body);
    str_appendf(&reply->body, "%s\n", err->msg);
}

const char *admin_address(const struct admin *admin)
{
    return admin->address;
}
