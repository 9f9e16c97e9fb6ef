#include "gitops/fetch.h"

#include <stdio.h>
#include <string.h>

#include "gitops/child.h"
#include "gitops/options/gitops_options.h"

#define EXIT_NOT_FOUND 4
#define ARGS_MAX 24

/* Options of the child; those without a value are left out. */
static size_t add_option(const char **argv, size_t count, const char *name, const char *value)
{
    if (value != NULL) {
        argv[count++] = name;
        argv[count++] = value;
    }
    return count;
}

/* What the child wrote last is why it failed. */
static void last_line(const struct str *text, struct err *err)
{
    static const char prefix[] = GITOPS_PROGRAM ": ";
    const char *bytes = str_text(text);
    size_t end = text->size;
    size_t begin;

    while (0 < end && bytes[end - 1] == '\n') {
        end--;
    }
    for (begin = end; 0 < begin && bytes[begin - 1] != '\n';) {
        begin--;
    }
    if (begin < end && strncmp(bytes + begin, prefix, sizeof(prefix) - 1) == 0) {
        begin += sizeof(prefix) - 1;
    }
    (void)snprintf(err->msg, sizeof(err->msg), "%.*s",
                   begin == end ? 12 : (int)(end - begin < 400 ? end - begin : 400),
                   begin == end ? "fetch failed" : bytes + begin);
    text_make_plain(err->msg); /* a server may have said it */
}

static int take_head(const struct child_output *output, char head[SOURCE_REVISION_SIZE],
                     struct err *err)
{
    const char *text = str_text(&output->out);
    size_t size = strspn(text, "0123456789abcdef");

    if ((size != 40 && size != SOURCE_REVISION_SIZE - 1) || strcmp(text + size, "\n") != 0) {
        return err_set(err, ERR_FAILED, "the fetch told no commit");
    }
    memcpy(head, text, size);
    head[size] = '\0';
    return 0;
}

int fetch_run(const struct fetch *fetch, const struct fetch_run *run,
              char head[SOURCE_REVISION_SIZE], struct err *err)
{
    const struct remote *remote = &fetch->remote;
    CLEANUP(child_output_deinit) struct child_output output;
    const char *argv[ARGS_MAX] = { run->program, "fetch" };
    const struct child child = { .argv = argv,
                                 .timeout_ms = run->timeout_ms,
                                 .cancel_fd = run->cancel_fd };
    size_t count = 2;
    int rv;

    child_output_init(&output);
    count = add_option(argv, count, "--repo", remote->url);
    count = add_option(argv, count, "--branch", remote->branch);
    count = add_option(argv, count, "--cache-dir", fetch->cache);
    count = add_option(argv, count, "--username", remote->username);
    count = add_option(argv, count, "--token-file", remote->token_file);
    count = add_option(argv, count, "--ca-file", remote->ca_file);
    count = add_option(argv, count, "--ssh-key", remote->ssh_key);
    count = add_option(argv, count, "--known-hosts", remote->known_hosts);
    argv[count] = NULL;
    rv = child_run(&child, &output, err);
    if (rv == ERR_TIMEOUT) {
        return err_set(err, ERR_TIMEOUT, "%s: no end after %llu s", remote->url,
                       (unsigned long long)run->timeout_ms / 1000);
    }
    if (rv < 0) {
        return rv;
    }
    if (rv == 0) {
        return take_head(&output, head, err);
    }
    err->code = rv == EXIT_NOT_FOUND ? ERR_NOT_FOUND : ERR_FAILED;
    last_line(&output.err, err);
    return err->code;
}
