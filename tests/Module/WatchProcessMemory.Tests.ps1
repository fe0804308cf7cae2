BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
    $command = 'MemProc.PowerShell.WatchProcessMemoryCommand'
}

AfterAll {
    Stop-Target
}

Describe 'Watch-ProcessMemory' {
    It 'writes the current value, then each change' {
        $address = $target.Ask('map 4096 rw- private').address
        $seen = Watch-ProcessMemory $target.Id $address -Type Byte -Interval 1 -Count 1 | ForEach-Object {
            if ($_.IsFirst) {
                $null = $target.Ask("touch $address 1")
            }

            $_
        }
        $seen.Count | Should -Be 2
        $seen[0] | Should -BeOfType MemProc.MemoryChange
        $seen[0].PreviousValue | Should -BeNullOrEmpty
        $seen[0].Value | Should -Be 0
        $seen[1].PreviousValue | Should -Be 0
        $seen[1].Value | Should -Be 1
        $seen[1].Time | Should -BeOfType [datetime]
        $screen = $seen | Out-Screen -Width 80
        $screen | Should -Match ('0x{0:x12} +- +0\b' -f $address)
        $screen | Should -Match ('0x{0:x12} +0 +1\b' -f $address)
    }

    It 'ends when a value is reached or a condition holds' {
        $address = $target.Ask('map 4096 rw- private').address
        $null = $target.Ask("spin $address")
        (Watch-ProcessMemory $target.Id $address -Type Int64 -Interval 1ms -Until { $_.Value -gt 1000 })[-1].Value |
            Should -BeGreaterThan 1000
        $null = $target.Ask('still')
        (Watch-ProcessMemory $target.Id $seed -Type 'char[2]' -Until AB).Value | Should -BeExactly 'AB'
        (Watch-ProcessMemory $target.Id $seed, ($seed + 1) -Type Byte -Until 66).Value | Should -Be 65, 66
    }

    It 'watches bytes without a type, of objects with a length too' {
        $change = [pscustomobject] @{ ProcessId = $target.Id; Address = $seed; Length = 4 } |
            Watch-ProcessMemory -Seconds 0
        , $change.Value | Should -BeOfType MemProc.MemoryBytes
        $change.Type | Should -Be 'byte[4]'
        $change | Out-Screen | Should -Match '41 42 43 44'
        $change | Format-List | Out-Screen | Should -Match 'Length +: 4 B'
    }

    It 'reports that a process has exited, and continues to watch the others' {
        $dying = Start-Target
        $place = $dying.Ask('seed').address
        $own = [System.Runtime.InteropServices.Marshal]::AllocHGlobal(8)
        try {
            $seen = @([pscustomobject] @{ Id = $dying.Id; Address = $place }
                [pscustomobject] @{ Id = $PID; Address = $own }) |
                Watch-ProcessMemory -Type Byte -Interval 1 -Timeout 1m -Count 1 -ErrorVariable problem `
                    -ErrorAction SilentlyContinue | ForEach-Object {
                    if ($_.ProcessId -eq $PID -and $_.IsFirst) {
                        $dying.Kill()
                        [System.Runtime.InteropServices.Marshal]::WriteByte($own, $_.Value -bxor 1)
                    }

                    $_
                }
        }
        finally {
            [System.Runtime.InteropServices.Marshal]::FreeHGlobal($own)
        }

        $seen.ProcessId | Should -Be $dying.Id, $PID, $PID
        $problem.FullyQualifiedErrorId | Should -Be "ReadMemory,ESRCH,$command"
        $problem[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }

    It 'stops at once with any interval' {
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddScript("Import-Module '$PSScriptRoot/../../MemProc.psd1'
                Watch-ProcessMemory $($target.Id) $seed -Type Byte -Interval 1h")
            $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
            $running = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
            while ($output.Count -eq 0 -and -not $running.IsCompleted) {
                Start-Sleep -Milliseconds 10
            }

            $output.Count | Should -Be 1
            $shell.Stop()
            $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        }
        finally {
            $shell.Dispose()
        }
    }

    It 'rejects <name>' -ForEach @(
        @{ name = 'an interval of 0'; arguments = @{ Type = 'Byte'; Interval = 0 }; id = 'Interval,EINVAL' }
        @{ name = 'a char*'; arguments = @{ Type = 'char*' }; id = 'Type,EINVAL' }
        @{ name = 'nothing to watch'; arguments = @{ Timeout = 1 }; id = 'WatchMemory,EINVAL' }
        @{ name = 'two times'; arguments = @{ Type = 'Byte'; Seconds = 1; Timeout = 1 }; id = 'Seconds,EINVAL' }
        @{ name = 'too many bytes'; arguments = @{ Length = 2mb }; id = 'WatchMemory,EINVAL' }
        @{ name = 'unmapped memory'; arguments = @{ Type = 'Byte'; Address = 0x10 }; id = 'ReadMemory,EFAULT' }
    ) {
        $call = @{ Id = $target.Id; Address = $seed; ErrorAction = 'Stop' }
        foreach ($key in $arguments.Keys) {
            $call[$key] = $arguments[$key]
        }

        { Watch-ProcessMemory @call } | Should -Throw -ErrorId "$id,$command"
    }

    It 'has the same view from a job' {
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job {
            Import-Module "$using:root/MemProc.psd1"
            Watch-ProcessMemory $using:target.Id $using:seed -Type Pointer -Timeout 1
        } | Receive-Job -Wait -AutoRemoveJob
        $screen = $back | Out-Screen
        $screen | Should -Match '\d\d:\d\d:\d\d\.\d{3}'
        $screen | Should -Match '0x4847464544434241'
    }

    It 'holds a value, and says how often it was written back' {
        $address = $target.Ask('map 4096 rw- private').address
        $seen = Watch-ProcessMemory $target.Id $address -Type Byte -Hold -Interval 1 -Count 2 -Confirm:$false | ForEach-Object {
            if ($_.RestoreCount -lt 2) {
                $null = $target.Ask("touch $address 1")
            }

            $_
        }
        $seen.Value | Should -Be 0, 1, 1
        $seen.RestoreCount | Should -Be 0, 1, 2
        (Read-ProcessMemory $target.Id $address -Type Byte) | Should -Be 0
        Watch-ProcessMemory $target.Id $address -Type Byte -Hold -WhatIf -InformationVariable said | Should -BeNullOrEmpty
        $said | Should -BeNullOrEmpty
    }

    It 'says how often it has written back at the end: <end>' -ForEach @(
        @{ end = 'a count' }, @{ end = 'the exit of the process' }, @{ end = 'a pipeline that is closed' }
    ) {
        $held = Start-Target
        $address = $held.Ask('map 4096 rw- private').address
        $arguments = @{ Id = $held.Id; Address = $address; Type = 'Byte'; Hold = $true; Interval = 1; Confirm = $false
            ErrorAction = 'SilentlyContinue' }
        if ($end -eq 'a count') {
            $arguments.Count = 1
        }

        $seen = Watch-ProcessMemory @arguments -InformationVariable said 6> $null | ForEach-Object {
            if ($_.IsFirst) {
                $null = $held.Ask("touch $address 1")
            }
            elseif ($end -eq 'the exit of the process') {
                $held.Kill()
            }

            $_
        } | Select-Object -First ($end -eq 'a pipeline that is closed' ? 2 : 1000)
        $seen.Value | Should -Be 0, 1
        "$said" | Should -Match ('^Written back: 0x{0:x} of process {1} \(dotnet\) once\.$' -f $address, $held.Id)
    }

    It 'says how often it has written back after Ctrl-C' {
        $address = $target.Ask('map 4096 rw- private').address
        $start = [System.Diagnostics.ProcessStartInfo]::new('pwsh')
        '-NoProfile', '-NonInteractive', '-Command', "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Watch-ProcessMemory $($target.Id) $address -Type Byte -Hold -Interval 1 -Confirm:`$false |
                ForEach-Object { [Console]::Out.WriteLine(""seen `$(`$_.RestoreCount)"") }" |
            ForEach-Object { $start.ArgumentList.Add($_) }
        $start.RedirectStandardOutput = $start.RedirectStandardError = $start.RedirectStandardInput = $true
        $watch = [System.Diagnostics.Process]::Start($start)
        try {
            $watch.StandardOutput.ReadLine() | Should -Be 'seen 0'
            $null = $target.Ask("touch $address 1")
            $watch.StandardOutput.ReadLine() | Should -Be 'seen 1'
            /bin/kill -INT $watch.Id
            $watch.StandardOutput.ReadToEnd() | Should -Match ('Written back: 0x{0:x} .* once\.' -f $address)
        }
        finally {
            $watch.Kill()
            $watch.Dispose()
        }
    }

    It 'tells how many accesses were lost' {
        $address = $target.Ask('map 4096 rw- private').address
        $null = $target.Ask("spin $address")
        try {
            $state = @{ First = $true }
            # The buffer of a processor holds fewer than 6000.
            $buffers = 6000 * [Environment]::ProcessorCount
            $accesses = Watch-ProcessMemory $target.Id $address -Type Int64 -Writer -Count 100 -WarningVariable warnings -ErrorVariable problems `
                -WarningAction SilentlyContinue -ErrorAction SilentlyContinue | ForEach-Object {
                    if ($state.First) {
                        $state.First = $false
                        $end = (Read-ProcessMemory $target.Id $address -Type Int64) + $buffers
                        while ((Read-ProcessMemory $target.Id $address -Type Int64) -lt $end) {
                        }
                    }

                    $_
                }
        }
        finally {
            $null = $target.Ask('still')
        }

        if ("$problems" -match 'no hardware breakpoints|perf_event') {
            Set-ItResult -Skipped -Because "$problems"
            return
        }

        $accesses.Count | Should -Be 100
        "$warnings" | Should -Match '^\d+ accesses were not reported'
    }

    It 'reports the instruction that writes a value, by -Writer' {
        $address = $target.Ask('map 4096 rw- private').address
        $null = $target.Ask("spin $address")
        try {
            $threads = (Get-ProcThread $target.Id).ThreadId
            $access = Watch-ProcessMemory $target.Id $address -Type Int64 -Writer -Count 1 -Timeout 1m -ErrorVariable problems -ErrorAction SilentlyContinue
        }
        finally {
            $null = $target.Ask('still')
        }

        if ("$problems" -match 'no hardware breakpoints|perf_event') {
            Set-ItResult -Skipped -Because "$problems"
            return
        }

        $access | Should -BeOfType MemProc.ProcMemoryAccess
        $access.DataAddress | Should -Be $address
        $access.ThreadId | Should -BeIn $threads
        $access.ThreadId | Should -Not -Be $target.Id
        $access.Instruction | Should -Match '^(lock )?\w+'
        $access.Access | Should -Match 'Write'
        ($access | Get-Disassembly -Count 1).Text | Should -Be $access.Instruction
        $access | Format-List | Out-Screen | Should -Match ('0x{0:x12}' -f $address)
    }

    It 'refuses what a breakpoint cannot watch: <reason>' -ForEach @(
        @{ reason = 'the length'; extra = @{ Length = 16 }; offset = 0 }
        @{ reason = 'the address'; extra = @{ Type = 'Int32' }; offset = 2 }
    ) {
        { Watch-ProcessMemory $target.Id ($seed + $offset) -Writer @extra -Timeout 1ms -ErrorAction Stop } |
            Should -Throw -ErrorId "WatchMemory,EINVAL,$command"
    }
}
