BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $nobody = 'setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'

    function Assert-PhysicalAddress {
        if (-not (Test-IsRoot) -or (Get-PhysicalMemoryMap -WarningAction SilentlyContinue)[0].IsAddressHidden) {
            Set-ItResult -Skipped -Because 'it needs root with CAP_SYS_ADMIN in the machine''s own user namespace'
        }
    }
}

AfterAll {
    Stop-Target
}

Describe 'Get-PhysicalMemoryMap' {
    It 'equals /proc/iomem line by line' {
        Assert-PhysicalAddress
        $lines = Get-Content /proc/iomem
        $ranges = Get-PhysicalMemoryMap
        $ranges | Should -BeOfType MemProc.PhysicalRange
        $ranges.Count | Should -Be $lines.Count
        for ($index = 0; $index -lt $lines.Count; $index++) {
            $ranges[$index].ToString().Trim() | Should -Be $lines[$index].Trim()
        }
    }

    It 'has typed properties, and an end after the last byte' {
        Assert-PhysicalAddress
        $ram = (Get-PhysicalMemoryMap -Name 'System RAM')[0]
        $start, $last = (Get-Content /proc/iomem | Where-Object { $_ -match '^\S+ : System RAM' })[0] -split '[- ]' |
            Select-Object -First 2 | ForEach-Object { [Convert]::ToUInt64($_, 16) }
        $ram.Start | Should -BeOfType [ulong]
        $ram.Start, $ram.End, $ram.SizeBytes | Should -Be $start, ($last + 1), ($last + 1 - $start)
        $ram.Pfn | Should -Be ([Math]::Floor($start / [Environment]::SystemPageSize))
        $ram.Depth, $ram.Parent, $ram.IsAddressHidden | Should -Be 0, $null, $false
    }

    It 'finds the vDSO of a process by page, frame and address, in a chain that starts with System RAM' {
        Assert-PhysicalAddress
        $page = Get-ProcMap $target.Id -Kind Vdso | Get-PageMapEntry | Select-Object -First 1
        $chain = @($page | Get-PhysicalMemoryMap)
        $chain[0].Name | Should -Be 'System RAM'
        foreach ($range in $chain) {
            $range.Start | Should -BeLessOrEqual $page.PhysicalAddress
            $range.End | Should -BeGreaterThan $page.PhysicalAddress
        }

        foreach ($same in (Get-PhysicalMemoryMap -Pfn $page.Pfn), (Get-PhysicalMemoryMap -Address $page),
            (Get-PhysicalMemoryMap -Address $page.PhysicalAddress), ($page.Pfn | Get-PhysicalMemoryMap),
            (Get-PhysicalMemoryMap -Address ('0x{0:x}' -f $page.PhysicalAddress)),
            ($page | Get-PageFlags | Get-PhysicalMemoryMap)) {
            $same.Name | Should -Be $chain.Name
        }

        $page | Get-PhysicalMemoryMap -Name System* | ForEach-Object Name | Should -Be 'System RAM'
    }

    It 'feeds Get-PageFlags with the frames of a range' {
        Assert-PhysicalAddress
        $range = Get-PhysicalMemoryMap | Where-Object { $_.Parent -eq 'System RAM' -and $_.PageCount -lt 5000 } |
            Select-Object -First 1
        if (-not $range) {
            Set-ItResult -Skipped -Because 'no small range lies in System RAM here'
            return
        }

        $flags = $range | Get-PageFlags
        @($flags).Count | Should -Be $range.PageCount
        $flags[0].Pfn | Should -Be $range.Pfn
    }

    It 'skips pages without a frame and counts the frames of runs' {
        Assert-PhysicalAddress
        [pscustomobject] @{ Pfn = $null } | Get-PhysicalMemoryMap | Should -BeNullOrEmpty
        $all = @(Get-PhysicalMemoryMap)
        @([pscustomobject] @{ Pfn = 0; PageCount = [ulong]::MaxValue } | Get-PhysicalMemoryMap).Count |
            Should -Be $all.Count
    }

    It 'writes the ranges of a long range of frames once' {
        Assert-PhysicalAddress
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        @(Get-PhysicalMemoryMap -Pfn '0x0..0xffffffffffff').Count | Should -Be @(Get-PhysicalMemoryMap).Count
        @(Get-PhysicalMemoryMap -Pfn '0x0..0xffffffffffff' -Count ([ulong]::MaxValue)).Count |
            Should -Be @(Get-PhysicalMemoryMap).Count
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 10
    }

    It 'writes an error for an address outside all ranges, and continues' {
        Assert-PhysicalAddress
        $start = (Get-PhysicalMemoryMap 'System RAM')[0].Start
        $found = Get-PhysicalMemoryMap -Address 'fffffffffffffff0', $start -ErrorVariable problem -ErrorAction SilentlyContinue
        @($found)[0].Name | Should -Be 'System RAM'
        $problem.Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId |
            Should -Be 'FindPhysicalRange,ENOENT,MemProc.PowerShell.GetPhysicalMemoryMapCommand'
        $problem[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $problem[0].TargetObject | Should -Be 0xfffffffffffffff0ul
        { Get-PhysicalMemoryMap -Pfn 0xffffffffffffff -ErrorAction Stop } |
            Should -Throw -ErrorId 'FindPhysicalRange,ENOENT,MemProc.PowerShell.GetPhysicalMemoryMapCommand'
    }

    It 'finds names by wildcards, and writes an error for a plain name that is not found' {
        (Get-PhysicalMemoryMap 'system ra?' -WarningAction SilentlyContinue).Name | Select-Object -Unique |
            Should -Be 'System RAM'
        Get-PhysicalMemoryMap 'no such*' | Should -BeNullOrEmpty
        $found = Get-PhysicalMemoryMap 'no such', 'System RAM' -WarningAction SilentlyContinue -ErrorVariable problem `
            -ErrorAction SilentlyContinue
        $found.Name | Select-Object -Unique | Should -Be 'System RAM'
        $problem[0].FullyQualifiedErrorId |
            Should -Be 'FindPhysicalRange,ENOENT,MemProc.PowerShell.GetPhysicalMemoryMapCommand'
        $problem[0].TargetObject | Should -Be 'no such'
    }

    It 'rejects an invalid <parameters.Keys>: <id>' -ForEach @(
        @{ parameters = @{ Address = 'nonsense' }; id = 'ParameterArgumentTransformationError' }
        @{ parameters = @{ Address = 5.5 }; id = 'ParameterArgumentTransformationError' }
        # A virtual address of a process is not a physical address.
        @{ parameters = @{ Address = [pscustomobject] @{ Address = 4096 } }; id = 'ParameterArgumentTransformationError' }
        @{ parameters = @{ Pfn = 1; Count = 0 }; id = 'ParameterArgumentValidationError' }
        @{ parameters = @{ Pfn = 1; Address = 1 }; id = 'AmbiguousParameterSet' }
    ) {
        { Get-PhysicalMemoryMap @parameters } |
            Should -Throw -ErrorId "$id,MemProc.PowerShell.GetPhysicalMemoryMapCommand"
    }

    It 'hides addresses from an ordinary user, never as 0, and warns once' {
        Assert-Root
        if (-not (Get-Command setpriv -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs setpriv'
            return
        }

        $answer = Invoke-OtherPwsh -Prefix $nobody -Script '
            $ranges = Get-PhysicalMemoryMap -WarningVariable warnings -WarningAction SilentlyContinue
            $ranges.Count
            $ranges.Where({ $_.IsAddressHidden }).Count
            $ranges.Where({ $null -ne $_.Start -or $null -ne $_.End -or $null -ne $_.SizeBytes -or $null -ne $_.Pfn }).Count
            $warnings.Count
            $warnings[0].Message
            Get-PhysicalMemoryMap -Address 4096 -ErrorVariable refused -ErrorAction SilentlyContinue
            $refused[0].FullyQualifiedErrorId
            $refused[0].CategoryInfo.Category
            ($ranges | Out-String -Width 80) -match "(?m)^hidden +hidden +System RAM"
            ($ranges | Out-String -Width 80) -match "(?m)^ *0x"'
        $count = @(Get-Content /proc/iomem).Count
        $answer[0..3] | Should -Be $count, $count, 0, 1
        $answer[4] | Should -Match 'CAP_SYS_ADMIN'
        $answer[5] | Should -Be 'FindPhysicalRange,EPERM,MemProc.PowerShell.GetPhysicalMemoryMapCommand'
        $answer[6] | Should -Be 'PermissionDenied'
        $answer[7, 8] | Should -Be 'True', 'False'
    }

    It 'reads recorded ranges, shows the tree, and escapes control characters in names' {
        Assert-Root
        $recorded = Join-Path $TestDrive iomem
        Set-Content $recorded -Value @(
            '00100000-1fedffff : System RAM', '  0bc00000-0c800de0 : Kernel code', '  0ca00000-0ce16fff : Kernel rodata',
            "20000000-20000fff : `e[31mred", 'ffff0000-ffffffff : top of 32 bits')
        # In a separate mount namespace: no other /proc changes.
        $answer = Invoke-OtherPwsh -Prefix 'unshare', '--mount', 'sh', '-c',
            "mount --bind '$recorded' /proc/iomem || exit; exec `"`$@`"", 'sh' -Script '
            "mounted"
            (Get-PhysicalMemoryMap -Address 0xcd8c000).Name -join "/"
            # PowerShell parses this number as -16.
            (Get-PhysicalMemoryMap -Address 0xfffffff0).Name
            Get-PhysicalMemoryMap | Out-String -Width 80'
        if (@($answer)[0] -ne 'mounted') {
            Set-ItResult -Skipped -Because 'it needs the right to mount'
            return
        }

        $answer[1] | Should -Be 'System RAM/Kernel rodata'
        $answer[2] | Should -Be 'top of 32 bits'
        $screen = $answer -join "`n"
        $screen | Should -Match '(?m)^0x00000ca00000 +0x00000ce17000 +4\.1 MiB   Kernel rodata'
        $screen | Should -Match '(?m) [0-9.]+ MiB System RAM'
        $screen | Should -Match '\\x1b\[31mred'
        $screen | Should -Not -Match "`e\[31mred"
    }

    It 'fits a screen of 80 columns' {
        $screen = Get-PhysicalMemoryMap -WarningAction SilentlyContinue | Out-Screen -Width 80
        $screen -split "`n" | ForEach-Object Length | Measure-Object -Maximum | ForEach-Object Maximum |
            Should -BeLessOrEqual 80
        $screen | Should -Match 'System RAM'
    }

    It 'keeps properties and view through a job' {
        Assert-PhysicalAddress
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job { Import-Module "$using:root/MemProc.psd1"; Get-PhysicalMemoryMap } |
            Receive-Job -Wait -AutoRemoveJob
        $back[0].PSObject.TypeNames | Should -Contain 'Deserialized.MemProc.PhysicalRange'
        $here = Get-PhysicalMemoryMap
        $back.Start | Should -Be $here.Start
        $back.Parent | Should -Be $here.Parent
        ($back | Out-Screen).Trim() | Should -Be ($here | Out-Screen).Trim()
        ($back | Format-List | Out-Screen).Trim() | Should -Be ($here | Format-List | Out-Screen).Trim()
        ($back | Where-Object Name -EQ 'System RAM' | Select-Object -First 1 | Get-PhysicalMemoryMap).Name |
            Should -Contain 'System RAM'
    }

    It 'completes names and addresses' {
        $line = 'Get-PhysicalMemoryMap -Name Sys'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches.CompletionText | Should -Contain "'System RAM'"
        Assert-PhysicalAddress
        $start = '0x{0:x}' -f (Get-PhysicalMemoryMap 'System RAM')[0].Start
        $line = "Get-PhysicalMemoryMap -Address $start"
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches | Where-Object CompletionText -EQ $start | ForEach-Object ToolTip |
            Should -Match 'System RAM'
    }
}
