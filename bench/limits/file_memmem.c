/*
 * file_memmem REPEATS FILE HEX: reads a file by pread into one buffer and looks for bytes by memmem: the search of a core
 * by a C program that knows nothing of its format. Counts the places.
 */
#include "limit.h"

enum { PIECE = 1 << 20, MAX_PATTERN = 256 };

static char buffer[MAX_PATTERN + PIECE];
static unsigned char pattern[MAX_PATTERN];
static size_t pattern_length;
static int file;

static uint64_t count_places(char **arguments)
{
    (void)arguments;
    uint64_t places = 0;
    size_t kept = 0;
    for (off_t at = 0;;) {
        ssize_t bytes = pread(file, buffer + kept, PIECE, at);
        if (bytes < 0)
            fail("pread");
        if (bytes == 0)
            return places;

        char *limit = buffer + kept + bytes;
        for (char *found = buffer;
             (found = memmem(found, (size_t)(limit - found), pattern, pattern_length)) != NULL; found++)
            places++;

        at += bytes;
        kept = (size_t)(limit - buffer) < pattern_length - 1 ? (size_t)(limit - buffer) : pattern_length - 1;
        memmove(buffer, limit - kept, kept);
    }
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    file = open(arguments[2], O_RDONLY | O_CLOEXEC);
    if (file < 0)
        fail(arguments[2]);
    for (const char *hex = arguments[3]; hex[0] && hex[1] && pattern_length < MAX_PATTERN; hex += 2) {
        char digits[3] = { hex[0], hex[1], '\0' };
        pattern[pattern_length++] = (unsigned char)strtoul(digits, NULL, 16);
    }

    time_work(number(arguments[1]), count_places, arguments + 2);
    return 0;
}
