BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Measure-PageFlags' {
    It 'counts the pages of a process like its single pages' {
        Assert-Root
        $summary = Measure-PageFlags $target.Id $seed 8192
        $summary | Should -BeOfType MemProc.PageFlagsSummary
        ($summary | Measure-Object PageCount -Sum).Sum | Should -Be 2
        $summary[0].Flags | Should -Contain 'anonymous'
        $summary[0].SizeBytes | Should -Be ($summary[0].PageCount * 4096)
        (Get-ProcMap $target.Id -Address $seed | Measure-PageFlags | Measure-Object PageCount -Sum).Sum | Should -Be 2
    }

    It 'counts all frames of the machine, and ranges of frames' {
        Assert-Root
        $machine = Measure-PageFlags
        $machine.Flags | Should -Contain 'buddy'
        ($machine | Measure-Object SizeBytes -Sum).Sum | Should -BeGreaterThan 100MB
        (Measure-PageFlags -Pfn '0..0xff', 0x100 | Measure-Object PageCount -Sum).Sum | Should -Be 257
        (Measure-PageFlags -Raw).Flags | Should -Contain 'reserved'
    }

    It 'adds up the files of a folder, and pages from the pipeline' {
        Assert-Root
        $folder = New-Item "$TestDrive/sum/inner" -ItemType Directory -Force
        [System.IO.File]::WriteAllBytes("$TestDrive/sum/one", [byte[]]::new(3 * 4096))
        [System.IO.File]::WriteAllBytes("$folder/two", [byte[]]::new(2 * 4096 + 1))
        $count = { ($input | Measure-Object PageCount -Sum).Sum }
        Measure-PageFlags -Path $TestDrive/sum | & $count | Should -Be 6
        Measure-PageFlags -LiteralPath $TestDrive/sum/inner | & $count | Should -Be 3
        Get-FilePage $TestDrive/sum -Recurse | Measure-PageFlags | & $count | Should -Be 6
        # Runs count with all their frames, and pages of a process once, by their addresses.
        Get-PageFlags -Pfn '..0xff' -Run | Measure-PageFlags | & $count | Should -Be 256
        Get-PageMapEntry $target.Id $seed -Count 2 -Run | Measure-PageFlags | & $count | Should -Be 2
    }

    It 'rejects -Length without -Address' {
        Assert-Root
        { Measure-PageFlags $target.Id -Length 8192 } |
            Should -Throw '-Length requires -Address.' -ErrorId 'Address,EINVAL,MemProc.PowerShell.MeasurePageFlagsCommand'
    }

    It 'filters by cgroup' {
        Assert-Root
        $page = Get-PageMapEntry $target.Id $seed -WithCgroup
        if (-not $page.CgroupInode) {
            Set-ItResult -Skipped -Because 'the page is charged to no cgroup'
            return
        }

        (Measure-PageFlags $target.Id $seed 8192 -Cgroup $page.CgroupInode | Measure-Object PageCount -Sum).Sum |
            Should -Be 2
        Measure-PageFlags $target.Id $seed 8192 -Cgroup "@$($page.CgroupInode + 1)" | Should -BeNullOrEmpty
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
            Should -Throw -ErrorId 'FindFile,ENOENT,MemProc.PowerShell.MeasurePageFlagsCommand'
    }

    It 'writes an error for a process that does not exist, and counts the others' {
        Assert-Root
        $summary = Measure-PageFlags 4194305, $target.Id -ErrorVariable problem -ErrorAction SilentlyContinue
        ($summary | Measure-Object PageCount -Sum).Sum | Should -BeGreaterThan 100
        $problem[0].FullyQualifiedErrorId | Should -Be 'OpenProcess,ESRCH,MemProc.PowerShell.MeasurePageFlagsCommand'
    }
}
