/* The game of the help pages: a score that grows, lives that are lost, and players on the heap. */
#include <stdlib.h>
#include <unistd.h>

struct player { char name[32]; int health; };
struct team { long size; struct player *players[4]; };

long score = 100;
int lives = 1000;
struct team *team;
struct player *recent[8];

__attribute__((noinline)) void add_score(long points) { score = score + points; }

int main(void)
{
    team = calloc(1, sizeof *team);
    for (int i = 0; i < 4; i++) {
        team->players[i] = calloc(1, 4000);
        team->players[i]->health = 7300 + i;
        team->size++;
    }

    /* Each run has another player here. */
    recent[0] = team->players[getpid() % 4];
    for (;;) {
        usleep(100000);
        add_score(1);
        lives--;
    }
}
