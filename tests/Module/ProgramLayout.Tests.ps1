# How a program is laid out, from its file to its memory.

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $source = Join-Path $TestDrive memory_layout.c
    $program = Join-Path $TestDrive memory_layout
    Set-Content $source @'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void *thread_func(void *unused) {
    char *addr = malloc(1000);
    strcpy(addr, "thread");
    printf("%p %p\n", (void *)&addr, (void *)addr);
    fflush(stdout);
    pause();
    return unused;
}
int main(void) {
    char *addr = malloc(1000);
    pthread_t thread;
    strcpy(addr, "garlic");
    printf("%d %p %p\n", getpid(), (void *)&addr, (void *)addr);
    fflush(stdout);
    pthread_create(&thread, 0, thread_func, 0);
    pause();
    return 0;
}
'@
    $hasProgram = $false
    if (Get-Command gcc -ErrorAction Ignore) {
        gcc $source -o $program -pthread
        $hasProgram = $LASTEXITCODE -eq 0
    }

    if ($hasProgram) {
        $running = Start-Shell "exec '$program'"
        $id, $variable, $garlic = $running.StandardOutput.ReadLine() -split ' '
        $id = [int] $id
        $threadVariable, $threadText = $running.StandardOutput.ReadLine() -split ' '
        # Both threads sleep before the stack pointers are read.
        $null = [System.Threading.SpinWait]::SpinUntil({
                -not (Get-ChildItem /proc/$id/task | Where-Object { (Get-Content "$_/syscall") -match '^running' }) }, 10000)
    }
}

AfterAll {
    Stop-Target
}

Describe 'The layout of a process' {
    BeforeEach {
        if (-not $hasProgram) {
            Set-ItResult -Skipped -Because 'it needs gcc'
        }
    }

    It 'starts with what readelf shows for the program' {
        $header = Get-ElfHeader $program
        $text = Get-ElfSection $program -Name .text
        # Execution starts in .text, at _start.
        $header.EntryPoint | Should -BeGreaterOrEqual $text.VirtualAddress
        $header.EntryPoint | Should -BeLessThan ($text.VirtualAddress + $text.SizeBytes)
        (Get-ElfSymbol $program -Name _start).Value | Should -Be $header.EntryPoint
        $code, $data = (Get-ElfSegment $program -Type Load).Where({ $_.Permissions -eq 'r-x' }, 'First') +
            (Get-ElfSegment $program -Type Load).Where({ $_.Permissions -eq 'rw-' }, 'First')
        $code.Sections | Should -Contain '.text'
        $data.Sections | Should -Contain '.data'
        $data.Sections | Should -Contain '.bss'
        $data.MemoryBytes | Should -BeGreaterThan $data.FileBytes
    }

    It 'shows the segment of each mapping of the program' {
        $maps = Get-ProcMap $id -Path $program -Detailed
        $maps.Count | Should -BeGreaterOrEqual 4
        foreach ($map in $maps) {
            $map.Segment | Should -Match '^LOAD #(\d+) (r--|r-x|rw-)$'
            $segment = (Get-ElfSegment $program)[[int] ($map.Segment -replace '^LOAD #(\d+) .*', '$1')]
            $map.Offset -band -4096 | Should -BeGreaterOrEqual ($segment.Offset -band -4096)
            $map.BuildId | Should -Be (Get-ElfHeader $program).BuildId
        }

        # Data that only the dynamic linker has to write is read-only (RELRO).
        $maps.Role | Select-Object -Unique | Should -Be 'ReadOnlyData', 'Text', 'Data'
        (Get-ProcMap $id -Detailed -Kind Heap, Stack).Role | Should -Be 'Heap', 'Stack'
        $libc = Get-ProcMap $id -Detailed -Path libc.so.6
        $libc.Segment | Should -Contain 'LOAD #3 r-x'
        @($libc | Where-Object Role).Count | Should -Be 0
    }

    It 'has local variables on the stack and memory of malloc on the heap' {
        $stack = Get-ProcMap $id -Address $variable -Detailed
        $stack.Path | Should -Be '[stack]'
        $stack.Thread | Should -Be $id
        (Get-ProcMap $id -Address $garlic).Path | Should -Be '[heap]'
        (Read-ProcessMemory $id $garlic -Length 7 -AsString) | Should -Match '^garlic'
    }

    It 'has a separate stack for each thread' {
        $stack = Get-ProcMap $id -Address $threadVariable -Detailed
        $stack.Kind | Should -Be 'Anonymous'
        $stack.Thread | Should -BeIn (Get-ChildItem /proc/$id/task).Name
        $stack.Thread | Should -Not -Be $id
        (Get-ProcMap $id -Address $threadText).Path | Should -Not -Be '[heap]'
    }

    It 'has the kernel''s shared object, with its functions' {
        $vdso = Get-ProcMap $id -Kind Vdso
        $symbols = $vdso | Get-ElfSymbol -Type Function
        foreach ($name in '__vdso_gettimeofday', '__vdso_clock_gettime', '__vdso_time', '__vdso_getcpu') {
            $symbol = $symbols | Where-Object Name -EQ $name
            $symbol.Version | Should -Be 'LINUX_2.6'
            $symbol.Address | Should -BeGreaterOrEqual $vdso.Start
            $symbol.Address | Should -BeLessThan $vdso.End
        }

        ($symbols | Where-Object Name -EQ gettimeofday).Value |
            Should -Be ($symbols | Where-Object Name -EQ __vdso_gettimeofday).Value
        # The same as from a file that it was saved to.
        $file = Join-Path $TestDrive vdso.so
        $null = $vdso | Read-ProcessMemory -OutFile $file
        (Get-ElfSymbol $file -Type Function).VersionedName | Should -Be $symbols.VersionedName
    }
}
