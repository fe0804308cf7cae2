/* maps_read REPEATS PID: reads the list of mappings and looks for nothing but ends of lines: what the kernel takes. */
#include "limit.h"

static char buffer[64 * 1024];

static uint64_t count_lines(char **arguments)
{
    uint64_t lines = 0;
    int file = open_process_file(arguments[0], "maps");
    for (;;) {
        ssize_t bytes = read(file, buffer, sizeof buffer);
        if (bytes < 0)
            fail("read");
        if (bytes == 0)
            break;

        for (char *at = buffer; (at = memchr(at, '\n', (size_t)(buffer + bytes - at))) != NULL; at++)
            lines++;
    }

    close(file);
    return lines;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    time_work(number(arguments[1]), count_lines, arguments + 2);
    return 0;
}
