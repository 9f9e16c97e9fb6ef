#include "loop/http.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/mem.h"

#define KEEPALIVE_IDLE_S 1L
#define KEEPALIVE_INTERVAL_S 1L
#define KEEPALIVE_PROBES 3
#define PEER_SILENT_MS_MAX 4000 /* unacknowledged data or probes: the peer is gone */
#define EASY_KEPT_MAX 4         /* idle curl handles */

/* A socket that curl wants watched. */
struct http_socket {
    struct http *http;
    curl_socket_t fd;
    struct loop_fd *watch;
};

struct http {
    CURLM *multi;
    struct loop *loop;
    struct loop_timer *timer;
    struct http_request *requests; /* all that are on their way */
    struct http_request *ready;    /* streams with data that was not told yet */
    CURL *easy_kept[EASY_KEPT_MAX];
    size_t easy_kept_count;
    char *ca_file;
    char *cert_file;
    char *key_file;
    bool telling; /* callbacks of ours are running: whatever is freed stays until they are over */
    bool freed;
};

struct http_request {
    struct http *http;
    struct http_request *next;
    struct http_request **link; /* what points to this one */
    struct http_request *ready_next;
    bool ready;
    bool telling;
    bool canceled; /* while telling */
    bool sent;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    struct str received;
    http_data_fn *data;
    http_done_fn *done;
    void *ctx;
    char problem[CURL_ERROR_SIZE];
};

/* ---- What curl asks of the loop ---- */

static void drain(struct http *http);

static void act(struct http *http, curl_socket_t fd, int events)
{
    int running;

    if (curl_multi_socket_action(http->multi, fd, events, &running) != CURLM_OK) {
        /* A socket could not be watched: curl fails all requests, but each when it is run next. */
        (void)curl_multi_perform(http->multi, &running);
    }
    drain(http);
}

static void on_timer(void *ctx)
{
    act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(void *ctx, unsigned events)
{
    const struct http_socket *socket = ctx;
    int told = 0;

    told |= (events & LOOP_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    told |= (events & LOOP_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    act(socket->http, socket->fd, told);
}

/* curl forbids to act inside of this; a timer of 0 ms comes at the next turn of the loop. */
static int curl_wants_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct http *http = ctx;

    (void)multi;
    if (timeout_ms < 0) {
        loop_timer_stop(http->timer);
    } else {
        loop_timer_start(http->timer, (uint64_t)timeout_ms);
    }
    return 0;
}

static void socket_free(struct http_socket *socket)
{
    if (socket != NULL) {
        loop_fd_free(socket->watch);
        free(socket);
    }
}

static struct http_socket *socket_new(struct http *http, curl_socket_t fd)
{
    struct http_socket *socket = mem_alloc(sizeof(*socket));
    struct err err;

    if (socket == NULL) {
        return NULL;
    }
    *socket = (struct http_socket){ .http = http, .fd = fd };
    if (loop_fd_new(http->loop, fd, on_socket, socket, &socket->watch, &err) < 0) {
        free(socket);
        return NULL;
    }
    return socket;
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct http *http = ctx;
    struct http_socket *socket = socket_ctx;
    unsigned events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        socket_free(socket);
        (void)curl_multi_assign(http->multi, fd, NULL);
        return 0;
    }
    if (socket == NULL) {
        socket = socket_new(http, fd);
        if (socket == NULL) {
            return -1; /* curl fails all requests */
        }
        (void)curl_multi_assign(http->multi, fd, socket);
    }
    events |= (what & CURL_POLL_IN) != 0 ? LOOP_READABLE : 0U;
    events |= (what & CURL_POLL_OUT) != 0 ? LOOP_WRITABLE : 0U;
    loop_fd_want(socket->watch, events);
    return 0;
}

/* ---- What curl tells about a request ---- */

/* Keepalive alone leaves a connection whose peer vanished open for minutes. */
static int curl_opened_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    int probes = KEEPALIVE_PROBES;
    unsigned silent_ms = PEER_SILENT_MS_MAX;

    (void)ctx;
    (void)purpose;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof(silent_ms));
    return CURL_SOCKOPT_OK;
}

/*
 * curl would send a request again when a kept connection breaks before the reply: that is not its
 * to decide, because the first one may have been carried out.
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): curl declares the type */
static int curl_is_about_to_send(void *ctx, char *peer_ip, char *own_ip, int peer_port,
                                 int own_port)
{
    struct http_request *request = ctx;

    (void)peer_ip;
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    if (request->sent) {
        return CURL_PREREQFUNC_ABORT;
    }
    request->sent = true;
    return CURL_PREREQFUNC_OK;
}

static void ready_add(struct http_request *request)
{
    if (!request->ready) {
        request->ready = true;
        request->ready_next = request->http->ready;
        request->http->ready = request;
    }
}

static void ready_remove(struct http_request *request)
{
    struct http_request **link = &request->http->ready;

    while (request->ready && *link != NULL) {
        if (*link == request) {
            *link = request->ready_next;
            request->ready = false;
        } else {
            link = &(*link)->ready_next;
        }
    }
}

static size_t curl_received(char *bytes, size_t one, size_t count, void *ctx)
{
    struct http_request *request = ctx;

    str_append(&request->received, bytes, one * count);
    if (str_failed(&request->received)) {
        return 0;
    }
    /* Only noted: curl must not be called from here, and the callback might. */
    if (request->data != NULL) {
        ready_add(request);
    }
    return one * count;
}

/* ---- Curl handles ---- */

static CURLcode easy_set_tls(CURL *easy, const struct http *http)
{
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

    if (rc == CURLE_OK && http->ca_file != NULL) {
        rc = curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
    }
    if (rc == CURLE_OK && http->cert_file != NULL) {
        rc = curl_easy_setopt(easy, CURLOPT_SSLCERT, http->cert_file);
    }
    if (rc == CURLE_OK && http->key_file != NULL) {
        rc = curl_easy_setopt(easy, CURLOPT_SSLKEY, http->key_file);
    }
    return rc;
}

/* What stays the same for all requests. Only options with texts can fail, for want of memory. */
static CURLcode easy_set_up(CURL *easy, const struct http *http)
{
    CURLcode rc;

    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, curl_opened_socket);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, curl_is_about_to_send);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, curl_received);
    rc = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    }
    return rc == CURLE_OK ? easy_set_tls(easy, http) : rc;
}

static CURL *easy_take(struct http *http)
{
    CURL *easy;

    if (0 < http->easy_kept_count) {
        return http->easy_kept[--http->easy_kept_count];
    }
    easy = curl_easy_init();
    if (easy != NULL && easy_set_up(easy, http) != CURLE_OK) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

static void easy_give_back(struct http *http, CURL *easy)
{
    if (easy == NULL) {
        return;
    }
    (void)curl_multi_remove_handle(http->multi, easy);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    if (http->easy_kept_count == EASY_KEPT_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    http->easy_kept[http->easy_kept_count++] = easy;
}

static CURLcode easy_set_call(CURL *easy, const struct http_call *call,
                              struct http_request *request)
{
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->problem);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_bytes);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    return curl_easy_setopt(easy, CURLOPT_URL, call->url);
}

/* ---- Requests ---- */

/* Off the lists and out of curl; the memory stays. */
static void request_detach(struct http_request *request)
{
    ready_remove(request);
    if (request->link != NULL) {
        *request->link = request->next;
        if (request->next != NULL) {
            request->next->link = request->link;
        }
        request->link = NULL;
    }
    easy_give_back(request->http, TAKE(request->easy));
}

static void request_free(struct http_request *request)
{
    if (request == NULL) {
        return;
    }
    request_detach(request);
    curl_slist_free_all(request->headers);
    str_deinit(&request->received);
    free(request->body);
    free(request);
}
DEFINE_CLEANUP(struct http_request, request_free);

static bool header_add(struct http_request *request, const char *header)
{
    struct curl_slist *grown = curl_slist_append(request->headers, header);

    if (grown != NULL) {
        request->headers = grown;
    }
    return grown != NULL;
}

static bool headers_set(struct http_request *request, const char *const *headers)
{
    bool ok = header_add(request, "Content-Type: application/json") &&
              header_add(request, "Expect:"); /* else curl waits for leave to send big bodies */

    while (ok && headers != NULL && *headers != NULL) {
        ok = header_add(request, *headers++);
    }
    return ok;
}

/* A copy of everything in `call`; not yet with curl. NULL: out of memory. */
static struct http_request *request_new(struct http *http, const struct http_call *call)
{
    CLEANUP(request_free_p) struct http_request *request = mem_alloc(sizeof(*request));

    if (request == NULL) {
        return NULL;
    }
    request->http = http;
    request->data = call->data;
    request->done = call->done;
    request->ctx = call->ctx;
    str_init(&request->received, call->reply_bytes_max);
    request->body = mem_alloc(call->body_bytes + 1);
    if (request->body == NULL || !headers_set(request, call->headers)) {
        return NULL;
    }
    memcpy(request->body, call->body, call->body_bytes);
    request->easy = easy_take(http);
    if (request->easy == NULL || easy_set_call(request->easy, call, request) != CURLE_OK) {
        return NULL;
    }
    return TAKE(request);
}

int http_start(struct http *http, const struct http_call *call, struct http_request **out,
               struct err *err)
{
    CLEANUP(request_free_p) struct http_request *request = NULL;
    CURLMcode rc;

    if (HTTP_URL_MAX < strlen(call->url)) {
        return err_set(err, ERR_INVALID, "URL of more than %d bytes", HTTP_URL_MAX);
    }
    request = request_new(http, call);
    if (request == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rc = curl_multi_add_handle(http->multi, request->easy);
    if (rc != CURLM_OK) {
        return err_set(err, ERR_FAILED, "start a request: %s", curl_multi_strerror(rc));
    }
    request->next = http->requests;
    request->link = &http->requests;
    if (request->next != NULL) {
        request->next->link = &request->next;
    }
    http->requests = request;
    *out = TAKE(request);
    return 0;
}

void http_cancel(struct http_request *request)
{
    if (request == NULL) {
        return;
    }
    if (request->telling) {
        request->canceled = true;
        request_detach(request);
        return;
    }
    request_free(request);
}

/* ---- Telling ---- */

static int record_problem(const struct http_request *request, CURLcode rc, struct err *err)
{
    const char *text = request->problem[0] != '\0' ? request->problem : curl_easy_strerror(rc);

    if (rc == CURLE_OPERATION_TIMEDOUT) {
        return err_set(err, ERR_TIMEOUT, "%s", text);
    }
    if (rc == CURLE_WRITE_ERROR && str_failed(&request->received)) {
        return err_set(err, ERR_LIMIT, "reply of more than %zu bytes", request->received.size_max);
    }
    if (rc == CURLE_ABORTED_BY_CALLBACK && request->sent) {
        return err_set(err, ERR_IO, "the connection was closed before the reply");
    }
    return err_set(err, ERR_IO, "%s", text);
}

static void tell_done(struct http_request *request, CURLcode rc)
{
    char empty[1] = "";
    struct http_result result = { .sent = request->sent, .body = empty };
    struct err err;
    long status = 0;

    (void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    result.status = (unsigned)status;
    if (request->received.bytes != NULL) {
        result.body = request->received.bytes;
        result.body_bytes = request->received.size;
    }
    if (rc != CURLE_OK) {
        (void)record_problem(request, rc, &err);
    }
    /* Out of curl first, so that the callback finds the connection free for its next request. */
    request_detach(request);
    request->done(request->ctx, &result, rc == CURLE_OK ? NULL : &err);
    request_free(request);
}

static void tell_data(struct http_request *request)
{
    request->telling = true;
    request->data(request->ctx, &request->received);
    request->telling = false;
    if (request->canceled) {
        request_free(request);
    } else if (request->received.size == 0) {
        str_deinit(&request->received); /* streams are idle most of the time */
    }
}

static void http_destroy(struct http *http);

/* Call back for all that happened. Outside of curl, so that callbacks may do anything. */
static void drain(struct http *http)
{
    const CURLMsg *message;
    int left;

    if (http->telling) {
        return;
    }
    http->telling = true;
    do {
        while (!http->freed && http->ready != NULL) {
            struct http_request *request = http->ready;

            http->ready = request->ready_next;
            request->ready = false;
            tell_data(request);
        }
        message = http->freed ? NULL : curl_multi_info_read(http->multi, &left);
        if (message != NULL && message->msg == CURLMSG_DONE) {
            CURLcode rc = message->data.result; /* detaching invalidates the message */
            char *request = NULL;

            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
            tell_done((struct http_request *)(void *)request, rc);
        }
    } while (message != NULL);
    http->telling = false;
    if (http->freed) {
        http_destroy(http);
    }
}

/* ---- Lifecycle ---- */

static void http_destroy(struct http *http)
{
    struct http_request *request = http->requests;

    while (request != NULL) {
        struct http_request *next = request->next;

        request_free(request);
        request = next;
    }
    while (0 < http->easy_kept_count) {
        curl_easy_cleanup(http->easy_kept[--http->easy_kept_count]);
    }
    if (http->multi != NULL) {
        (void)curl_multi_cleanup(http->multi); /* closes connections: still asks for sockets */
    }
    loop_timer_free(http->timer);
    free(http->ca_file);
    free(http->cert_file);
    free(http->key_file);
    free(http);
    curl_global_cleanup();
}

void http_free(struct http *http)
{
    if (http == NULL) {
        return;
    }
    if (http->telling) {
        http->freed = true; /* drain() does the rest, and tells nothing any more */
        return;
    }
    http_destroy(http);
}

static bool copy_text(const char *text, char **out)
{
    if (text != NULL) {
        *out = mem_strdup(text);
    }
    return text == NULL || *out != NULL;
}

static bool multi_set_up(struct http *http)
{
    CURLM *multi = curl_multi_init();

    if (multi == NULL) {
        return false;
    }
    http->multi = multi;
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http);
    (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS_KEPT_MAX);
    return true;
}

int http_new(struct loop *loop, const struct http_options *options, struct http **out,
             struct err *err)
{
    CLEANUP(http_free_p) struct http *http = NULL;
    int rv;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return err_set(err, ERR_FAILED, "libcurl cannot start");
    }
    http = mem_alloc(sizeof(*http));
    if (http == NULL) {
        curl_global_cleanup();
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    http->loop = loop;
    rv = loop_timer_new(loop, on_timer, http, &http->timer, err);
    if (rv < 0) {
        return rv;
    }
    if (!copy_text(options->ca_file, &http->ca_file) ||
        !copy_text(options->cert_file, &http->cert_file) ||
        !copy_text(options->key_file, &http->key_file) || !multi_set_up(http)) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *out = TAKE(http);
    return 0;
}
