/*
 * read_memmem REPEATS PID START END HEX: reads memory by process_vm_readv into one buffer and looks for bytes by memmem:
 * what a C program does that takes no care of anything else. Counts the places, also those within others.
 */
#include "limit.h"
#include <sys/uio.h>

enum { PIECE = 1 << 20, LONGEST = 256 };

static char buffer[LONGEST + PIECE];
static unsigned char pattern[LONGEST];
static size_t pattern_length;

static void parse_pattern(const char *hex)
{
    for (; hex[0] != '\0' && hex[1] != '\0' && pattern_length < LONGEST; hex += 2) {
        char digits[3] = { hex[0], hex[1], '\0' };
        pattern[pattern_length++] = (unsigned char)strtoul(digits, NULL, 16);
    }
}

static uint64_t count_places(char **arguments)
{
    pid_t pid = (pid_t)number(arguments[0]);
    uint64_t start = number(arguments[1]), end = number(arguments[2]);
    uint64_t places = 0;
    size_t kept = 0;
    for (uint64_t at = start; at < end;) {
        size_t wanted = end - at < PIECE ? (size_t)(end - at) : PIECE;
        struct iovec local = { buffer + kept, wanted };
        struct iovec remote = { (void *)(uintptr_t)at, wanted };
        ssize_t bytes = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        if (bytes <= 0)
            fail("process_vm_readv");

        char *limit = buffer + kept + bytes;
        for (char *found = buffer;
             (found = memmem(found, (size_t)(limit - found), pattern, pattern_length)) != NULL; found++)
            places++;

        at += (uint64_t)bytes;
        kept = (size_t)(limit - buffer) < pattern_length - 1 ? (size_t)(limit - buffer) : pattern_length - 1;
        memmove(buffer, limit - kept, kept);
    }

    return places;
}

int main(int count, char **arguments)
{
    if (count != 6)
        return 2;
    parse_pattern(arguments[5]);
    time_work(number(arguments[1]), count_places, arguments + 2);
    return 0;
}
