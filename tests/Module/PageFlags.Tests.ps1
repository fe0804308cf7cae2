BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Filters of Get-PageMapEntry' {
    It 'leaves out what <filter> does not ask for' -ForEach @(
        @{ filter = @{ Present = $true }; test = { $_.IsPresent } }
        @{ filter = @{ File = $true }; test = { $_.IsFileOrShared } }
        @{ filter = @{ Anonymous = $true }; test = { -not $_.IsFileOrShared -and -not $_.IsGuard } }
        @{ filter = @{ Exclusive = $true; File = $true }; test = { $_.IsExclusive -and $_.IsFileOrShared } }
    ) {
        # In this order: the runtime of a process that has just started still touches new pages.
        $some = Get-PageMapEntry $target.Id @filter
        $all = Get-PageMapEntry $target.Id
        $some.Count | Should -BeGreaterThan 0
        $some.Count | Should -BeLessThan ($all.Count + 1)
        $some | Where-Object { -not (& $test) } | Should -BeNullOrEmpty
    }

    It 'fills flags, map count and cgroup in the same pass' {
        Assert-Root
        $pages = Get-PageMapEntry $target.Id $seed 8192 -WithFlags -WithMapCount -WithCgroup
        $pages | ForEach-Object MapCount | Should -Be 1, 1
        $pages[0].Flags | Should -Contain 'anonymous'
        $pages[0].Symbol | Should -MatchExactly '^...........Ma'
        $flags = $pages | Get-PageFlags
        $pages.CgroupInode | Should -Be $flags.CgroupInode
        $pages.CgroupPath | Should -Be $flags.CgroupPath
        $plain = Get-PageMapEntry $target.Id $seed 4096
        $plain.Flags, $plain.MapCount, $plain.CgroupInode | Should -Be $null, $null, $null
    }

    It 'filters by flags in the four forms' {
        Assert-Root
        (Get-PageMapEntry $target.Id $seed 8192 -Flag anonymous, mmap).Count | Should -Be 2
        Get-PageMapEntry $target.Id $seed 8192 -NotFlag anonymous | Should -BeNullOrEmpty
        (Get-PageMapEntry $target.Id $seed 8192 -AnyFlag slab, anonymous).Count | Should -Be 2
        $exact = (Get-PageMapEntry $target.Id $seed 8192 -WithFlags)[0].Flags
        (Get-PageMapEntry $target.Id $seed 4096 -ExactFlag $exact | Measure-Object).Count | Should -Be 1
        Get-PageMapEntry $target.Id $seed 8192 -ExactFlag slab | Should -BeNullOrEmpty
    }

    It 'refuses a flag that there is not' {
        { Get-PageMapEntry $target.Id -Flag dirtyy } |
            Should -Throw -ErrorId 'Flag,EINVAL,MemProc.PowerShell.GetPageMapEntryCommand'
        { Measure-PageFlags $target.Id -Flag dirtyy } |
            Should -Throw -ErrorId 'Flag,EINVAL,MemProc.PowerShell.MeasurePageFlagsCommand'
    }

    It 'completes names of flags with their meaning' {
        $line = 'Get-PageMapEntry -Flag anony'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches[0].CompletionText | Should -Be 'anonymous'
        $found.CompletionMatches[0].ToolTip | Should -Match 'bit 12'
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

    It 'takes ranges' {
        Assert-Root
        (Get-PageFlags '0x10..0x13').Pfn | Should -Be 16, 17, 18, 19
        (Get-PageFlags ([long[]] (16, 17))).Pfn | Should -Be 16, 17
        (Get-PageFlags ([Collections.Generic.List[ulong]]::new([ulong[]] (16, 17)))).Pfn | Should -Be 16, 17
        { Get-PageFlags '9..8' } |
            Should -Throw -ErrorId 'ParameterArgumentTransformationError,MemProc.PowerShell.GetPageFlagsCommand'
    }

    It 'goes over the whole machine, and stops when the pipeline has had enough' {
        Assert-Root
        (Get-PageFlags | Select-Object -First 3).Pfn | Should -Be 0, 1, 2
        $target.Ask("touch $seed 2") | Out-Null
        $own = (Get-PageMapEntry $target.Id $seed).Pfn
        (Get-PageFlags -Flag anonymous, mmap | Where-Object Pfn -EQ $own | Measure-Object).Count | Should -Be 1
    }
}

Describe 'Measure-PageFlags' {
    It 'counts the pages of a process as the single pages say' {
        Assert-Root
        $summary = Measure-PageFlags $target.Id $seed 8192
        $summary | Should -BeOfType MemProc.PageFlagsSummary
        ($summary | Measure-Object PageCount -Sum).Sum | Should -Be 2
        $summary[0].Flags | Should -Contain 'anonymous'
        $summary[0].SizeBytes | Should -Be ($summary[0].PageCount * 4096)
        (Get-ProcMap $target.Id -Address $seed | Measure-PageFlags | Measure-Object PageCount -Sum).Sum | Should -Be 2
    }

    It 'counts the machine, and ranges of it' {
        Assert-Root
        $machine = Measure-PageFlags
        $machine.Flags | Should -Contain 'buddy'
        ($machine | Measure-Object SizeBytes -Sum).Sum | Should -BeGreaterThan 100MB
        (Measure-PageFlags -Pfn '0..0xff', 0x100 | Measure-Object PageCount -Sum).Sum | Should -Be 257
        (Measure-PageFlags -Raw).Flags | Should -Contain 'reserved'
    }

    It 'filters by cgroup' {
        Assert-Root
        $page = Get-PageMapEntry $target.Id $seed -WithCgroup
        if (-not $page.CgroupInode) {
            Set-ItResult -Skipped -Because 'no cgroup pays for the page'
            return
        }

        (Measure-PageFlags $target.Id $seed 8192 -Cgroup $page.CgroupInode | Measure-Object PageCount -Sum).Sum |
            Should -Be 2
        Measure-PageFlags $target.Id $seed 8192 -Cgroup 1 | Should -BeNullOrEmpty
        (Get-PageMapEntry $target.Id $seed 8192 -Cgroup $page.CgroupInode).Count | Should -Be 2
        { Measure-PageFlags -Cgroup /no/such/cgroup } |
            Should -Throw -ErrorId 'FindCgroup,ENOENT,MemProc.PowerShell.MeasurePageFlagsCommand'
    }

    It 'counts the pages of files that are in memory' {
        Assert-Root
        $file = Join-Path $TestDrive data.bin
        [System.IO.File]::WriteAllBytes($file, [byte[]]::new(5 * 4096 + 7))
        (Measure-PageFlags -LiteralPath $file | Measure-Object PageCount -Sum).Sum | Should -Be 6
        (Measure-PageFlags -Path "$TestDrive/data.*" | Measure-Object PageCount -Sum).Sum | Should -Be 6
        { Measure-PageFlags -LiteralPath $TestDrive/none -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadFilePages,ENOENT,MemProc.PowerShell.MeasurePageFlagsCommand'
    }

    It 'says of a process that is not there, and counts the others' {
        Assert-Root
        $summary = Measure-PageFlags 4194305, $target.Id -ErrorVariable problem -ErrorAction SilentlyContinue
        ($summary | Measure-Object PageCount -Sum).Sum | Should -BeGreaterThan 100
        $problem[0].FullyQualifiedErrorId | Should -Be 'OpenProcess,ESRCH,MemProc.PowerShell.MeasurePageFlagsCommand'
    }
}

Describe 'Get-PageSharing' {
    It 'tells private pages from shared ones, and with whom' {
        Assert-Root
        $second = Start-Target
        $sharing = Get-PageSharing $target.Id -AmongId $second.Id
        $sharing | Should -BeOfType MemProc.PageSharing
        $own = $sharing | Where-Object Start -EQ $seed
        $own.PresentPages | Should -Be 2
        $own.PrivatePages | Should -Be 2
        $own.UssBytes | Should -Be 8192
        $own.SharedWith.Count | Should -Be 0
        $vdso = $sharing | Where-Object Path -EQ '[vdso]'
        $vdso.SharedWith.ProcessId | Should -Be $second.Id
        $vdso.PrivatePages | Should -Be 0
        $vdso.PssBytes | Should -Be ($vdso.PresentPages * 4096 / 2)
        $own | Out-Screen | Should -Match ('0x{0:x12} +2 +2 +8 KiB +0 rw-p' -f $seed)
    }

    It 'looks among all processes' {
        Assert-Root
        Assert-PidNamespace
        $vdso = Get-PageSharing $target.Id | Where-Object Path -EQ '[vdso]'
        $vdso.SharedWith.ProcessId | Should -Contain $PID
    }

    It 'says of a process that is not there' {
        Assert-Root
        { Get-PageSharing 4194305 -AmongId $target.Id -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.GetPageSharingCommand'
    }
}
