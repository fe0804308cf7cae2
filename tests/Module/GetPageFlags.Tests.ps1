BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Get-PageFlags' {
    It 'names the flags of a number, of names, and of objects from the pipeline' {
        $sets = Get-PageFlags -Describe 0x86c, 'anon,0x1'
        $sets | Should -BeOfType MemProc.PageFlagSet
        $sets[0].Flags | Should -Be 'referenced', 'uptodate', 'lru', 'active', 'mmap'
        $sets[1].FlagSet | Should -Be 0x1001
        $sets[1].Flags | Should -Be 'locked', 'anonymous'
        $objects = [pscustomobject] @{ FlagSet = 0x10 }, [pscustomobject] @{ RawFlags = 0x20 }, [pscustomobject] @{ RawFlags = $null }
        ($objects | Get-PageFlags -Describe).Flags | Should -Be 'dirty', 'lru'
        (Get-PageFlags -Describe 0x8000000000000000).Flags | Should -Be 'mmap_exclusive'
        { Get-PageFlags -Describe dirtt } | Should -Throw "*no page flag 'dirtt'*"
        $sets | Out-Screen | Should -Match '(?s)FlagSet : 0x86c.*Flags +: referenced,uptodate,lru,active,mmap'
    }

    It 'joins frames of equal state with -Run, and accepts open ranges' {
        Assert-Root
        $runs = Get-PageFlags -Pfn '..0xfff' -Run
        ($runs | Measure-Object PageCount -Sum).Sum | Should -Be 0x1000
        $runs.Count | Should -BeLessThan 0x1000
        $end = 0
        foreach ($run in $runs) {
            $run.Pfn | Should -Be $end
            $end += $run.PageCount
        }

        $last = Get-PageFlags -Run | Select-Object -Last 1
        $tail = Get-PageFlags -Pfn "0x$('{0:x}' -f $last.Pfn).." -Run
        ($tail | Measure-Object PageCount -Sum).Sum | Should -Be $last.PageCount
        # Runs continue across objects of the pipeline and adjacent ranges.
        $pieces = (0..0x7ff | Get-PageFlags -Run), (Get-PageFlags -Pfn '0..0x3ff', '0x400..0x7ff' -Run)
        foreach ($piece in $pieces) {
            ($piece | Measure-Object PageCount -Sum).Sum | Should -Be 0x800
            foreach ($index in 1..($piece.Count - 1)) {
                $before, $after = $piece[($index - 1), $index]
                $before.Symbol -ne $after.Symbol -or $before.MapCount -ne $after.MapCount -or
                    $before.CgroupInode -ne $after.CgroupInode | Should -BeTrue
            }
        }

        { Set-PageIdle -Pfn '0x10..' -WhatIf } | Should -Throw '*not a valid frame number*'
    }

    It 'takes pages from the pipeline' {
        Assert-Root
        $pages = Get-PageMapEntry $target.Id $seed -Count 2
        ($pages | Get-PageFlags).Pfn | Should -Be $pages.Pfn
        ($pages | Select-Object Pfn | Get-PageFlags).Pfn | Should -Be $pages.Pfn
        ($pages | Get-PageFlags -Flag buddy) | Should -BeNullOrEmpty
        # What the command line gives is not replaced by the page.
        ($pages[0] | Get-PageFlags -Count 2).Pfn | Should -Be $pages[0].Pfn, ($pages[0].Pfn + 1)
        $address = $target.Ask('map 4096 rw- private').address
        $missing = Get-PageMapEntry $target.Id $address -All
        $null = $missing, $pages[0] | Get-PageFlags -OutVariable found -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -BeLike 'Pfn,EINVAL,*'
        $found.Pfn | Should -Be $pages[0].Pfn
    }

    It 'reads saved tables' {
        $file, $counts, $groups = 'flags', 'counts', 'groups' | ForEach-Object { Join-Path $TestDrive $_ }
        $words = { [byte[]] ($args | ForEach-Object { [BitConverter]::GetBytes([ulong] $_) }) }
        [System.IO.File]::WriteAllBytes($file, (& $words 0x20 0x20 0x1000))
        [System.IO.File]::WriteAllBytes($counts, (& $words 1 2 3))
        [System.IO.File]::WriteAllBytes($groups, (& $words 7 8 8))
        $frames = Get-PageFlags -KpageFlagsPath $file
        $frames.RawFlags | Should -Be 0x20, 0x20, 0x1000
        $frames[0].MapCount, $frames[0].CgroupInode | Should -Be $null, $null
        (Get-PageFlags -KpageFlagsPath $file -Run).PageCount | Should -Be 2, 1
        $all = @{ KpageFlagsPath = $file; KpageCountPath = $counts; KpageCgroupPath = $groups }
        (Get-PageFlags @all).MapCount | Should -Be 1, 2, 3
        (Get-PageFlags @all -Cgroup '@8').Pfn | Should -Be 1, 2
        (Get-PageFlags @all -Flag anon).Pfn | Should -Be 2
        { Get-PageFlags -KpageFlagsPath $file -Cgroup '@8' } | Should -Throw '*requires -KpageCgroupPath*'
        { Get-PageFlags -KpageCountPath $counts } | Should -Throw '*require -KpageFlagsPath*'
        { Get-PageFlags -KpageFlagsPath /dev/null } |
            Should -Throw -ErrorId 'ReadPageFlags,EINVAL,MemProc.PowerShell.GetPageFlagsCommand'
        (Measure-PageFlags -KpageFlagsPath $file).PageCount | Should -Be 2, 1
        (Measure-PageFlags -KpageFlagsPath $file -Pfn '1..').PageCount | Should -Be 1, 1
        (Measure-PageFlags -KpageFlagsPath $file -KpageCgroupPath $groups -Cgroup 8).PageCount | Should -Be 1, 1
        { Measure-PageFlags -Id $target.Id -KpageFlagsPath $file } | Should -Throw '*no processes or files*'
    }

    It 'reports a touched page as anonymous and mmap' {
        Assert-Root
        $page = Get-PageMapEntry $target.Id $seed
        $flags = Get-PageFlags $page.Pfn
        $flags | Should -BeOfType MemProc.PageFlags
        $flags.Pfn | Should -Be $page.Pfn
        $flags.Flags | Should -Contain 'anonymous'
        $flags.Flags | Should -Contain 'mmap'
        $flags.Symbol | Should -MatchExactly '^...........Ma'
        $flags.MapCount | Should -Be 1
        $flags.RawFlags | Should -BeOfType [ulong]
    }

    It 'accepts the whole pipeline from Get-Process' {
        Assert-Root
        Get-Process -Id $target.Id | Get-ProcMap -Kind Stack, Vdso | Get-PageMapEntry | Get-PageFlags |
            ForEach-Object Flags | Should -Contain 'anonymous'
        # Anonymous mappings of the runtime come and go between two commands.
        $pages = Get-ProcMap $target.Id -Kind File, Stack, Vdso | Get-PageMapEntry | Where-Object Pfn
        $flags = $pages | Get-PageFlags
        $flags.Pfn | Should -Be $pages.Pfn
        # A run counts as all its pages.
        (Get-ProcMap $target.Id -Kind File, Stack, Vdso | Get-PageMapEntry -Run | Get-PageFlags).Count | Should -BeGreaterThan ($pages.Count * 0.9)
    }

    It 'shows kernel-internal and overloaded flags with -Raw only' {
        Assert-Root
        $page = Get-PageMapEntry $target.Id $seed
        $plain = Get-PageFlags $page.Pfn
        $raw = Get-PageFlags $page.Pfn -Raw
        $plain.Flags | Should -Not -Contain 'anon_exclusive'
        $raw.RawFlags -band (1ul -shl 34) | Should -Not -Be 0
        $raw.Flags | Should -Contain 'anon_exclusive'
    }

    It 'skips pages without a frame, and writes an error for a frame after the last one' {
        Assert-Root
        $none = [pscustomobject] @{ Pfn = $null }, [pscustomobject] @{ Pfn = 1 } | Get-PageFlags
        $none.Pfn | Should -Be 1
        $found = Get-PageFlags 0xfffffffffffff, 1 -ErrorVariable problem -ErrorAction SilentlyContinue
        $found.Pfn | Should -Be 1
        $problem[0].FullyQualifiedErrorId | Should -Be 'ReadPageFlags,EINVAL,MemProc.PowerShell.GetPageFlagsCommand'
    }

    It 'accepts frame numbers as text, as hex if they contain a letter' {
        Assert-Root
        (Get-PageFlags '0x10', 'a', '11').Pfn | Should -Be 16, 10, 11
        { Get-PageFlags 'c963zz' } |
            Should -Throw -ErrorId 'ParameterArgumentTransformationError,MemProc.PowerShell.GetPageFlagsCommand'
    }
}

Describe 'Get-PageFlags without a process' {
    It 'describes every flag' {
        $flags = Get-PageFlags -Describe
        $flags | Should -BeOfType MemProc.PageFlagDescription
        ($flags | Where-Object Name -EQ 'thp').Bit | Should -Be 22
        ($flags | Where-Object Name -EQ 'thp').Since | Should -Be '3.4'
        $flags.Name | Should -Contain 'mmap_exclusive'
        $flags | Out-Screen -Width 120 | Should -Match 'merged with identical pages by KSM'
    }

    It 'accepts ranges' {
        Assert-Root
        (Get-PageFlags '0x10..0x13').Pfn | Should -Be 16, 17, 18, 19
        (Get-PageFlags ([long[]] (16, 17))).Pfn | Should -Be 16, 17
        (Get-PageFlags ([Collections.Generic.List[ulong]]::new([ulong[]] (16, 17)))).Pfn | Should -Be 16, 17
        { Get-PageFlags '9..8' } |
            Should -Throw -ErrorId 'ParameterArgumentTransformationError,MemProc.PowerShell.GetPageFlagsCommand'
    }

    It 'reads all frames of the machine, and stops when the pipeline stops' {
        Assert-Root
        (Get-PageFlags -Pfn '0..' | Select-Object -First 3).Pfn | Should -Be 0, 1, 2
        $target.Ask("touch $seed 2") | Out-Null
        $own = (Get-PageMapEntry $target.Id $seed).Pfn
        (Get-PageFlags -Flag anonymous, mmap | Where-Object Pfn -EQ $own | Measure-Object).Count | Should -Be 1
    }

    It 'asks for frames instead of writing all of the machine' {
        Assert-Root
        { Get-PageFlags } | Should -Throw -ErrorId 'Pfn,EINVAL,*'
        (Get-PageFlags -Pfn '0..' | Select-Object -First 1).Pfn | Should -Be 0
        (Get-PageFlags -Flag reserved -Raw | Select-Object -First 1) | Should -Not -BeNullOrEmpty
    }
}
