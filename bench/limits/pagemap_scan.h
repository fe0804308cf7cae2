/* PAGEMAP_SCAN (Linux 6.7, include/uapi/linux/fs.h), declared here since older headers lack it. */
#ifndef PAGEMAP_SCAN_H
#define PAGEMAP_SCAN_H

#include "limit.h"
#include <sys/ioctl.h>

enum { REGIONS = 512, PRESENT = 1 << 3 };

struct region {
    uint64_t start, end, categories;
};

struct scan {
    uint64_t size, flags, start, end, walk_end, vector, vector_length, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

static struct region regions[REGIONS];

/* Finds runs of present pages from an address on. Returns their number and where it stopped. */
static inline int find_present(int file, uint64_t start, uint64_t end, uint64_t *walk_end)
{
    struct scan scan = {
        .size = sizeof scan, .start = start, .end = end,
        .vector = (uint64_t)regions, .vector_length = REGIONS, .category_mask = PRESENT,
    };
    int count = ioctl(file, _IOWR('f', 16, struct scan), &scan);
    *walk_end = scan.walk_end;
    return count;
}

#endif
