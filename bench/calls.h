/*
 * calls - what memcached_calls prints: the names of its workloads, and columns.
 */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#define CALLS_GET "get"
#define CALLS_SET "set"
#define CALLS_PIPELINED "16-gets-pipelined"
#define CALLS_KEYS "get-of-16-keys"
#define CALLS_COLUMNS 4 /* behind the name: straight, the median of what is more, its tenths */

#endif
