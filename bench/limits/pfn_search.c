/*
 * pfn_search REPEATS PFN: the process that maps a frame. No list of mappings is read: PAGEMAP_SCAN walks each whole
 * address space, and the words of what is present are looked at.
 */
#include "pagemap_scan.h"
#include <dirent.h>

enum { BATCH = 16 * 1024 };

static const uint64_t pfn_mask = (1ull << 55) - 1;
static uint64_t words[BATCH];
static uint64_t page;

static int holds(int file, uint64_t pfn, const struct region *region)
{
    uint64_t at = region->start / page, end = region->end / page;
    while (at < end) {
        uint64_t pages = end - at < BATCH ? end - at : BATCH;
        ssize_t bytes = pread(file, words, pages * sizeof *words, (off_t)(at * sizeof *words));
        if (bytes <= 0)
            return 0;

        uint64_t count = (uint64_t)bytes / sizeof *words;
        for (uint64_t i = 0; i < count; i++)
            if (words[i] >> 63 && (words[i] & pfn_mask) == pfn)
                return 1;
        at += count;
    }

    return 0;
}

static int maps_frame(int file, uint64_t pfn)
{
    /* User addresses of x86-64 with four levels of page tables; where there are more, programs have to ask for them. */
    const uint64_t end = (1ull << 47) - page;
    for (uint64_t at = 0; at < end;) {
        int count = find_present(file, at, end, &at);
        if (count < 0)
            fail("PAGEMAP_SCAN");
        for (int i = 0; i < count; i++)
            if (holds(file, pfn, &regions[i]))
                return 1;
    }

    return 0;
}

/* The sum of the process ids, where there are several. */
static uint64_t find_owner(char **arguments)
{
    uint64_t pfn = number(arguments[0]), owner = 0;
    DIR *folder = opendir("/proc");
    if (folder == NULL)
        fail("/proc");

    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[64];
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/pagemap", entry->d_name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
            continue;
        owner += maps_frame(file, pfn) ? number(entry->d_name) : 0;
        close(file);
    }

    closedir(folder);
    return owner;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    page = (uint64_t)sysconf(_SC_PAGESIZE);
    time_work(number(arguments[1]), find_owner, arguments + 2);
    return 0;
}
