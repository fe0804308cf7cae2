/*
 * page_table_walk REPEATS PGD DIRECTMAP ADDRESS PAGES: walks four levels of an x86-64 page table to each page of a range,
 * one run of a bpf program an entry, and sums up the frames. Nothing is compared with pagemap.
 */
#include "limit.h"
#include <sys/mman.h>
#include <sys/syscall.h>

enum { MAP_CREATE = 0, PROG_LOAD = 5, PROG_RUN = 10, ARRAY = 2, SYSCALL_PROGRAM = 31, READ_KERNEL = 113 };

static uint64_t *shared;
static int program;

static uint64_t instruction(uint64_t code, uint64_t target, uint64_t source, uint64_t value)
{
    return code | target << 8 | source << 12 | value << 32;
}

static int bpf(int command, void *attribute)
{
    return (int)syscall(SYS_bpf, command, attribute, 128);
}

static void load(void)
{
    uint32_t map_attribute[32] = { ARRAY, 4, 4096, 1, 1 << 10 };
    int map = bpf(MAP_CREATE, map_attribute);
    if (map < 0)
        fail("BPF_MAP_CREATE");
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (shared == MAP_FAILED)
        fail("mmap");

    uint64_t code[] = {
        /* r6 = the element; r3 = its address; r1 = the place of the answer; r2 = 8 */
        instruction(0x18, 6, 2, (uint32_t)map), 0,
        instruction(0x79, 3, 6, 0),
        instruction(0x18, 1, 2, (uint32_t)map), 8ull << 32,
        instruction(0xb7, 2, 0, 8),
        instruction(0x85, 0, 0, READ_KERNEL),
        instruction(0x95, 0, 0, 0),
    };
    uint64_t attribute[16] = { 0 };
    attribute[0] = SYSCALL_PROGRAM | (uint64_t)(sizeof code / sizeof *code) << 32;
    attribute[1] = (uintptr_t)code;
    attribute[2] = (uintptr_t)"GPL";
    attribute[5] = (uint64_t)(1 << 4) << 32;
    program = bpf(PROG_LOAD, attribute);
    if (program < 0)
        fail("BPF_PROG_LOAD");
}

static uint64_t entry_at(uint64_t address)
{
    uint32_t attribute[32] = { (uint32_t)program };
    shared[0] = address;
    if (bpf(PROG_RUN, attribute) < 0 || attribute[1] != 0)
        fail("BPF_PROG_RUN");
    return shared[1];
}

static uint64_t walk(char **arguments)
{
    uint64_t root = number(arguments[0]), direct_map = number(arguments[1]);
    uint64_t address = number(arguments[2]), pages = number(arguments[3]), sum = 0;
    for (uint64_t page = 0; page < pages; page++, address += 4096) {
        uint64_t table = root, entry = 0;
        for (int shift = 39; shift >= 12; shift -= 9) {
            entry = entry_at(table + (address >> shift & 511) * 8);
            table = direct_map + (entry & 0x000ffffffffff000);
        }

        sum += (entry & 0x000ffffffffff000) >> 12;
    }

    return sum;
}

int main(int count, char **arguments)
{
    if (count != 6)
        return 2;
    load();
    time_work(number(arguments[1]), walk, arguments + 2);
    return 0;
}
