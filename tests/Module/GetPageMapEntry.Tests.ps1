BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Get-PageMapEntry' {
    It 'shows nodes with -WithNode' {
        if (-not (Test-Path /proc/self/numa_maps)) {
            Set-ItResult -Skipped -Because 'it needs CONFIG_NUMA'
            return
        }

        $address = New-TouchedMemory $target
        $pages = Get-PageMapEntry $target.Id $address 40960 -WithNode
        $pages.Count | Should -Be 10
        $pages.Node | ForEach-Object { "/sys/devices/system/node/node$_" | Should -Exist }
        (Get-PageMapEntry $target.Id $address -WithNode | Format-List | Out-Screen) | Should -Match 'Node +: \d'
        (Get-PageMapEntry $target.Id $address).Node | Should -BeNullOrEmpty
        (Get-PageMapEntry $target.Id $address 40960 -Run -WithNode | Measure-Object PageCount -Sum).Sum | Should -Be 10
    }

    It 'returns a separate frame for each of the two pages' {
        Assert-Root
        $pages = Get-PageMapEntry $target.Id $seed 8192
        $pages.Count | Should -Be 2
        $pages | Should -BeOfType MemProc.PageMapEntry
        $pages | ForEach-Object Address | Should -Be $seed, ($seed + 4096)
        $pages[0].Pfn | Should -BeOfType [ulong]
        $pages[0].Pfn | Should -Not -Be $pages[1].Pfn
        $pages.IsPresent | Should -Be $true, $true
        $pages.IsSwapped + $pages.IsGuard | Should -Not -Contain $true
        $pages[0].PhysicalAddress | Should -Be ($pages[0].Pfn * 4096)
    }

    It 'returns the physical address of the byte for one address' {
        Assert-Root
        $page = Get-PageMapEntry $target.Id ($seed + 0x123)
        $page.Address | Should -Be ($seed + 0x123)
        $page.PhysicalAddress % 4096 | Should -Be 0x123
    }

    It 'accepts -Count, mappings as objects and mappings from the pipeline' {
        $expected = Get-PageMapEntry $target.Id $seed -Count 2 | ForEach-Object Raw
        $map = Get-ProcMap $target.Id -Address $seed
        Get-PageMapEntry $target.Id -Address $map | ForEach-Object Raw | Should -Be $expected
        $map | Get-PageMapEntry | ForEach-Object Raw | Should -Be $expected
        $map, $map | Get-PageMapEntry | ForEach-Object Raw | Should -Be ($expected + $expected)
        # What the command line gives is not replaced by the mapping.
        $map | Get-PageMapEntry -Length 4096 | ForEach-Object Raw | Should -Be $expected[0]
        $map | Get-PageMapEntry -Count 1 | ForEach-Object Raw | Should -Be $expected[0]
        $map | Get-PageMapEntry -Address ($seed + 4096) -Length 1 | ForEach-Object Raw | Should -Be $expected[1]
        { $map | Get-PageMapEntry -Id $PID -ErrorAction Stop } | Should -Throw '*belongs to another process*'
        # Its properties alone, as from a remote host.
        $map | Select-Object ProcessId, Start, SizeBytes | Get-PageMapEntry | ForEach-Object Raw | Should -Be $expected
        [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($map)) |
            Get-PageMapEntry | ForEach-Object Raw | Should -Be $expected
    }

    It 'notices that the process of a mapping has gone' {
        $dead = Start-Target
        $map = (Get-ProcMap $dead.Id)[0]
        $dead.Kill()
        { $map | Get-PageMapEntry -ErrorAction Stop } | Should -Throw -ErrorId 'OpenProcess,ESRCH,*'
    }

    It 'shows holes with -All and joins adjacent pages with -Run' {
        $address = $target.Ask('map 40960 rw- private').address
        $null = $target.Ask("touch $($address + 8192) 1")
        @(Get-PageMapEntry $target.Id $address 40960).Count | Should -Be 1
        @(Get-PageMapEntry $target.Id $address 40960 -All).Count | Should -Be 10
        $runs = Get-PageMapEntry $target.Id $address 40960 -All -Run
        $runs.PageCount | Should -Be 2, 1, 7
        $runs.IsPresent | Should -Be $false, $true, $false
    }

    It 'returns quickly for a terabyte with a hundred touched pages' {
        $reserve = $target.Ask('reserve 0x10000000000 100')
        @(Get-PageMapEntry $target.Id $reserve.address 1TB).Count | Should -Be 100
    }

    It 'walks this pwsh, which reserves 256 GiB, with bounded memory' {
        $before = [GC]::GetTotalAllocatedBytes($true)
        $count = (Get-PageMapEntry | Measure-Object).Count
        $allocated = [GC]::GetTotalAllocatedBytes($true) - $before
        $count | Should -BeGreaterThan 1000
        # One object per populated page, no memory for empty ones: 256 GiB have 512 MiB of entries.
        $allocated | Should -BeLessThan 200MB
        (Get-PageMapEntry | Select-Object -First 1).IsPresent | Should -BeTrue
    }

    It 'explains why an address is invalid: <address>' -ForEach @(
        @{ address = 0x10; id = 'FindMap,ENOENT'; category = 'ObjectNotFound' }
        @{ address = 0xffffffffff600000; id = 'ReadPageMap,EINVAL'; category = 'InvalidArgument' }
        @{ address = 0xffff800000000000; id = 'ReadPageMap,EINVAL'; category = 'InvalidArgument' }
    ) {
        $null = Get-PageMapEntry $target.Id $address -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.GetPageMapEntryCommand"
        $problem[0].CategoryInfo.Category | Should -Be $category
        # The other address of the same call still has a result.
        (Get-PageMapEntry $target.Id $address, $seed -ErrorAction SilentlyContinue).Address | Should -Be $seed
    }

    It 'rejects a length of <_>' -ForEach 0, -1 {
        { Get-PageMapEntry $target.Id $seed -Length $_ } | Should -Throw
    }

    It 'rejects a length or a count without an address' {
        { Get-PageMapEntry $target.Id -Length 4096 } |
            Should -Throw -ErrorId 'Address,EINVAL,MemProc.PowerShell.GetPageMapEntryCommand'
        { Get-PageMapEntry $target.Id -Count 1 } |
            Should -Throw -ErrorId 'Address,EINVAL,MemProc.PowerShell.GetPageMapEntryCommand'
    }

    It 'rejects a range that overflows' {
        { Get-PageMapEntry $target.Id $seed -Length ([ulong]::MaxValue) -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadPageMap,EINVAL,MemProc.PowerShell.GetPageMapEntryCommand'
    }

    It 'hides frames from an ordinary user, and warns once' {
        Assert-Root
        if (-not (Get-Command setpriv -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs setpriv'
            return
        }

        # The module must be readable for the other user, wherever the repository is.
        $copy = Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())"
        try {
            $null = New-Item $copy -ItemType Directory
            Copy-Item $PSScriptRoot/../../MemProc.psd1, $PSScriptRoot/../../lib $copy -Recurse
            chmod -R a+rX $copy
            $script = "Import-Module $copy/MemProc.psd1
                `$pages = Get-PageMapEntry -Run -WarningVariable warnings -WarningAction SilentlyContinue
                `$pages.Where({ `$_.IsPresent }).Count
                `$pages.Where({ `$null -ne `$_.Pfn }).Count
                `$warnings.Count
                `$warnings[0].Message
                Get-ProcMap $($target.Id) -ErrorVariable refused -ErrorAction SilentlyContinue
                `$refused[0].FullyQualifiedErrorId
                `$refused[0].CategoryInfo.Category
                `$refused[0].Exception.Message
                Find-ProcessByPfn 0x1000 -ErrorVariable refused -ErrorAction SilentlyContinue
                `$refused[0].FullyQualifiedErrorId
                try { Get-PageFlags 0x1000 } catch { `$_.FullyQualifiedErrorId }"
            # A separate home folder, where pwsh can write.
            $answer = setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp XDG_CACHE_HOME=$copy/none `
                DOTNET_EnableDiagnostics=0 pwsh -NoProfile -NonInteractive -Command $script
        }
        finally {
            Remove-Item $copy -Recurse -Force
        }

        [int] $answer[0] | Should -BeGreaterThan 10
        $answer[1] | Should -Be 0
        $answer[2] | Should -Be 1
        $answer[3] | Should -Match 'CAP_SYS_ADMIN'
        $answer[4] | Should -Be 'ReadMaps,EACCES,MemProc.PowerShell.GetProcMapCommand'
        $answer[5] | Should -Be 'PermissionDenied'
        $answer[6] | Should -Match 'CAP_SYS_PTRACE'
        $answer[7] | Should -Be 'ReadPageMap,EPERM,MemProc.PowerShell.FindProcessByPfnCommand'
        $answer[8] | Should -Be 'ReadPageFlags,EACCES,MemProc.PowerShell.GetPageFlagsCommand'
    }

    It 'shows the address of a page and its state' {
        Assert-Root
        $screen = Get-PageMapEntry $target.Id $seed 8192 | Out-Screen
        $screen | Should -Match "Process: $($target.Id) \("
        $screen | Should -Match ('0x{0:x12} +1 +0x[0-9a-f]+ present,exclusive' -f $seed)
    }
}

Describe 'Filters of Get-PageMapEntry' {
    It 'returns only what <filter> selects' -ForEach @(
        @{ filter = @{ Present = $true }; test = { $_.IsPresent } }
        @{ filter = @{ File = $true }; test = { $_.IsFileOrShared } }
        @{ filter = @{ Anonymous = $true }; test = { -not $_.IsFileOrShared -and -not $_.IsGuard } }
        @{ filter = @{ Exclusive = $true; File = $true }; test = { $_.IsExclusive -and $_.IsFileOrShared } }
    ) {
        # In this order, since the runtime of a process that has just started still touches new pages.
        $some = Get-PageMapEntry $target.Id @filter
        $all = Get-PageMapEntry $target.Id
        $some.Count | Should -BeGreaterThan 0
        $some.Count | Should -BeLessThan ($all.Count + 1)
        $some | Where-Object { -not (& $test) } | Should -BeNullOrEmpty
    }

    It 'reads flags, map count and cgroup in the same pass' {
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

    It 'filters by flags in all four forms' {
        Assert-Root
        (Get-PageMapEntry $target.Id $seed 8192 -Flag anonymous, mmap).Count | Should -Be 2
        Get-PageMapEntry $target.Id $seed 8192 -NotFlag anonymous | Should -BeNullOrEmpty
        (Get-PageMapEntry $target.Id $seed 8192 -AnyFlag slab, anonymous).Count | Should -Be 2
        $exact = (Get-PageMapEntry $target.Id $seed 8192 -WithFlags)[0].Flags
        (Get-PageMapEntry $target.Id $seed 4096 -ExactFlag $exact | Measure-Object).Count | Should -Be 1
        Get-PageMapEntry $target.Id $seed 8192 -ExactFlag slab | Should -BeNullOrEmpty
    }

    It 'rejects an unknown flag' {
        { Get-PageMapEntry $target.Id -Flag dirtyy } |
            Should -Throw -ErrorId 'Flag,EINVAL,MemProc.PowerShell.GetPageMapEntryCommand'
        { Measure-PageFlags $target.Id -Flag dirtyy } |
            Should -Throw -ErrorId 'Flag,EINVAL,MemProc.PowerShell.MeasurePageFlagsCommand'
    }

    It 'completes flag names with their meaning' {
        $line = 'Get-PageMapEntry -Flag anony'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches[0].CompletionText | Should -Be 'anonymous'
        $found.CompletionMatches[0].ToolTip | Should -Match 'bit 12'
    }
}
