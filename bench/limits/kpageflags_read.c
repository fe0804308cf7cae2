/* kpageflags_read REPEATS: reads the flags of every frame and looks at none: what the kernel takes. Counts them. */
#include "limit.h"

static uint64_t words[16 * 1024];

static uint64_t count_frames(char **arguments)
{
    (void)arguments;
    uint64_t frames = 0;
    int file = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        fail("/proc/kpageflags");

    for (;;) {
        ssize_t bytes = pread(file, words, sizeof words, (off_t)(frames * sizeof *words));
        if (bytes < 0)
            fail("pread");
        if (bytes == 0)
            break;
        frames += (uint64_t)bytes / sizeof *words;
    }

    close(file);
    return frames;
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    time_work(number(arguments[1]), count_frames, arguments + 2);
    return 0;
}
