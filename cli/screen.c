#include "cli/screen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

#define DRAWN_BYTES_MAX (1U << 20)
#define ROWS_DEFAULT 24
#define COLUMNS_DEFAULT 80
#define CTRL_D 4

#define ENTER "\x1b[?1049h\x1b[?25l"
#define LEAVE "\x1b[0m\x1b[?25h\x1b[?1049l"
#define HOME "\x1b[H"
#define CLEAR_LINE "\x1b[K"
#define CLEAR_BELOW "\x1b[J"
#define PLAIN "\x1b[0m"

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

struct screen {
    struct screen_events events;
    void *ctx;
    struct termios former;
    bool entered;
    struct loop_signal *signals[ARRAY_COUNT(ends)];
    struct loop_signal *resize;
    struct loop_fd *input;
};

static bool is_set(const char *value)
{
    return value != NULL && value[0] != '\0';
}

bool screen_is_possible(void)
{
    const char *term = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && is_set(term) &&
           strcmp(term, "dumb") != 0;
}

bool screen_takes_colours(void)
{
    return screen_is_possible() && !is_set(getenv("NO_COLOR"));
}

/* A terminal that is gone is told by a signal. */
static void put(const char *bytes, size_t size)
{
    while (0 < size) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);

        if (written < 0 && errno != EINTR && errno != EAGAIN) {
            return;
        }
        if (0 < written) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

/* ---- Drawing ---- */

/* The size of a sequence like "\x1b[31m" at the head of the text; 0: none. Colours are all that a
 * text may ask for: others' words are in it. */
static size_t sequence_size(const char *text)
{
    size_t size = 2;

    if (text[0] != '\x1b' || text[1] != '[') {
        return 0;
    }
    while (text[size] != '\0' && strchr("0123456789;", text[size]) != NULL) {
        size++;
    }
    return text[size] == 'm' ? size + 1 : 0;
}

/* One line, cut; returns what is behind it. */
static const char *render_line(const char *text, unsigned columns, struct str *out)
{
    unsigned width = 0;

    while (*text != '\0' && *text != '\n') {
        size_t size = sequence_size(text);
        bool shown = 0 < size;

        if (size == 0) {
            size = utf8_sequence(text, strlen(text));
            size = size == 0 ? 1 : size;
            shown = width < columns && (unsigned char)*text >= ' ';
            width++;
        }
        if (shown) {
            str_append(out, text, size);
        }
        text += size;
    }
    return *text == '\n' ? text + 1 : text;
}

void screen_render(const char *text, unsigned rows, unsigned columns, struct str *out)
{
    unsigned row;

    str_append_text(out, HOME);
    for (row = 0; row < rows && *text != '\0'; row++) {
        str_append_text(out, row == 0 ? "" : "\r\n");
        text = render_line(text, columns, out);
        str_append_text(out, PLAIN CLEAR_LINE);
    }
    if (row < rows) {
        str_append_text(out, row == 0 ? CLEAR_BELOW : "\r\n" CLEAR_BELOW);
    }
}

void screen_draw(struct screen *screen, const struct str *text)
{
    CLEANUP(str_deinit) struct str drawn;
    struct winsize size = { .ws_row = 0 };

    (void)screen;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
        size.ws_row = ROWS_DEFAULT;
        size.ws_col = COLUMNS_DEFAULT;
    }
    str_init(&drawn, DRAWN_BYTES_MAX);
    screen_render(str_text(text), size.ws_row, size.ws_col, &drawn);
    if (!str_failed(&drawn)) {
        put(str_text(&drawn), drawn.size);
    }
}

/* ---- Events ---- */

static void on_end(void *ctx)
{
    struct screen *screen = ctx;

    screen->events.quit(screen->ctx);
}

static void on_resize(void *ctx)
{
    struct screen *screen = ctx;

    if (screen->events.resized != NULL) {
        screen->events.resized(screen->ctx);
    }
}

static void on_input(void *ctx, unsigned events)
{
    struct screen *screen = ctx;
    char keys[64];
    ssize_t size = read(STDIN_FILENO, keys, sizeof(keys));

    (void)events;
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (size <= 0 || memchr(keys, 'q', (size_t)size) != NULL ||
        memchr(keys, CTRL_D, (size_t)size) != NULL) {
        loop_fd_want(screen->input, 0);
        screen->events.quit(screen->ctx);
    }
}

/* ---- Life ---- */

static int arrange(struct screen *screen, struct loop *loop, struct err *err)
{
    size_t i;
    int rv = loop_signal_new(loop, SIGWINCH, on_resize, screen, &screen->resize, err);

    for (i = 0; 0 <= rv && i < ARRAY_COUNT(ends); i++) {
        rv = loop_signal_new(loop, ends[i], on_end, screen, &screen->signals[i], err);
    }
    if (0 <= rv) {
        rv = loop_fd_new(loop, STDIN_FILENO, on_input, screen, &screen->input, err);
    }
    return rv;
}

static int enter(struct screen *screen, struct err *err)
{
    struct termios quiet;

    if (tcgetattr(STDIN_FILENO, &screen->former) != 0) {
        return err_set(err, ERR_IO, "the terminal: %s", strerror(errno));
    }
    quiet = screen->former;
    quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    quiet.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopped, it would keep the screen */
    if (tcsetattr(STDIN_FILENO, TCSANOW, &quiet) != 0) {
        return err_set(err, ERR_IO, "the terminal: %s", strerror(errno));
    }
    screen->entered = true;
    put(ENTER, strlen(ENTER));
    return 0;
}

int screen_new(struct loop *loop, const struct screen_events *events, void *ctx,
               struct screen **out, struct err *err)
{
    CLEANUP(screen_free_p) struct screen *screen = mem_calloc(1, sizeof(*screen));
    int rv;

    if (screen == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a screen");
    }
    screen->events = *events;
    screen->ctx = ctx;
    rv = arrange(screen, loop, err);
    if (0 <= rv) {
        rv = enter(screen, err);
    }
    if (rv < 0) {
        return rv;
    }
    loop_fd_want(screen->input, LOOP_READABLE);
    *out = TAKE(screen);
    return 0;
}

void screen_free(struct screen *screen)
{
    size_t i;

    if (screen == NULL) {
        return;
    }
    if (screen->entered) {
        put(LEAVE, strlen(LEAVE));
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->former);
    }
    loop_fd_free(screen->input);
    loop_signal_free(screen->resize);
    for (i = 0; i < ARRAY_COUNT(ends); i++) {
        loop_signal_free(screen->signals[i]);
    }
    free(screen);
}
