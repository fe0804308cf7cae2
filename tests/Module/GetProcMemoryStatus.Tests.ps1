BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Get-ProcMemoryStatus' {
    It 'has the counters of /proc/PID/status in bytes' {
        # A program that does nothing keeps its counters.
        $sleep = Start-Shell 'exec sleep 600'
        foreach ($try in 1..50) {
            $lines = Get-Content /proc/$($sleep.Id)/status
            $status = Get-ProcMemoryStatus $sleep.Id
            if ($status.ProcessName -eq 'sleep' -and
                -not (Compare-Object $lines (Get-Content /proc/$($sleep.Id)/status))) {
                break
            }
        }

        $status | Should -BeOfType MemProc.ProcMemoryStatus
        $status.ProcessId, $status.ProcessName, $status.ThreadCount | Should -Be $sleep.Id, 'sleep', 1
        $status.State | Should -Be 'sleeping'
        $counters = $lines | Where-Object { $_ -match '^(\w+):\s+(\d+) kB$' } |
            ForEach-Object { [pscustomobject] @{ Name = $Matches[1]; Bytes = [ulong] $Matches[2] * 1KB } }
        $counters.Count | Should -BeGreaterThan 10
        $status.Counters.Count | Should -Be $counters.Count
        foreach ($counter in $counters) {
            $status.Counters[$counter.Name] | Should -Be $counter.Bytes -Because $counter.Name
            # Property names have other capitals than the kernel's names; PowerShell ignores case.
            $status."$($counter.Name)Bytes" | Should -Be $counter.Bytes -Because $counter.Name
        }

        $status.VmSizeBytes | Should -BeOfType [ulong]
    }

    It 'adds Pss and Uss with -Detailed' {
        $before = Get-ProcMemoryStatus $target.Id -Detailed
        $before | Should -BeOfType MemProc.ProcMemoryStatusDetail
        $address = $target.Ask('map 67108864 rw- private').address
        $null = $target.Ask("touch $address $(64MB / [Environment]::SystemPageSize)")
        $after = Get-ProcMemoryStatus $target.Id -Detailed
        foreach ($counter in 'VmRssBytes', 'RssAnonBytes', 'RssBytes', 'PssBytes', 'UssBytes', 'PrivateDirtyBytes') {
            $after.$counter - $before.$counter | Should -BeGreaterThan 60MB -Because $counter
        }

        $after.UssBytes | Should -Be ($after.PrivateCleanBytes + $after.PrivateDirtyBytes)
        $after.Counters['Pss'] | Should -Be $after.PssBytes
    }

    It 'sums pages with -Method Pages' {
        Assert-Root
        $address = $target.Ask('map 16777216 rw- private').address
        $before = Get-ProcMemoryStatus $target.Id -Detailed -Method Pages
        $before | Should -BeOfType MemProc.ProcMemoryStatusPages
        $null = $target.Ask("touch $address $(16MB / [Environment]::SystemPageSize)")
        $after = Get-ProcMemoryStatus $target.Id -Detailed -Method Pages
        foreach ($counter in 'RssBytes', 'PssBytes', 'UssBytes', 'AnonymousBytes') {
            $after.$counter - $before.$counter | Should -BeGreaterThan 14MB -Because $counter
        }

        $after.PrivateDirtyBytes | Should -BeNullOrEmpty
        $after.MaxLockMicroseconds | Should -BeGreaterThan 0
        $after | Format-List | Out-Screen | Should -Match 'MaxLockMicroseconds +: [\d.]+'
        Get-ProcMemoryStatus $target.Id -Detailed | Format-List | Out-Screen | Should -Not -Match 'MaxLockMicroseconds'
        { Get-ProcMemoryStatus $target.Id -Method Pages } |
            Should -Throw -ErrorId 'Method,EINVAL,MemProc.PowerShell.GetProcMemoryStatusCommand'
    }

    It 'sums unique memory without rights with -Method Pages, and says what is hidden' {
        Assert-Root
        $said = Invoke-OtherPwsh -Prefix 'setpriv', '--reuid', '65534', '--clear-groups' '
            $status = Get-ProcMemoryStatus -Detailed -Method Pages -WarningVariable warned -WarningAction SilentlyContinue
            $status.UssBytes -gt 1MB; $null -eq $status.PssBytes; $warned.Count; $warned[0].Message'
        $said[0..2] | Should -Be 'True', 'True', '1'
        $said[3] | Should -Match 'CAP_SYS_ADMIN'
    }

    It 'shows limits with -Headroom' {
        $headroom = Get-ProcMemoryStatus $target.Id -Headroom
        $headroom | Should -BeOfType MemProc.ProcMemoryHeadroom
        $headroom.MaxMapCount | Should -Be (Get-Content /proc/sys/vm/max_map_count)
        $headroom.MapCount | Should -BeGreaterThan 50
        $headroom.OomScore | Should -BeGreaterOrEqual 0
        $headroom.VmRssBytes | Should -BeGreaterThan 1MB
        $headroom.HiddenFiles | Should -BeNullOrEmpty
        $screen = $headroom | Out-Screen
        $screen | Should -Match "Mappings +: $($headroom.MapCount) of $($headroom.MaxMapCount)"
        $screen | Should -Match 'Locked +: 0 B of '
        ([System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($headroom)) |
            Out-Screen) | Should -Match 'Mappings +: '
        { Get-ProcMemoryStatus $target.Id -Headroom -Detailed } |
            Should -Throw -ErrorId 'Headroom,EINVAL,MemProc.PowerShell.GetProcMemoryStatusCommand'
    }

    It 'names the files that a user may not read with -Headroom' {
        Assert-Root
        $said = Invoke-OtherPwsh -Prefix 'setpriv', '--reuid', '65534', '--clear-groups' "
            `$headroom = Get-ProcMemoryStatus $($target.Id) -Headroom -WarningVariable warned -WarningAction SilentlyContinue
            `$headroom.HiddenFiles -join ','; `$null -eq `$headroom.MapCount; `$headroom.MaxMapCount; `$warned.Count"
        $said[0] | Should -Match '\bmaps\b'
        $said[1..3] | Should -Be 'True', (Get-Content /proc/sys/vm/max_map_count), '1'
    }

    It 'uses the current pwsh without -Id' {
        (Get-ProcMemoryStatus).ProcessId | Should -Be $PID
    }

    It 'accepts processes from Get-Process and from objects of the module' {
        (Get-Process -Id $target.Id | Get-ProcMemoryStatus).ProcessId | Should -Be $target.Id
        (Get-ProcMap $target.Id -Kind Stack | Get-ProcMemoryStatus).ProcessId | Should -Be $target.Id
        $status = Get-ProcMemoryStatus $target.Id
        ($status | Get-ProcMap -Kind Stack).ProcessId | Should -Be $target.Id
    }

    It 'accepts names' {
        Assert-PidNamespace
        (Get-ProcMemoryStatus -Name 'dot*t').ProcessId | Should -Contain $target.Id
        { Get-ProcMemoryStatus -Name no-such-name -ErrorAction Stop } |
            Should -Throw -ErrorId 'FindProcess,ESRCH,MemProc.PowerShell.GetProcMemoryStatusCommand'
    }

    It 'continues after a process that does not exist' {
        $status = Get-ProcMemoryStatus 4194305, $target.Id -ErrorVariable problems -ErrorAction SilentlyContinue
        $status.ProcessId | Should -Be $target.Id
        $problems.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId |
            Should -Be 'OpenProcess,ESRCH,MemProc.PowerShell.GetProcMemoryStatusCommand'
        $problems[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $problems[0].TargetObject | Should -Be 4194305
    }

    It 'reports a zombie as a zombie, and an exited process as exited' {
        $old = Start-Target
        $status = Get-ProcMemoryStatus $old.Id
        $old.Kill()
        { $status | Get-ProcMemoryStatus -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.GetProcMemoryStatusCommand'

        # The child exits after its shell has become a program that does not wait for children.
        $shell = Start-Shell 'sleep 0.2 & echo $!; exec sleep 600'
        $zombie = [int] $shell.StandardOutput.ReadLine()
        [System.Threading.SpinWait]::SpinUntil({ (Get-Content /proc/$zombie/stat) -match '\) Z ' }, 30000) |
            Should -BeTrue
        $null = Get-ProcMemoryStatus $zombie -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId |
            Should -Be 'ReadStatus,ESRCH,MemProc.PowerShell.GetProcMemoryStatusCommand'
        $problem[0].Exception.Message | Should -Match 'zombie'
    }

    It 'reports that a kernel thread has no memory: an error by -Id, a verbose message in a pipeline' {
        Assert-Root
        # A simulated kernel thread, in a separate mount namespace: no other /proc changes.
        $id = $target.Id
        $folder = (New-Item (Join-Path $TestDrive thread) -ItemType Directory).FullName
        Set-Content $folder/stat "$id (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0"
        Set-Content $folder/status "Name:`tkworker/0:1", "State:`tI (idle)", "Kthread:`t1", "Threads:`t1"
        $answer = Invoke-OtherPwsh -Prefix 'unshare', '--mount', 'sh', '-c',
            "mount --bind '$folder' /proc/$id || exit; exec `"`$@`"", 'sh' -Script "
            'mounted'
            Get-ProcMemoryStatus $id -ErrorVariable problem -ErrorAction SilentlyContinue
            `$problem[0].FullyQualifiedErrorId
            `$problem[0].CategoryInfo.Category
            `$problem[0].Exception.Message
            [pscustomobject] @{ Id = $id } | Get-ProcMemoryStatus -Verbose -ErrorVariable none 4>&1
            `$none.Count"
        if (@($answer)[0] -ne 'mounted') {
            Set-ItResult -Skipped -Because 'it needs the right to mount'
            return
        }

        $answer.Count | Should -Be 6
        $answer[1] | Should -Be 'ReadStatus,ESRCH,MemProc.PowerShell.GetProcMemoryStatusCommand'
        $answer[2] | Should -Be 'ObjectNotFound'
        $answer[3] | Should -Match 'kworker/0:1.*kernel thread'
        $answer[4] | Should -Match 'kworker/0:1.*kernel thread'
        $answer[5] | Should -Be 0
    }

    It 'returns the status of others to an unprivileged user, and names what -Detailed requires' {
        Assert-Root
        if (-not (Get-Command setpriv -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs setpriv'
            return
        }

        $answer = Invoke-OtherPwsh -Prefix 'setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups' -Script "
            (Get-ProcMemoryStatus $($target.Id)).VmRssBytes
            Get-ProcMemoryStatus $($target.Id) -Detailed -ErrorVariable refused -ErrorAction SilentlyContinue
            `$refused[0].FullyQualifiedErrorId
            `$refused[0].CategoryInfo.Category
            `$refused[0].Exception.Message
            (Get-ProcMemoryStatus -Detailed).UssBytes"
        [ulong] $answer[0] | Should -BeGreaterThan 1MB
        $answer[1] | Should -Be 'ReadRollup,EACCES,MemProc.PowerShell.GetProcMemoryStatusCommand'
        $answer[2] | Should -Be 'PermissionDenied'
        $answer[3] | Should -Match 'CAP_SYS_PTRACE'
        [ulong] $answer[4] | Should -BeGreaterThan 1MB
    }

    It 'shows readable sizes in 80 columns' {
        foreach ($detailed in $false, $true) {
            $status = Get-ProcMemoryStatus $target.Id -Detailed:$detailed
            $screen = $status | Out-Screen -Width 80
            $screen | Should -Match "(?m)^ *$($target.Id) dotnet +[0-9.]+ GiB"
            $screen -split "`n" | ForEach-Object Length | Measure-Object -Maximum | ForEach-Object Maximum |
                Should -BeLessOrEqual 80
            $screen | Should -Match ($detailed ? ' Uss +Swap' : ' RssFile +VmSwap')
            $list = $status | Format-List | Out-Screen
            $list | Should -Match '(?m)^VmHwmBytes +: [0-9.]+ MiB'
            ($list -match 'PssAnonBytes') | Should -Be $detailed
        }
    }

    It 'keeps properties and view through a job' {
        $sleep = Start-Shell 'exec sleep 600'
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job { Import-Module "$using:root/MemProc.psd1"; Get-ProcMemoryStatus $using:sleep.Id -Detailed } |
            Receive-Job -Wait -AutoRemoveJob
        $back.PSObject.TypeNames | Should -Contain 'Deserialized.MemProc.ProcMemoryStatusDetail'
        $here = Get-ProcMemoryStatus $sleep.Id -Detailed
        $back.VmStkBytes | Should -Be $here.VmStkBytes
        $back.Counters['VmStk'] | Should -Be $here.VmStkBytes
        $back.AnonymousBytes | Should -Be $here.AnonymousBytes
        $screen = $back | Out-Screen -Width 80
        $screen | Should -Match "(?m)^ *$($sleep.Id) sleep +[0-9.]+ MiB"
        $screen | Should -Match ' Uss +Swap'
        ($back | Get-ProcMemoryStatus).ProcessId | Should -Be $sleep.Id
    }

    It 'completes ids' {
        Assert-PidNamespace
        $line = 'Get-ProcMemoryStatus -Id '
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches.CompletionText | Should -Contain "$($target.Id)"
    }
}

Describe 'Get-ProcMemoryStatus -Top' {
    It 'ranks processes, and leaves the others out' {
        $address = $target.Ask('map 67108864 rw- private').address
        $null = $target.Ask("touch $address 16384")
        $largest = $PID, $target.Id | Get-ProcMemoryStatus -Top 1 -By Uss
        $largest | Should -BeOfType MemProc.ProcMemoryStatusDetail
        $all = Get-ProcMemoryStatus $PID, $target.Id -Detailed | Sort-Object UssBytes -Descending
        $largest.ProcessId | Should -Be $all[0].ProcessId
        $both = Get-ProcMemoryStatus $PID, $target.Id -Top 5 -By Size
        $both.Count | Should -Be 2
        $both[0].VmSizeBytes | Should -BeGreaterOrEqual $both[1].VmSizeBytes
        $both[0] | Should -Not -BeOfType MemProc.ProcMemoryStatusDetail
    }

    It 'ranks all processes where none is given' {
        Assert-PidNamespace
        $all = Get-ProcMemoryStatus -Top 1000 -By Rss -ErrorAction Stop
        $all.ProcessId | Should -Contain $target.Id
        ($all.VmRssBytes | Sort-Object -Descending) | Should -Be $all.VmRssBytes
        (Get-ProcMemoryStatus -Top 2).ProcessId | Should -Be $all[0, 1].ProcessId
    }

    It 'rejects <name>' -ForEach @(
        @{ name = '-By alone'; arguments = @{ By = 'Pss' }; id = 'Top,EINVAL,*' }
        @{ name = 'nothing to rank'; arguments = @{ Top = 0 }; id = 'ParameterArgumentValidationError,*' }
        @{ name = 'limits'; arguments = @{ Top = 1; Headroom = $true }; id = 'Headroom,EINVAL,*' }
    ) {
        { Get-ProcMemoryStatus @arguments } | Should -Throw -ErrorId $id
    }
}
