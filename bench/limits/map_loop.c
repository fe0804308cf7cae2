/*
 * map_loop BYTES: touches memory page by page, then maps and unmaps a page again and again, as programs do that another
 * reads. Each line on standard input is answered with the longest of these calls since the line before, in nanoseconds.
 */
#include "limit.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

static _Atomic uint64_t longest;

static void *map_and_unmap(void *unused)
{
    (void)unused;
    for (;;) {
        uint64_t start = nanoseconds();
        void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || munmap(page, 4096) != 0)
            fail("mmap");
        uint64_t elapsed = nanoseconds() - start;
        uint64_t known = atomic_load(&longest);
        while (elapsed > known && !atomic_compare_exchange_weak(&longest, &known, elapsed))
            ;
        /* The reader has a processor to itself for most of the time. */
        usleep(100);
    }

    return NULL;
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    uint64_t bytes = number(arguments[1]);
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || madvise(memory, bytes, MADV_NOHUGEPAGE) != 0)
        fail("mmap");
    for (uint64_t at = 0; at < bytes; at += 4096)
        memory[at] = 1;

    pthread_t thread;
    if (pthread_create(&thread, NULL, map_and_unmap, NULL) != 0)
        fail("pthread_create");
    puts("ready");
    fflush(stdout);
    for (int character; (character = getchar()) != EOF;)
        if (character == '\n') {
            printf("%llu\n", (unsigned long long)atomic_exchange(&longest, 0));
            fflush(stdout);
        }
    return 0;
}
