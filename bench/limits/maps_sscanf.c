/* maps_sscanf REPEATS PID: reads the list of mappings as C programs do, line by line, counts them. */
#include "limit.h"

static uint64_t count_mappings(char **arguments)
{
    char line[4096 + 128], permissions[5], path[4096];
    unsigned long start, end, offset, inode;
    unsigned major, minor;
    uint64_t mappings = 0;
    FILE *file = fdopen(open_process_file(arguments[0], "maps"), "r");
    if (file == NULL)
        fail("fdopen");

    while (fgets(line, sizeof line, file) != NULL) {
        path[0] = '\0';
        if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %4095[^\n]",
                &start, &end, permissions, &offset, &major, &minor, &inode, path) < 7) {
            errno = EINVAL;
            fail(line);
        }

        mappings++;
    }

    fclose(file);
    return mappings;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    time_work(number(arguments[1]), count_mappings, arguments + 2);
    return 0;
}
