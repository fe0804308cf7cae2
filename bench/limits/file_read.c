/*
 * file_read REPEATS CHUNK FILE...: reads files by pread into one buffer, a chunk of each in turn, as a comparison does.
 * Looks at the first byte of each page.
 */
#include "limit.h"
#include <sys/stat.h>

enum { MAX_FILES = 2 };

static int files[MAX_FILES];
static int file_count;
static unsigned char *buffer;

static uint64_t read_files(char **arguments)
{
    uint64_t chunk = number(arguments[0]), page = (uint64_t)sysconf(_SC_PAGESIZE), sum = 0;
    struct stat status;
    if (fstat(files[0], &status) != 0)
        fail("fstat");

    for (uint64_t at = 0; at < (uint64_t)status.st_size; at += chunk) {
        for (int index = 0; index < file_count; index++) {
            ssize_t count = pread(files[index], buffer, chunk, (off_t)at);
            if (count < 0)
                fail("pread");
            for (uint64_t i = 0; i < (uint64_t)count; i += page)
                sum += buffer[i];
        }
    }

    /* The sum of equal files says nothing about a comparison: no bytes differ. */
    return sum == 0;
}

int main(int count, char **arguments)
{
    if (count < 4 || count > 3 + MAX_FILES)
        return 2;
    buffer = aligned_alloc(4096, number(arguments[2]));
    if (!buffer)
        fail("aligned_alloc");
    for (int index = 3; index < count; index++) {
        files[file_count] = open(arguments[index], O_RDONLY | O_CLOEXEC);
        if (files[file_count++] < 0)
            fail(arguments[index]);
    }

    time_work(number(arguments[1]), read_files, arguments + 2);
    return 0;
}
