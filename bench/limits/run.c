/*
 * run keep|drop PROGRAM [ARGUMENT...]: runs a program to its end, its output kept or sent to /dev/null. The last line
 * is the wall time in nanoseconds, the peak resident set in KiB and the exit code.
 *
 * A small program of its own, since a process that is started begins with the peak of the one that started it.
 */
#include "limit.h"
#include <sys/resource.h>
#include <sys/wait.h>

int main(int count, char **arguments)
{
    if (count < 3)
        return 2;

    int drop = strcmp(arguments[1], "drop") == 0;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0)
        fail("/dev/null");

    uint64_t start = nanoseconds();
    pid_t child = vfork();
    if (child < 0)
        fail("vfork");
    if (child == 0) {
        if (drop)
            dup2(nowhere, STDOUT_FILENO);
        execvp(arguments[2], arguments + 2);
        _exit(127);
    }

    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) != child)
        fail("wait4");
    uint64_t elapsed = nanoseconds() - start;
    printf("%llu %ld %d\n", (unsigned long long)elapsed, usage.ru_maxrss,
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
