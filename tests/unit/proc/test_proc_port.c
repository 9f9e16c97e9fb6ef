#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "proc/proc_port.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"

#define PORT 21211

static bool answers(void *ctx)
{
    return net_answers(ctx, PORT);
}

Test(proc_port, the_holder_is_named)
{
    struct scene_ip ip = scene_ip(1);
    struct process *holder = process_startl("holder", "memcached", "-l", ip.text, "-p", "21211",
                                            "-U", "0", "-u", "root", NULL);
    char name[PROC_NAME_SIZE];
    struct err err;
    pid_t pid;

    cr_assert(wait_until(answers, ip.text, WAIT_MS));
    cr_assert_eq(proc_port_holder(ip.text, PORT, &pid, name, sizeof(name), &err), 0, "%s", err.msg);
    cr_expect_eq(pid, process_pid(holder));
    cr_expect_str_eq(name, "memcached");
}

Test(proc_port, who_listens_at_all_addresses_holds_each)
{
    struct scene_ip ip = scene_ip(1);
    char name[PROC_NAME_SIZE];
    struct err err;
    pid_t pid;
    int fd = net_listen("0.0.0.0", 21987);

    cr_assert_eq(proc_port_holder(ip.text, 21987, &pid, name, sizeof(name), &err), 0, "%s",
                 err.msg);
    cr_expect_eq(pid, getpid());
    (void)close(fd);
}

Test(proc_port, another_address_another_port_and_a_connection_hold_nothing)
{
    struct scene_ip ip = scene_ip(1);
    char name[PROC_NAME_SIZE];
    struct err err;
    pid_t pid;
    int fd = net_listen(ip.text, PORT);
    int client = net_connect(ip.text, PORT);

    cr_assert_leq(0, client);
    cr_expect_eq(proc_port_holder(scene_ip(2).text, PORT, &pid, name, sizeof(name), &err),
                 ERR_NOT_FOUND);
    cr_expect_eq(proc_port_holder(ip.text, PORT + 1, &pid, name, sizeof(name), &err),
                 ERR_NOT_FOUND);
    (void)close(fd);
    cr_expect_eq(proc_port_holder(ip.text, PORT, &pid, name, sizeof(name), &err), ERR_NOT_FOUND);
    (void)close(client);
}
