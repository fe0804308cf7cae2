/*
 * process_flags REPEATS PID START END: reads the flags of the frames that back a range, on all processors, and evaluates
 * none: the kernel's part of the work. Counts the frames.
 */
#include "limit.h"
#include <pthread.h>

enum { BATCH = 4 * 1024, BRIDGED = 4, MOST_THREADS = 64 };

static const uint64_t pfn_mask = (1ull << 55) - 1;
static int pagemap, kpageflags;
static uint64_t next, end;

/* Frames that follow each other, up or down, are read at once. */
static uint64_t read_frames(const uint64_t *pfns, uint64_t count, uint64_t *flags)
{
    uint64_t frames = 0;
    for (uint64_t first = 0, last; first < count; first = last) {
        uint64_t low = pfns[first], high = low;
        for (last = first + 1; last < count; last++) {
            uint64_t pfn = pfns[last];
            if (pfn + BRIDGED < low || pfn > high + BRIDGED)
                break;
            low = pfn < low ? pfn : low;
            high = pfn > high ? pfn : high;
        }

        if (pread(kpageflags, flags, (high - low + 1) * sizeof *flags, (off_t)(low * sizeof *flags)) <= 0)
            fail("pread");
        frames += last - first;
    }

    return frames;
}

static void *read_batches(void *sum)
{
    uint64_t words[BATCH], flags[BATCH * (BRIDGED + 1)], frames = 0, at;
    while ((at = __atomic_fetch_add(&next, BATCH, __ATOMIC_RELAXED)) < end) {
        uint64_t pages = end - at < BATCH ? end - at : BATCH, present = 0;
        ssize_t bytes = pread(pagemap, words, pages * sizeof *words, (off_t)(at * sizeof *words));
        if (bytes < 0)
            fail("pread");
        for (uint64_t i = 0; i < (uint64_t)bytes / sizeof *words; i++)
            if (words[i] >> 63)
                words[present++] = words[i] & pfn_mask;
        frames += read_frames(words, present, flags);
    }

    __atomic_fetch_add((uint64_t *)sum, frames, __ATOMIC_RELAXED);
    return NULL;
}

static uint64_t count_frames(char **arguments)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), frames = 0;
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t others[MOST_THREADS];
    next = number(arguments[1]) / page;
    end = number(arguments[2]) / page;
    threads = threads < MOST_THREADS ? threads : MOST_THREADS;
    pagemap = open_process_file(arguments[0], "pagemap");
    kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
    if (kpageflags < 0)
        fail("/proc/kpageflags");

    for (long i = 1; i < threads; i++)
        if ((errno = pthread_create(&others[i], NULL, read_batches, &frames)) != 0)
            fail("pthread_create");
    read_batches(&frames);
    for (long i = 1; i < threads; i++)
        pthread_join(others[i], NULL);
    close(kpageflags);
    close(pagemap);
    return frames;
}

int main(int count, char **arguments)
{
    if (count != 5)
        return 2;
    time_work(number(arguments[1]), count_frames, arguments + 2);
    return 0;
}
