/* pagemap_scan REPEATS PID START END: lets PAGEMAP_SCAN find the present pages of a range, counts them. */
#include "pagemap_scan.h"

static uint64_t count_present(char **arguments)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t at = number(arguments[1]), end = number(arguments[2]);
    uint64_t present = 0;
    int file = open_process_file(arguments[0], "pagemap");
    while (at < end) {
        int count = find_present(file, at, end, &at);
        if (count < 0)
            fail("PAGEMAP_SCAN");
        for (int i = 0; i < count; i++)
            present += (regions[i].end - regions[i].start) / page;
    }

    close(file);
    return present;
}

int main(int count, char **arguments)
{
    if (count != 5)
        return 2;
    time_work(number(arguments[1]), count_present, arguments + 2);
    return 0;
}
