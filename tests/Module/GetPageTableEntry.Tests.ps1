BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Get-PageTableEntry' {
    It 'walks from the root to the page that pagemap reports' {
        Assert-KernelMemory
        $entries = Get-PageTableEntry $target.Id ($seed + 0x123)
        $entries | Should -BeOfType MemProc.PageTableEntry
        "$($entries[0].Level)", "$($entries[-1].Level)" | Should -Be PGD, PTE
        $entries[0].TableAddress | Should -Be (Get-KernelMemoryMap $target.Id).PageTableAddress
        $page = Get-PageMapEntry $target.Id ($seed + 0x123)
        $entries[-1].Pfn, $entries[-1].PhysicalAddress | Should -Be $page.Pfn, $page.PhysicalAddress
        $entries.IsLeaf | Should -Be (@($false) * ($entries.Count - 1) + $true)
        $entries[-1].IsWritable, $entries[-1].IsUser, $entries[-1].IsDirty | Should -Be $true, $true, $true
        # The index times 8 is the offset of the entry; the next table is the one that the entry refers to, at a fixed distance.
        $entries | ForEach-Object { $_.IndexBytes | Should -Be (8 * $_.Index) }
        $entries | ForEach-Object { $_.EntryAddress | Should -Be ($_.TableAddress + $_.IndexBytes) }
        $distances = 1..($entries.Count - 1) | ForEach-Object { $entries[$_].TableAddress - $entries[$_ - 1].PhysicalAddress }
        @($distances | Select-Object -Unique).Count | Should -Be 1
    }

    It 'accepts addresses in all forms, mappings, and pages from the pipeline' {
        Assert-KernelMemory
        $expected = Get-PageTableEntry $target.Id $seed -Count 2 -Summary
        $expected | Should -BeOfType MemProc.PageTableWalk
        $expected | ForEach-Object Address | Should -Be $seed, ($seed + 4096)
        $map = Get-ProcMap $target.Id -Address $seed
        foreach ($same in (Get-PageTableEntry $target.Id $seed, ('0x{0:x}' -f ($seed + 4096)) -Summary),
            (Get-PageTableEntry $target.Id $map -Summary), ($map | Get-PageTableEntry -Summary),
            ($map | Get-PageMapEntry | Get-PageTableEntry -Summary), (Get-PageTableEntry $target.Id $seed 8192 -Summary),
            ($expected | Get-PageTableEntry -Summary), (Get-KernelVma $target.Id $seed | Get-PageTableEntry -Summary)) {
            $same.Pfn | Should -Be $expected.Pfn
        }

        (Get-PageTableEntry $target.Id $seed -Count 2 | Where-Object IsLeaf).Entry | Should -Be $expected.Entry
    }

    It 'shows all flags of an entry on a screen of 80 columns' {
        foreach ($type in 'PageTableWalk', 'PageTableEntry') {
            $entry = [pscustomobject] @{
                PSTypeName = "Deserialized.MemProc.$type"; ProcessId = 1; ProcessName = 'init'; Address = [ulong] 0x7ffd2de47000
                Level = 'PTE'; PageSizeBytes = [ulong] 4096; Entry = [ulong] 0x16a236867; PhysicalAddress = [ulong] 0x16a236000
                SwapType = $null; SwapOffset = $null; TableAddress = [ulong] 0x16a237000; IndexBytes = 8
                Flags = 'P', 'RW', 'US', 'A', 'D', 'SoftDirty', 'NX'
            }
            $shown = $entry | Out-String -Width 80
            # NX is in the first line. A name can continue in the next one.
            $shown | Should -Match 'P RW US A D NX'
            $shown -replace '\s' | Should -Match 'SoftDirty'
        }
    }

    It 'ends at an empty entry without an error' {
        Assert-KernelMemory
        $walk = Get-PageTableEntry $target.Id 0x10000 -Summary
        $walk.IsPresent | Should -BeFalse
        $walk.Pfn, $walk.PhysicalAddress, $walk.PageSizeBytes, $walk.SwapType | Should -Be $null, $null, $null, $null
        $walk.Entry | Should -Be 0
    }

    It 'walks a terabyte with a hundred pages by its present entries only' {
        Assert-KernelMemory
        $reserve = $target.Ask('reserve 0x10000000000 100')
        $walks = Get-PageTableEntry $target.Id $reserve.address 1TB -Summary
        $walks.Where({ $_.IsPresent }).Count | Should -Be 100
    }

    It 'stops when the pipeline stops' {
        Assert-KernelMemory
        (Get-PageTableEntry $target.Id 0 128TB | Select-Object -First 1).Level | Should -Be PGD
    }

    It 'explains why an address is invalid: <address>' -ForEach @(
        @{ address = 0xffffffffff600000; id = 'WalkPageTable,EINVAL'; category = 'InvalidArgument' }
        @{ address = 0x7ffffffffffff000; id = 'WalkPageTable,EFAULT'; category = 'ReadError' }
    ) {
        Assert-KernelMemory
        $found = Get-PageTableEntry $target.Id $address, $seed -Summary -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.GetPageTableEntryCommand"
        $problem[0].CategoryInfo.Category | Should -Be $category
        $found.Address | Should -Be $seed
    }

    It 'explains why a source is not available' {
        Assert-KernelMemory
        if (Test-Path /proc/kcore) {
            Set-ItResult -Skipped -Because 'this kernel has /proc/kcore'
        }

        Get-PageTableEntry $target.Id $seed, 1 -Source Kcore -ErrorVariable problem -ErrorAction SilentlyContinue
        # Reported once, not for each address.
        $problem.Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId |
            Should -Be 'ReadKernelMemory,EOPNOTSUPP,MemProc.PowerShell.GetPageTableEntryCommand'
        $problem[0].CategoryInfo.Category | Should -Be NotImplemented
        "$problem" | Should -Match CONFIG_PROC_KCORE
    }

    It 'shows a walk within 80 columns, from a job too' {
        Assert-KernelMemory
        $entries = Get-PageTableEntry $target.Id $seed
        $screen = $entries | Out-Screen -Width 80
        $screen | Should -Match "Process: $($target.Id) \(dotnet\), address 0x$('{0:x}' -f $seed)"
        $screen | Should -Match 'Level Index\*8 Table +Entry +Leads to Flags'
        $screen | Should -Match ('PTE +0x{0:x} 0x{1:x} +0x{2:x} +0x{3:x} P RW US A D NX' -f $entries[-1].IndexBytes,
            $entries[-1].TableAddress, $entries[-1].Entry, $entries[-1].PhysicalAddress)
        $screen -split "`n" | ForEach-Object { $_.Length | Should -BeLessOrEqual 80 }
        $copies = [System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize($entries))
        $copies | Out-Screen -Width 80 | Should -Be $screen
        $copies[-1] | Format-List | Out-Screen | Should -Be ($entries[-1] | Format-List | Out-Screen)
        $walk = Get-PageTableEntry $target.Id $seed -Summary
        $screen = $walk | Out-Screen -Width 80
        $screen | Should -Match ('0x{0:x} +PTE +4 KiB +0x{1:x}' -f $seed, $walk.Entry)
        [System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize($walk)) | Out-Screen -Width 80 | Should -Be $screen
    }

    It 'completes addresses and sources' {
        $line = "Get-PageTableEntry -Id $($target.Id) -Address 0x"
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Contain ('0x{0:x}' -f $seed)
        $line = 'Get-PageTableEntry -Source '
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText |
            Should -Be Auto, Bpf, BpfTracepoint, Kcore
    }
}
