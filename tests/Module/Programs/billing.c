/* The service of docs/post-mortem.md: after a line of input it bills its orders, of which the third has no customer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct order { int number; char *customer; };

static struct order *orders[4];

static void bill(struct order *order)
{
    printf("%zu\n", strlen(order->customer));
}

int main(void)
{
    for (int i = 0; i < 4; i++) {
        orders[i] = malloc(sizeof *orders[i]);
        orders[i]->number = 1000 + i;
        orders[i]->customer = i == 2 ? NULL : strdup("garlic");
    }

    getchar();
    for (int i = 0; i < 4; i++)
        bill(orders[i]);
    return 0;
}
