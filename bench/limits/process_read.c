/*
 * process_read REPEATS PID START END CHUNK: reads a range by process_vm_readv into one buffer of CHUNK bytes, again and
 * again the same. Looks at the first byte of each page, so that it is known to have come.
 */
#include "limit.h"
#include <sys/uio.h>

static unsigned char *buffer;

static uint64_t read_range(char **arguments)
{
    pid_t pid = (pid_t)number(arguments[0]);
    uint64_t at = number(arguments[1]), end = number(arguments[2]), chunk = number(arguments[3]);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t sum = 0;
    while (at < end) {
        uint64_t length = end - at < chunk ? end - at : chunk;
        struct iovec local = { buffer, length }, remote = { (void *)at, length };
        ssize_t count = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        if (count <= 0)
            fail("process_vm_readv");

        for (uint64_t i = 0; i < (uint64_t)count; i += page)
            sum += buffer[i];
        at += (uint64_t)count;
    }

    return sum;
}

int main(int count, char **arguments)
{
    if (count != 6)
        return 2;
    buffer = aligned_alloc(4096, number(arguments[5]));
    if (!buffer)
        fail("aligned_alloc");
    time_work(number(arguments[1]), read_range, arguments + 2);
    return 0;
}
