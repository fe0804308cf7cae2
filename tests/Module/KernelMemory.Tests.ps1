BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
    $nobody = 'setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'

    function Assert-KernelMemory {
        if (-not (Test-IsRoot)) {
            Set-ItResult -Skipped -Because 'it needs root'
        }

        $null = Get-KernelMemoryMap $target.Id -ErrorVariable problem -ErrorAction SilentlyContinue
        if ($problem) {
            Set-ItResult -Skipped -Because "$problem"
        }
    }

    # The bpf programs and maps that this process holds open: prog_id:12, map_id:3.
    function Get-Held {
        $lines = Get-ChildItem /proc/self/fdinfo | ForEach-Object { Get-Content $_ -ErrorAction Ignore }
        @($lines -match '^(prog|map)_id:' -replace '\s' | Sort-Object -Unique)
    }

    # Those of some that the kernel has, by the name that they are given: its list is that of the whole machine.
    function Select-Loaded([string[]] $Object) {
        $kernel = $target.Ask("bpf memproc_$PID")
        $names = @($kernel.programs -split ',' -replace '^', 'prog_id:') + @($kernel.maps -split ',' -replace '^', 'map_id:')
        @($Object | Where-Object { $_ -in $names })
    }

    # What this process has loaded since a moment: two programs and a map, which the kernel knows, too.
    function Get-Loaded([string[]] $Before) {
        $held = @(Get-Held | Where-Object { $_ -notin $Before })
        $held -replace '\d' | Should -Be map_id:, prog_id:, prog_id:
        Select-Loaded $held | Should -Be $held
        $held
    }

    # Neither this process nor the kernel has it any more. The kernel frees it a little later.
    function Assert-Released([string[]] $Before, [string[]] $Loaded) {
        @(Get-Held) -join ' ' | Should -Be ($Before -join ' ')
        foreach ($look in 1..1000) {
            $left = Select-Loaded $Loaded
            if (-not $left) {
                break
            }

            Start-Sleep -Milliseconds 10
        }

        $left | Should -BeNullOrEmpty
    }
}

Describe 'Get-PageTableEntry' {
    It 'walks from the root to the page that pagemap tells of' {
        Assert-KernelMemory
        $entries = Get-PageTableEntry $target.Id ($seed + 0x123)
        $entries | Should -BeOfType MemProc.PageTableEntry
        "$($entries[0].Level)", "$($entries[-1].Level)" | Should -Be PGD, PTE
        $entries[0].TableAddress | Should -Be (Get-KernelMemoryMap $target.Id).PageTableAddress
        $page = Get-PageMapEntry $target.Id ($seed + 0x123)
        $entries[-1].Pfn, $entries[-1].PhysicalAddress | Should -Be $page.Pfn, $page.PhysicalAddress
        $entries.IsLeaf | Should -Be (@($false) * ($entries.Count - 1) + $true)
        $entries[-1].IsWritable, $entries[-1].IsUser, $entries[-1].IsDirty | Should -Be $true, $true, $true
        # The index times 8 is the offset of the entry; the next table is what the entry leads to, at one distance.
        $entries | ForEach-Object { $_.IndexBytes | Should -Be (8 * $_.Index) }
        $entries | ForEach-Object { $_.EntryAddress | Should -Be ($_.TableAddress + $_.IndexBytes) }
        $distances = 1..($entries.Count - 1) | ForEach-Object { $entries[$_].TableAddress - $entries[$_ - 1].PhysicalAddress }
        @($distances | Select-Object -Unique).Count | Should -Be 1
    }

    It 'takes many addresses in all forms, mappings, and pages from the pipeline' {
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

    It 'ends where there is nothing, which is no error' {
        Assert-KernelMemory
        $walk = Get-PageTableEntry $target.Id 0x10000 -Summary
        $walk.IsPresent | Should -BeFalse
        $walk.Pfn, $walk.PhysicalAddress, $walk.PageSizeBytes, $walk.SwapType | Should -Be $null, $null, $null, $null
        $walk.Entry | Should -Be 0
    }

    It 'goes through a terabyte with a hundred pages by what there is' {
        Assert-KernelMemory
        $reserve = $target.Ask('reserve 0x10000000000 100')
        $walks = Get-PageTableEntry $target.Id $reserve.address 1TB -Summary
        $walks.Where({ $_.IsPresent }).Count | Should -Be 100
    }

    It 'stops when it has been asked to' {
        Assert-KernelMemory
        (Get-PageTableEntry $target.Id 0 128TB | Select-Object -First 1).Level | Should -Be PGD
    }

    It 'says of a bad address what is wrong: <address>' -ForEach @(
        @{ address = 0xffffffffff600000; id = 'WalkPageTable,EINVAL'; category = 'InvalidArgument' }
        @{ address = 0x7ffffffffffff000; id = 'WalkPageTable,EFAULT'; category = 'ReadError' }
    ) {
        Assert-KernelMemory
        $found = Get-PageTableEntry $target.Id $address, $seed -Summary -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.GetPageTableEntryCommand"
        $problem[0].CategoryInfo.Category | Should -Be $category
        $found.Address | Should -Be $seed
    }

    It 'says why a source does not work' {
        Assert-KernelMemory
        if (Test-Path /proc/kcore) {
            Set-ItResult -Skipped -Because 'this kernel has /proc/kcore'
        }

        Get-PageTableEntry $target.Id $seed, 1 -Source Kcore -ErrorVariable problem -ErrorAction SilentlyContinue
        # Told once, not for each address.
        $problem.Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId |
            Should -Be 'ReadKernelMemory,EOPNOTSUPP,MemProc.PowerShell.GetPageTableEntryCommand'
        $problem[0].CategoryInfo.Category | Should -Be NotImplemented
        "$problem" | Should -Match CONFIG_PROC_KCORE
    }

    It 'prints a walk within 80 columns, also of what comes from a job' {
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

    It 'tells an ordinary user what is missing, and refuses the process of another first' {
        Assert-KernelMemory
        if (-not (Get-Command setpriv -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs setpriv'
        }

        $answer = Invoke-OtherPwsh -Prefix $nobody "
            Get-PageTableEntry -Address 0x10000 -ErrorVariable problem -ErrorAction SilentlyContinue
            `$problem[0].FullyQualifiedErrorId; `$problem[0].CategoryInfo.Category; `"`$problem`"
            foreach (`$command in 'Get-KernelVma', 'Get-KernelMemoryMap') {
                & `$command $($target.Id) -ErrorVariable problem -ErrorAction SilentlyContinue
                `$problem[0].FullyQualifiedErrorId
            }"
        $answer[0] | Should -Be 'ReadKernelMemory,EPERM,MemProc.PowerShell.GetPageTableEntryCommand'
        $answer[1] | Should -Be 'PermissionDenied'
        $answer[2] | Should -Match 'CAP_BPF and CAP_PERFMON'
        $answer[3] | Should -Be 'ReadMemory,EACCES,MemProc.PowerShell.GetKernelVmaCommand'
        $answer[4] | Should -Be 'ReadMemory,EACCES,MemProc.PowerShell.GetKernelMemoryMapCommand'
    }

    It 'has two programs and a map loaded while it works and leaves none behind: <_>' -ForEach @(
        'Get-PageTableEntry {0} {1}'
        'Get-PageTableEntry {0} {1} -Summary'
        'Get-PageTableEntry {0} {1}, 0xffffffffff600000 -ErrorAction SilentlyContinue'
        'Get-PageTableEntry {0} 0 128TB | Select-Object -First 1'
        'Get-KernelVma {0}'
        'Get-KernelVma {0} {1}, 0x10 -ErrorAction SilentlyContinue'
        'Get-KernelMemoryMap {0}'
    ) {
        Assert-KernelMemory
        $before = Get-Held
        $script = [scriptblock]::Create(($_ -f $target.Id, $seed))
        $loaded = $null
        & $script | ForEach-Object {
            if (-not $loaded) {
                $loaded = Get-Loaded $before
            }
        }
        $loaded.Count | Should -Be 3
        Assert-Released $before $loaded
    }

    It 'leaves nothing behind where it fails' {
        Assert-KernelMemory
        $before = Get-Held
        Get-PageTableEntry $target.Id ([ulong]::MaxValue) -ErrorAction SilentlyContinue
        Get-KernelVma $target.Id 0x10 -ErrorAction SilentlyContinue
        @(Get-Held) -join ' ' | Should -Be ($before -join ' ')
    }

    It 'leaves nothing behind where Ctrl-C stops it in the middle: <_>' -ForEach @(
        # Again and again the same: they do not end by themselves.
        'Get-PageTableEntry (@({0}) * 100000) 0 128TB'
        'Get-KernelVma (@({0}) * 1000000)'
    ) {
        Assert-KernelMemory
        $before = Get-Held
        $shell = [powershell]::Create().AddScript("Import-Module '$PSScriptRoot/../../MemProc.psd1'; " + ($_ -f $target.Id))
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $null = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        [System.Threading.SpinWait]::SpinUntil({ $output.Count -gt 0 }, 30000) | Should -BeTrue
        $loaded = Get-Loaded $before
        $loaded.Count | Should -Be 3
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $shell.BeginStop($null, $null).AsyncWaitHandle.WaitOne(30000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $shell.Dispose()
        Assert-Released $before $loaded
        # Who asked and who was asked live on.
        (Get-PageTableEntry $target.Id $seed -Summary).IsPresent | Should -BeTrue
        $target.Ask("peek $seed 4").bytes | Should -Be 41424344
    }

    It 'completes addresses and sources' {
        $line = "Get-PageTableEntry -Id $($target.Id) -Address 0x"
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Contain ('0x{0:x}' -f $seed)
        $line = 'Get-PageTableEntry -Source '
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText |
            Should -Be Auto, Bpf, BpfTracepoint, Kcore
    }
}

Describe 'Get-KernelVma' {
    It 'equals the list of mappings' {
        Assert-KernelMemory
        # The target's runtime maps something now and then: what counts is a moment at which it did not.
        foreach ($try in 1..20) {
            $maps = Get-ProcMap $target.Id | Where-Object Kind -NE Vsyscall
            $vmas = Get-KernelVma $target.Id
            $map = Get-KernelMemoryMap $target.Id
            $after = Get-ProcMap $target.Id | Where-Object Kind -NE Vsyscall
            if ("$($maps.Start) $($maps.End)" -eq "$($after.Start) $($after.End)") {
                break
            }
        }
        $vmas | Should -BeOfType MemProc.KernelVma
        $vmas.Start | Should -Be $maps.Start
        $vmas.End | Should -Be $maps.End
        $vmas.Permissions | Should -Be $maps.Permissions
        $vmas.Inode | Should -Be $maps.Inode
        $vmas.MmAddress | Select-Object -Unique | Should -Be $map.MmAddress
        $map.MapCount | Should -Be $vmas.Count
    }

    It 'finds the mapping of an address, and binds mappings' {
        Assert-KernelMemory
        $vma = Get-KernelVma $target.Id ($seed + 5)
        $vma.Start | Should -Be $seed
        $vma.Flags | Should -Contain WRITE
        (Get-ProcMap $target.Id -Address $seed | Get-KernelVma).KernelAddress | Should -Be $vma.KernelAddress
        ($vma | Get-ProcMap).Start | Should -Be $seed
        $found = Get-KernelVma $target.Id 0x10, $seed -ErrorVariable problem -ErrorAction SilentlyContinue
        $found.Start | Should -Be $seed
        $problem[0].FullyQualifiedErrorId | Should -Be 'FindMap,ENOENT,MemProc.PowerShell.GetKernelVmaCommand'
        $problem[0].CategoryInfo.Category | Should -Be ObjectNotFound
    }

    It 'shows a line a mapping within 80 columns, also of what comes from a job' {
        Assert-KernelMemory
        $vma = Get-KernelVma $target.Id $seed
        $screen = $vma | Out-Screen -Width 80
        $screen | Should -Match ('0x{0:x} 0x{1:x12} +8 KiB rw-p +0x{2:x} +0' -f $vma.KernelAddress, $seed, $vma.FlagSet)
        $screen -split "`n" | ForEach-Object { $_.Length | Should -BeLessOrEqual 80 }
        [System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize($vma)) | Out-Screen -Width 80 | Should -Be $screen
    }
}

Describe 'Get-KernelMemoryMap' {
    It 'says what /proc/PID/stat says' {
        Assert-KernelMemory
        $map = Get-KernelMemoryMap $target.Id
        $map | Should -BeOfType MemProc.KernelMemoryMap
        $fields = (Get-Content /proc/$($target.Id)/stat -Raw).Trim() -replace '^.*\) ' -split ' '
        $map.StartCode, $map.EndCode, $map.StartStack, $map.StartBrk, $map.ArgStart, $map.EnvEnd |
            Should -Be @(26, 27, 28, 47, 48, 51 | ForEach-Object { [ulong] $fields[$_ - 3] })
        (Get-Process -Id $target.Id | Get-KernelMemoryMap).MmAddress | Should -Be $map.MmAddress
        $screen = $map | Out-Screen
        $screen | Should -Match ('PageTableAddress : 0x{0:x}' -f $map.PageTableAddress)
        [System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize($map)) | Out-Screen | Should -Be $screen
    }

    It 'is told of a process that is not there' {
        { Get-KernelMemoryMap 4194305 -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.GetKernelMemoryMapCommand'
    }
}
