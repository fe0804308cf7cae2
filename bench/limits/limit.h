/* What the programs of this folder share. Each does the least work that its case takes, and nothing else. */
#ifndef LIMIT_H
#define LIMIT_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends the program; the bench shows what it said. */
static inline void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static inline uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);
    if (end == text || *end != '\0') {
        errno = EINVAL;
        fail(text);
    }

    return value;
}

static inline uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Opens a file of a process. */
static inline int open_process_file(const char *pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        fail(path);
    return file;
}

/*
 * Does the work once unseen, so that buffers and caches are warm, then so many times by the clock. Prints the
 * nanoseconds of one time, and the answer.
 */
static inline void time_work(uint64_t repeats, uint64_t (*work)(char **), char **arguments)
{
    uint64_t answer = work(arguments);
    uint64_t start = nanoseconds();
    for (uint64_t i = 0; i < repeats; i++)
        answer = work(arguments);
    uint64_t elapsed = nanoseconds() - start;
    printf("%.1f %llu\n", (double)elapsed / (double)repeats, (unsigned long long)answer);
}

#endif
