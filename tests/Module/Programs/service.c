/* The service of the help pages: each line of its input is a request, which it answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct order { int id; int count; char name[16]; };

int requests;

int price(int amount) { return amount * 3 + 42; }

int main(void)
{
    struct order *orders = calloc(64, sizeof *orders);
    char line[64];
    for (int i = 0; i < 64; i++) {
        orders[i].id = i;
        snprintf(orders[i].name, sizeof orders[i].name, "order %d", i);
    }

    printf("%p\n", (void *)orders);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        requests++;
        orders[3].count += price(1);
        if (line[0] == 'm') {
            char *more = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (more != MAP_FAILED)
                memset(more, 1, 8192);
        }

        if (line[0] == 'g')
            memset(malloc(1 << 16), 1, 1 << 16);

        puts("done");
        fflush(stdout);
    }

    return 0;
}
