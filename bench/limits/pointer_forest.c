/*
 * pointer_forest BYTES: memory full of nodes that point to each other at random, and a chain of four pointers from static
 * memory to one of them. Prints the address at the end of the chain, and waits until standard input ends.
 */
#include "limit.h"
#include <sys/mman.h>

struct node { struct node *next, *other; uint64_t numbers[6]; };

struct node *root;

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    uint64_t nodes = number(arguments[1]) / sizeof(struct node);
    struct node *all = mmap(NULL, nodes * sizeof *all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        fail("mmap");

    uint64_t state = 42;
    for (uint64_t index = 0; index < nodes; index++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        all[index].next = &all[(state >> 20) % nodes];
        all[index].other = index % 4 == 0 ? &all[(state >> 30) % nodes] : NULL;
        all[index].numbers[0] = state;
    }

    root = &all[nodes / 2];
    struct node *last = root;
    for (int step = 0; step < 3; step++)
        last = last->next;
    printf("%p\n", (void *)&last->numbers[3]);
    fflush(stdout);
    return getchar() == EOF ? 0 : 1;
}
