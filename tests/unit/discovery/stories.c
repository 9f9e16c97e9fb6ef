#include "tests/unit/discovery/stories.h"

#include "base/cleanup.h"

#define STORY(said, answer)                                \
    {                                                      \
        said, sizeof(said) - 1, answer, sizeof(answer) - 1 \
    }

/* Binary headers; lengths are one byte each, in these short stories. */
#define ASK(opcode, key, extras, body) \
    "\x80" opcode "\0" key extras "\0\0\0\0\0\0" body "\xde\xad\xbe\xef\0\0\0\0\0\0\0\0"
#define ASK_CAS(opcode, key, extras, body, cas) \
    "\x80" opcode "\0" key extras "\0\0\0\0\0\0" body "\xde\xad\xbe\xef\0\0\0\0\0\0\0" cas
#define ANSWER(opcode, key, extras, status, body, cas) \
    "\x81" opcode "\0" key extras "\0\0" status "\0\0\0" body "\xde\xad\xbe\xef\0\0\0\0\0\0\0" cas

const struct segment_cell story_cell = { 7, STORY_PAYLOAD, sizeof(STORY_PAYLOAD) - 1, STORY_RECORD,
                                         sizeof(STORY_RECORD) - 1 };

#define CONFIG "CONFIG cluster 0 58\r\n" STORY_PAYLOAD "\r\nEND\r\n"

const struct story stories[] = {
    STORY("config get cluster\r\n", CONFIG),
    STORY("config get cluster \r\n", CONFIG),
    STORY("config get cluster\n", CONFIG),
    STORY("get AmazonElastiCache:cluster\r\n",
          "VALUE AmazonElastiCache:cluster 0 58\r\n" STORY_PAYLOAD "\r\nEND\r\n"),
    STORY("get AmazonElastiCache:cluster \n",
          "VALUE AmazonElastiCache:cluster 0 58\r\n" STORY_PAYLOAD "\r\nEND\r\n"),
    STORY("gets AmazonElastiCache:cluster\r\n",
          "VALUE AmazonElastiCache:cluster 0 58 7\r\n" STORY_PAYLOAD "\r\nEND\r\n"),
    STORY("get muster:config\r\n", "VALUE muster:config 0 13\r\n" STORY_RECORD "\r\nEND\r\n"),
    STORY("gets muster:config\r\n", "VALUE muster:config 0 13 7\r\n" STORY_RECORD "\r\nEND\r\n"),
    STORY("config set cluster 0 5\r\nhello\r\n", "STORED\r\n"),
    STORY("config set cluster 0 5 noreply\r\nhello\r\n", ""),
    STORY("config set cluster 0 5\r\nhelloXX", "CLIENT_ERROR bad data chunk\r\n"),
    STORY("config delete cluster\r\n", "NOT_FOUND\r\n"),
    STORY("set muster:config 0 0 5\r\nhello\r\n", "STORED\r\n"),
    STORY("set muster:config 0 0 20\r\nconfig get cluster\r\n\r\n", "STORED\r\n"),
    STORY("set muster:config 4294967295 -1 0 noreply\r\n\r\n", ""),
    STORY("add muster:config 0 0 5\r\nhello\r\n", "NOT_STORED\r\n"),
    STORY("cas muster:config 0 0 5 7\r\nhello\r\n", "STORED\r\n"),
    STORY("cas muster:config 0 0 5 6\r\nhello\r\n", "EXISTS\r\n"),
    STORY("set muster:join:" STORY_UID " 0 0 5\r\nhello\r\n", "STORED\r\n"),
    STORY("set muster:join:0123 0 0 5\r\nhello\r\n",
          "CLIENT_ERROR the uid of a join is 16 hex digits\r\n"),
    STORY(ASK("\x60", "\7", "\0", "\7") "cluster",
          ANSWER("\x60", "\0", "\4", "\0", "\x3e", "\7") "\0\0\0\0" STORY_PAYLOAD),
    STORY(ASK("\x61", "\7", "\0", "\7") "cluster",
          ANSWER("\x61", "\0", "\4", "\0", "\x3e", "\7") "\0\0\0\0" STORY_PAYLOAD),
    STORY(ASK("\x62", "\7", "\0", "\7") "cluster",
          ANSWER("\x62", "\7", "\4", "\0", "\x45", "\7") "\0\0\0\0"
                                                         "cluster" STORY_PAYLOAD),
    STORY(ASK("\x63", "\7", "\0", "\7") "cluster",
          ANSWER("\x63", "\7", "\4", "\0", "\x45", "\7") "\0\0\0\0"
                                                         "cluster" STORY_PAYLOAD),
    STORY(ASK("\x60", "\5", "\0", "\5") "other",
          ANSWER("\x60", "\0", "\0", "\1", "\x9", "\0") "Not found"),
    STORY(ASK("\x61", "\5", "\0", "\5") "other", ""),
    STORY(ASK("\x64", "\7", "\4", "\x10") "\0\0\0\0clusterhello",
          ANSWER("\x64", "\0", "\0", "\0", "\0", "\0")),
    STORY(ASK("\x66", "\7", "\0", "\7") "cluster",
          ANSWER("\x66", "\0", "\0", "\1", "\x9", "\0") "Not found"),
    STORY(ASK("\0", "\xd", "\0", "\xd") "muster:config",
          ANSWER("\0", "\0", "\4", "\0", "\x11", "\7") "\0\0\0\0" STORY_RECORD),
    STORY(ASK("\xd", "\xd", "\0", "\xd") "muster:config",
          ANSWER("\xd", "\xd", "\4", "\0", "\x1e", "\7") "\0\0\0\0"
                                                         "muster:config" STORY_RECORD),
    STORY(ASK("\xc", "\x19", "\0", "\x19") "AmazonElastiCache:cluster",
          ANSWER("\xc", "\x19", "\4", "\0", "\x57",
                 "\7") "\0\0\0\0AmazonElastiCache:cluster" STORY_PAYLOAD),
    STORY(ASK("\1", "\xd", "\x8", "\x1a") "\0\0\0\0\0\0\0\0muster:confighello",
          ANSWER("\1", "\0", "\0", "\0", "\0", "\0")),
    STORY(ASK("\1", "\xd", "\x8", "\x15") "\0\0\0\0\0\0\0\0muster:config",
          ANSWER("\1", "\0", "\0", "\0", "\0", "\0")),
    STORY(ASK("\x11", "\xd", "\x8", "\x1a") "\0\0\0\0\0\0\0\0muster:confighello", ""),
    STORY(ASK("\2", "\xd", "\x8", "\x1a") "\0\0\0\0\0\0\0\0muster:confighello",
          ANSWER("\2", "\0", "\0", "\5", "\xb", "\0") "Not stored."),
    STORY(ASK_CAS("\1", "\xd", "\x8", "\x1a", "\6") "\0\0\0\0\0\0\0\0muster:confighello",
          ANSWER("\1", "\0", "\0", "\2", "\x14", "\0") "Data exists for key."),
    STORY(ASK("\1", "\x1c", "\x8", "\x29") "\0\0\0\0\0\0\0\0muster:join:" STORY_UID "hello",
          ANSWER("\1", "\0", "\0", "\0", "\0", "\0")),
};

const size_t stories_count = ARRAY_COUNT(stories);
