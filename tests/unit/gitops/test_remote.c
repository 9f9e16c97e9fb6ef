#include <criterion/criterion.h>

#include "gitops/options/remote.h"

static int check(const char *url, const char *token, const char *key)
{
    const struct remote remote = {
        .url = url, .branch = "main", .token_file = token, .ssh_key = key, .known_hosts = key
    };
    struct err err;

    return remote_check(&remote, &err);
}

Test(remote, kinds_of_urls)
{
    static const struct {
        const char *url;
        int rv;
        enum remote_kind kind;
    } rows[] = {
        { "/srv/a.git", 0, REMOTE_FILE },
        { "file:///srv/a.git", 0, REMOTE_FILE },
        { "a.git", 0, REMOTE_FILE },
        { "./a:b", 0, REMOTE_FILE },
        { "http://h/a", 0, REMOTE_HTTP },
        { "https://h/a", 0, REMOTE_HTTPS },
        { "https://me@h/a", 0, REMOTE_HTTPS },
        { "ssh://git@h:22/a", 0, REMOTE_SSH },
        { "git@h:a.git", 0, REMOTE_SSH },
        { "git://h/a", ERR_USAGE, REMOTE_FILE },
        { "https://a:b@h/", ERR_USAGE, REMOTE_FILE },
        { "", ERR_USAGE, REMOTE_FILE },
        { "/a b", ERR_USAGE, REMOTE_FILE },
        { "ext::sh -c x", ERR_USAGE, REMOTE_FILE },
        { "https://h/a:b@c", 0, REMOTE_HTTPS },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        enum remote_kind kind = REMOTE_FILE;
        struct err err;

        cr_expect_eq(remote_kind(rows[i].url, &kind, &err), rows[i].rv, "%s", rows[i].url);
        cr_expect_eq(kind, rows[i].kind, "%s", rows[i].url);
    }
}

Test(remote, a_token_stays_on_this_machine_unless_it_is_encrypted)
{
    cr_expect_eq(check("https://example.com/a", "t", NULL), 0);
    cr_expect_eq(check("http://127.0.0.1:80/a", "t", NULL), 0);
    cr_expect_eq(check("http://localhost/a", "t", NULL), 0);
    cr_expect_eq(check("http://[::1]:80/a", "t", NULL), 0);
    cr_expect_eq(check("http://example.com/a", "t", NULL), ERR_USAGE);
    cr_expect_eq(check("http://localhost.example.com/a", "t", NULL), ERR_USAGE);
    cr_expect_eq(check("http://127.0.0.1@example.com/a", "t", NULL), ERR_USAGE);
    cr_expect_eq(check("http://127.0.0.1.example.com/a", "t", NULL), ERR_USAGE);
    cr_expect_eq(check("/a", "t", NULL), ERR_USAGE);
}

Test(remote, ssh_needs_key_and_known_hosts)
{
    cr_expect_eq(check("ssh://h/a", NULL, NULL), ERR_USAGE);
    cr_expect_eq(check("ssh://h/a", NULL, "k"), 0);
    cr_expect_eq(check("https://h/a", NULL, "k"), ERR_USAGE);
}

Test(remote, a_path_stays_in_the_repository)
{
    static const char *const good[] = { "", "a", "a/b", "a/b/", "..a" };
    static const char *const bad[] = { "/a", "a//b", "..", "a/../b", ".", "a/.", "/" };
    struct err err;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(good); i++) {
        cr_expect_eq(remote_path_check(good[i], &err), 0, "%s", good[i]);
    }
    for (i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_expect_eq(remote_path_check(bad[i], &err), ERR_USAGE, "%s", bad[i]);
    }
}
