BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Resolve-ProcAddress' {
    It 'returns file, section and symbol of an expression' {
        $malloc = Resolve-ProcAddress $target.Id 'libc.so.6!malloc+4'
        $malloc | Should -BeOfType MemProc.ResolvedAddress
        $malloc.Module | Should -Be 'libc.so.6'
        $malloc.Section | Should -Be '.text'
        $malloc.Symbol | Should -Be 'malloc'
        $malloc.SymbolOffset | Should -Be 4
        $malloc.Location | Should -Be 'libc.so.6!malloc+0x4'
        $malloc.ModuleStart + $malloc.ModuleOffset | Should -Be $malloc.Address
        (Resolve-ProcAddress $target.Id $malloc.Expression).Address | Should -Be $malloc.Address
    }

    It 'accepts objects, strings and numbers from the pipeline' {
        $map = Get-ProcMap $target.Id -Address 'libc.so.6!malloc'
        ($map | Resolve-ProcAddress).Address | Should -Be $map.Start
        ('[stack]', 'auxv:AT_ENTRY' | Resolve-ProcAddress -Id $target.Id).Count | Should -Be 2
        $seed, ($seed + 1) | Resolve-ProcAddress -Id $target.Id | ForEach-Object Address |
            Should -Be $seed, ($seed + 1)
        ([pscustomobject] @{ ProcessId = $target.Id; Address = $seed } | Resolve-ProcAddress).ProcessId |
            Should -Be $target.Id
    }

    It 'reads the current state of a mapping from the pipeline' {
        $address = $target.Ask('map 4096 rw- private').address
        $permissions = & {
            $address
            $null = $target.Ask("protect $address 4096 r--")
            $address
            '[heap]'
        } | Resolve-ProcAddress -Id $target.Id | ForEach-Object Permissions
        $permissions | Should -Be 'rw-p', 'r--p', 'rw-p'
    }

    It 'accepts lists of any type' {
        $pair = $seed, ($seed + 1)
        foreach ($list in [ulong[]] $pair, [long[]] $pair, [Collections.Generic.List[ulong]]::new([ulong[]] $pair),
            [string[]] $pair.ForEach{ "$_" }, [Collections.ArrayList]::new($pair)) {
            Resolve-ProcAddress $target.Id $list | ForEach-Object Address | Should -Be $pair
        }
    }

    It 'continues after addresses that cannot be resolved, with an error for each' {
        $answers = Resolve-ProcAddress $target.Id 'libc.so.6', 'libc.so', 0x10, '[stack]' `
            -ErrorVariable failures -ErrorAction SilentlyContinue
        $answers.Count | Should -Be 2
        $failures.FullyQualifiedErrorId | Should -Be @(
            'ResolveAddress,ENOENT,MemProc.PowerShell.ResolveProcAddressCommand'
            'FindMap,ENOENT,MemProc.PowerShell.ResolveProcAddressCommand')
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound', 'ObjectNotFound'
        $failures[0].Exception.Message | Should -BeLike '*Similar names: libc.so.6*'
    }

    It 'rejects an invalid expression before any read, with the position' {
        { Resolve-ProcAddress $target.Id 'libc.so.6!' } | Should -Throw '*has to follow the !*'
    }

    It 'supports expressions in every -Address' {
        (Get-ProcMap $target.Id -Address 'libc.so.6!malloc').IsExecutable | Should -BeTrue
        Read-ProcessMemory $target.Id '[vdso]+1' 3 -AsString | Should -Be 'ELF'
        (Get-PageMapEntry $target.Id 'libc.so.6!malloc').Path | Should -BeLike '*/libc.so.6'
        $garlic = $target.Ask('garlic')
        Read-ProcessMemory $target.Id "*(0x$('{0:x}' -f $garlic.pointer))" 6 -AsString | Should -Be 'garlic'
    }

    It 'shows frames and flags to root' {
        Assert-Root
        $page = Resolve-ProcAddress $target.Id ($seed + 0x123) -WithFlags
        $page.Pfn | Should -Be (Get-PageMapEntry $target.Id $seed).Pfn
        $page.PhysicalAddress % 4096 | Should -Be (($seed + 0x123) % 4096)
        $page.Flags | Should -Contain 'anonymous'
    }

    It 'warns once that frames are hidden' {
        Assert-Root
        $lines = Invoke-OtherPwsh -Prefix 'setpriv', '--reuid', '65534', '--clear-groups' -Script '
            $all = Resolve-ProcAddress -Address "libc.so.6", "[stack]-8" -WarningVariable messages -WarningAction SilentlyContinue
            "$($all.Count) $($messages.Count) $($all[1].IsPfnHidden) $($null -eq $all[1].Pfn)"'
        $lines | Should -Be '2 1 True True'
    }

    It 'fits a narrow screen, from a job too' {
        $malloc = Resolve-ProcAddress $target.Id 'libc.so.6!malloc+4'
        $screen = $malloc | Out-Screen -Width 80
        $screen | Should -Match "0x[0-9a-f]+ +r-xp \.text +libc\.so\.6!malloc\+0x4"
        $list = $malloc | Format-List | Out-Screen
        $list | Should -Match 'Location +: libc\.so\.6!malloc\+0x4'
        $list | Should -Match "PteIndex +: $($malloc.PteIndex) \(0x$('{0:x}' -f ($malloc.PteIndex * 8))\)"
        $copy = [System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize($malloc))
        $copy | Out-Screen -Width 80 | Should -Be $screen
        $copy | Format-List | Out-Screen | Should -Be $list
    }

    It 'escapes control characters of a path' {
        $folder = Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())"
        $null = New-Item $folder -ItemType Directory
        try {
            $path = Join-Path $folder "a`e[31mb"
            [System.IO.File]::WriteAllBytes($path, [byte[]]::new(4096))
            $address = $target.Ask("file 0 4096 r-- private $folder/a\e[31mb").address
            $resolved = Resolve-ProcAddress $target.Id $address
            $resolved.Module | Should -Be "a`e[31mb"
            $resolved | Out-String | Should -Match 'a\\x1b\[31mb'
            { Resolve-ProcAddress $target.Id 'a"' } | Should -Throw
        }
        finally {
            Remove-Item $folder -Recurse -Force
        }
    }

    It 'completes files, symbols, areas, sections and the auxiliary vector' {
        function Complete([string] $Word) {
            $line = "Resolve-ProcAddress -Id $($target.Id) -Address $Word"
            (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
        }

        Complete 'libc.so' | Should -Contain 'libc.so.6'
        Complete 'libc.so.6!mallo' | Should -Contain "'libc.so.6!malloc'"
        Complete 'libc.so.6!.bs' | Should -Contain "'libc.so.6!.bss'"
        Complete '[st' | Should -Contain "'[stack]'"
        Complete '.tex' | Should -Contain '.text'
        Complete 'auxv:AT_EN' | Should -Contain 'auxv:AT_ENTRY'
    }
}

Describe 'Resolve-ProcAddress in a separate mount namespace' {
    It 'reads the file that the process maps, not the file at the same path of the host' {
        Assert-Root
        if (-not (Get-Command gcc -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs gcc'
        }

        $folder = Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())"
        $null = New-Item $folder -ItemType Directory
        try {
            'int host_dish(void) { return 1; }' | gcc -shared -fPIC -nostdlib -x c - -o $folder/libdish.so
            'int pad(void) { return 0; } int other_dish(void) { return 2; }' | gcc -shared -fPIC -nostdlib -x c - -o $folder/other.so
            @'
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **arguments) {
    void *library = dlopen(arguments[1], RTLD_NOW);
    printf("%p %p\n", dlsym(library, "other_dish"), dlsym(library, "host_dish"));
    fflush(stdout);
    getchar();
    return 0;
}
'@ | gcc -x c - -o $folder/cook
            $start = [System.Diagnostics.ProcessStartInfo]::new('unshare')
            '--mount', '/bin/sh', '-c', "mount --bind $folder/other.so $folder/libdish.so && exec $folder/cook $folder/libdish.so" |
                ForEach-Object { $start.ArgumentList.Add($_) }
            $start.RedirectStandardOutput = $start.RedirectStandardInput = $true
            $cook = [System.Diagnostics.Process]::Start($start)
            try {
                $other, $host_ = $cook.StandardOutput.ReadLine() -split ' '
                $host_ | Should -Be '(nil)'
                $resolved = Resolve-ProcAddress $cook.Id $other
                $resolved.Symbol | Should -Be 'other_dish'
                $resolved.Module | Should -BeIn 'libdish.so', 'other.so'
                $resolved.IsReplaced | Should -BeFalse
                (Resolve-ProcAddress $cook.Id "$($resolved.Module)!other_dish").Address | Should -Be $resolved.Address
            }
            finally {
                $cook.Kill($true)
                $cook.WaitForExit()
            }
        }
        finally {
            Remove-Item $folder -Recurse -Force
        }
    }

    It 'detects that a file was replaced, and still names what is mapped' {
        if (-not (Get-Command gcc -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs gcc'
        }

        $folder = Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())"
        $null = New-Item $folder -ItemType Directory
        try {
            '#include <stdio.h>
            int spoon(void) { return 4; } int main(void) { printf("%p\n", (void *)spoon); fflush(stdout); getchar(); return 0; }' |
                gcc -x c - -o $folder/cook
            $start = [System.Diagnostics.ProcessStartInfo]::new("$folder/cook")
            $start.RedirectStandardOutput = $start.RedirectStandardInput = $true
            $cook = [System.Diagnostics.Process]::Start($start)
            try {
                $spoon = $cook.StandardOutput.ReadLine()
                $before = Resolve-ProcAddress $cook.Id $spoon
                $before.IsReplaced | Should -BeFalse
                $before.SymbolSource | Should -Be 'Full'
                'int main(void) { return 0; }' | gcc -x c - -o $folder/new
                Move-Item $folder/new $folder/cook -Force
                $after = Resolve-ProcAddress $cook.Id $spoon
                $after.IsReplaced | Should -BeTrue
                $after.IsDeleted | Should -BeTrue
                if (Test-IsRoot) {
                    $after.Symbol | Should -Be 'spoon'
                }

                # A file that was removed without replacement is a different case.
                Remove-Item $folder/cook
                (Resolve-ProcAddress $cook.Id $spoon).IsReplaced | Should -BeFalse
            }
            finally {
                $cook.Kill()
                $cook.WaitForExit()
            }
        }
        finally {
            Remove-Item $folder -Recurse -Force
        }
    }
}
