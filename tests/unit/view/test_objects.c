#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/keys_fixture.h"

static size_t count_bad(const struct objects *objects, const char *cluster)
{
    const struct cluster_objects *keys = objects_cluster(objects, cluster);
    size_t n = 0;
    size_t kind;

    for (kind = 0; keys != NULL && kind <= KEY_UNKNOWN; kind++) {
        const struct object *object = keys->lists[kind];

        for (; object != NULL; object = object->next) {
            n += object->problem != NULL;
        }
    }
    return n;
}

Test(objects, a_value_is_decoded_with_each_change)
{
    struct spec_record spec = fixture_spec("a");
    struct fixture f;

    fixture_start(&f, NULL);
    fixture_put_spec(&f, &spec);
    cr_assert_eq(object_single(objects_cluster(&f.objects, "a"), KEY_SPEC)->of.spec.spec.nodes, 3);
    spec.spec.nodes = 5;
    fixture_put_spec(&f, &spec);
    cr_assert_eq(object_single(objects_cluster(&f.objects, "a"), KEY_SPEC)->of.spec.spec.nodes, 5);
    cr_assert_eq(objects_cluster(&f.objects, "a")->count, 1);
    fixture_gone(&f, "clusters/a/spec");
    cr_assert_null(objects_cluster(&f.objects, "a"), "no key, no cluster");
    fixture_end(&f);
}

Test(objects, garbage_hurts_its_own_cluster_only)
{
    struct spec_record a = fixture_spec("a");
    struct spec_record b = fixture_spec("b");
    struct fixture f;

    fixture_start(&f, NULL);
    fixture_put_spec(&f, &a);
    fixture_put_spec(&f, &b);
    fixture_put_text(&f, "clusters/a/spec", "{not json");
    fixture_put_text(&f, "clusters/a/nodes/0001/h1", "\x01\xff");
    fixture_put_text(&f, "clusters/a/nodes/007", "{}");
    fixture_put_text(&f, "intent/h1/a/0002", "[]");
    cr_assert_null(object_single(objects_cluster(&f.objects, "a"), KEY_SPEC));
    cr_assert_eq(count_bad(&f.objects, "a"), 4);
    cr_assert_not_null(object_single(objects_cluster(&f.objects, "b"), KEY_SPEC));
    cr_assert_eq(count_bad(&f.objects, "b"), 0);
    fixture_put_spec(&f, &a);
    cr_assert_not_null(object_single(objects_cluster(&f.objects, "a"), KEY_SPEC), "it is mended");
    fixture_end(&f);
}

Test(objects, a_value_that_speaks_for_another_key_is_garbage)
{
    struct node_report report = fixture_report("a", 2, "h1", "10.0.0.2");
    const struct cluster_objects *keys;
    const struct object *object;
    struct fixture f;

    fixture_start(&f, NULL);
    fixture_put_report(&f, &report);
    fixture_put_text(&f, "clusters/a/nodes/0003/h1", f.items[0]->value);
    fixture_put_text(&f, "clusters/b/nodes/0002/h1", f.items[0]->value);
    fixture_put_text(&f, "clusters/a/nodes/0002/h2", f.items[0]->value);
    keys = objects_cluster(&f.objects, "a");
    cr_assert_eq(count_bad(&f.objects, "a"), 2);
    cr_assert_eq(count_bad(&f.objects, "b"), 1);
    object = keys->lists[KEY_NODE]->next; /* behind the one that is right */
    cr_assert_eq(object->key.slot, 2);
    cr_assert_str_eq(object->problem, "host: is 'h1', but the key says 'h2'");
    cr_assert_eq(object->next->key.slot, 3);
    cr_assert_str_eq(object->next->problem, "slot: is 2, but the key says 3");
    fixture_end(&f);
}

static void check_order(const struct objects *objects, size_t wanted)
{
    const struct cluster_objects *keys = objects_cluster(objects, "a");
    const struct object *object = keys == NULL ? NULL : keys->lists[KEY_INTENT];
    size_t count = 0;

    for (; object != NULL; object = object->next) {
        const struct object *next = object->next;

        count++;
        cr_assert(
            next == NULL || object->key.slot < next->key.slot ||
            (object->key.slot == next->key.slot && strcmp(object->key.host, next->key.host) < 0));
    }
    cr_assert_eq(count, wanted);
}

Test(objects, intents_stand_in_the_order_of_slots_and_hosts)
{
    bool there[4][8] = { { false } };
    struct fixture f;
    size_t count = 0;
    unsigned step;

    srandom(1);
    fixture_start(&f, NULL);
    for (step = 0; step < 500; step++) {
        unsigned host = (unsigned)random() % 4;
        unsigned slot = (unsigned)random() % 8;
        char path[64];

        (void)snprintf(path, sizeof(path), "intent/h%u/a/%04u", host, slot + 1);
        if (there[host][slot] && random() % 2 == 0) {
            fixture_gone(&f, path);
            there[host][slot] = false;
            count--;
        } else {
            fixture_put_text(&f, path, "whatever it says");
            count += there[host][slot] ? 0 : 1;
            there[host][slot] = true;
        }
        check_order(&f.objects, count);
    }
    fixture_end(&f);
}

Test(objects, keys_below_no_cluster_are_strays)
{
    struct fixture f;

    fixture_start(&f, NULL);
    fixture_put_text(&f, "nonsense", "x");
    fixture_put_text(&f, "clusters/Not A Name/spec", "x");
    fixture_put_text(&f, "hosts/h1", "x");
    fixture_put_text(&f, "leader", "anything");
    cr_assert_eq(f.objects.clusters_count, 0);
    cr_assert_not_null(f.objects.strays);
    cr_assert_not_null(f.objects.strays->next);
    cr_assert_not_null(f.objects.strays->next->next);
    cr_assert_null(f.objects.strays->next->next->next);
    cr_assert_null(f.objects.hosts);
    fixture_gone(&f, "hosts/h1");
    fixture_gone(&f, "nonsense");
    fixture_gone(&f, "clusters/Not A Name/spec");
    cr_assert_null(f.objects.strays);
    fixture_end(&f);
}

Test(objects, revisions_are_known_for_readable_and_unreadable_keys)
{
    struct intent intent = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct key key = { .kind = KEY_INTENT, .cluster = "a", .host = "h1", .slot = 1 };
    struct fixture f;

    fixture_start(&f, NULL);
    cr_assert_eq(object_revision(&f.objects, &key), 0);
    fixture_put_intent(&f, &intent);
    cr_assert_eq(object_revision(&f.objects, &key), f.revision);
    fixture_put_text(&f, "intent/h1/a/0001", "x");
    cr_assert_eq(object_revision(&f.objects, &key), f.revision);
    key.slot = 2;
    cr_assert_eq(object_revision(&f.objects, &key), 0);
    fixture_end(&f);
}

Test(objects, events_leave_nothing_unless_they_are_bad)
{
    struct event event = { .cluster = "a",
                           .at_ms = 1000,
                           .program = "muster-watcher",
                           .type = "Normal",
                           .reason = "NodeStarted",
                           .subject = "slot 0001",
                           .message = "it runs" };
    struct fixture f;

    fixture_start(&f, NULL);
    fixture_put_event(&f, &event, "events/a/0000000001000-0123456789abcdef");
    fixture_put_text(&f, "events/b/0000000001000-0123456789abcdef", "x");
    cr_assert_null(f.items[0]->user);
    cr_assert_null(objects_cluster(&f.objects, "a"));
    cr_assert_eq(count_bad(&f.objects, "b"), 1);
    fixture_end(&f);
}

Test(objects, a_reservation_lasts_until_its_cluster_releases_it)
{
    struct intent a = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct intent b = fixture_intent("b", 1, "h1", "10.0.0.2");
    struct fixture f;
    struct err err;

    fixture_start(&f, NULL);
    cr_assert_eq(objects_reserve(&f.objects, &a, &err), 0);
    cr_assert_eq(objects_reserve(&f.objects, &b, &err), 0);
    objects_release(&f.objects, "a");
    cr_assert_eq(f.objects.reservations_count, 1);
    cr_assert_str_eq(f.objects.reservations[0].cluster, "b");
    objects_release(&f.objects, "b");
    cr_assert_eq(f.objects.reservations_count, 0);
    fixture_end(&f);
}
