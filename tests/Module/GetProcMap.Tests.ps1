BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Get-ProcMap' {
    It 'shows policies and nodes with -Numa' {
        if (-not (Test-Path /proc/self/numa_maps)) {
            Set-ItResult -Skipped -Because 'it needs CONFIG_NUMA'
            return
        }

        $map = Get-ProcMap $target.Id -Kind Stack -Numa
        $map | Should -BeOfType MemProc.ProcMapNuma
        $map.Policy | Should -Be 'default'
        $map.ResidentBytes | Should -Be ($map.NodeBytes.Values | Measure-Object -Sum).Sum
        $map.ResidentBytes | Should -BeGreaterThan 0
        $map | Out-Screen | Should -Match 'default +N0=\S+ \w+ '
        (Get-ProcMap $target.Id -Address $map.Start -Numa).Words | Should -Contain 'stack'
        ([System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($map)) |
            Out-Screen) | Should -Match 'default +N0='
        { Get-ProcMap $target.Id -Numa -Detailed } |
            Should -Throw -ErrorId 'Numa,EINVAL,MemProc.PowerShell.GetProcMapCommand'
    }

    It 'equals /proc/PID/maps line by line, for <_>' -ForEach 'the target', 'a pwsh' {
        if ($_ -eq 'the target') {
            $null = $target.Ask('seed'), $target.Ask('memfd 8192 a name'), $target.Ask('vmas 50')
            $id = $target.Id
        }
        else {
            $id = (Start-Shell 'pwsh -NoProfile -NonInteractive -Command ''$PID; Start-Sleep 600''').StandardOutput.ReadLine()
        }

        # A runtime maps and unmaps in the background: compare with a list that was the same before and after.
        foreach ($try in 1..50) {
            $lines = Get-Content /proc/$id/maps
            $maps = Get-ProcMap $id
            if (-not (Compare-Object $lines (Get-Content /proc/$id/maps))) {
                break
            }
        }

        $maps.Count | Should -Be $lines.Count
        for ($index = 0; $index -lt $lines.Count; $index++) {
            $maps[$index].ToString() | Should -Be ($lines[$index] -replace '^(\S+ \S+ \S+ \S+ \d+) +', '$1 ').Trim()
        }
    }

    It 'returns the bytes of a path' {
        $map = Get-ProcMap $target.Id -Kind File | Select-Object -First 1
        [System.Text.Encoding]::UTF8.GetString($map.GetPathBytes()) | Should -Be $map.Path
    }

    It 'has typed properties' {
        $address = $target.Ask('map 8192 rwx private').address
        $map = Get-ProcMap $target.Id -Address $address
        $map | Should -BeOfType MemProc.ProcMap
        $map.ProcessId | Should -Be $target.Id
        $map.Start | Should -Be $address
        $map.Start | Should -BeOfType [ulong]
        $map.SizeBytes | Should -Be 8192
        $map.Permissions | Should -Be 'rwxp'
        $map.IsReadable, $map.IsWritable, $map.IsExecutable, $map.IsShared | Should -Be $true, $true, $true, $false
        $map.Kind | Should -Be 'Anonymous'
        $map.Path | Should -Be ''
    }

    It 'filters by kind, permission and path' {
        (Get-ProcMap $target.Id -Kind Stack, Heap).Path | Should -Be '[heap]', '[stack]'
        Get-ProcMap $target.Id -Path '[stack]' | ForEach-Object Kind | Should -Be 'Stack'
        $libc = Get-ProcMap $target.Id -Path 'libc.so*'
        $libc.Count | Should -BeGreaterThan 2
        $libc.Path | Split-Path -Leaf | Select-Object -Unique | Should -Be 'libc.so.6'
        (Get-ProcMap $target.Id -Path 'libc.so*' -Permission r-x).Count | Should -Be 1
        Get-ProcMap $target.Id -Permission '*x*' | ForEach-Object IsExecutable | Select-Object -Unique | Should -Be $true
        Get-ProcMap $target.Id -Permission '?w??' | ForEach-Object IsWritable | Select-Object -Unique | Should -Be $true
    }

    It 'adds counters with -Detailed' {
        $address = $target.Ask('map 65536 rw- private').address
        $null = $target.Ask("touch $address 3")
        $map = Get-ProcMap $target.Id -Address $address -Detailed
        $map | Should -BeOfType MemProc.ProcMapDetail
        $map.RssBytes | Should -Be 12288
        $map.Counters['Private_Dirty'] | Should -Be 12288
        $map.VmFlags | Should -Contain 'rd'
    }

    It 'accepts addresses as <name>' -ForEach @(
        @{ name = 'a number'; convert = { $args[0] } }
        @{ name = 'a text with 0x'; convert = { '0x{0:x}' -f $args[0] } }
        # Ten bytes after the start: the a at the end makes it hex.
        @{ name = 'a text without 0x'; convert = { '{0:x}' -f ($args[0] + 10) } }
        @{ name = 'an object with a Start'; convert = { [pscustomobject] @{ Start = $args[0] } } }
        @{ name = 'an object with an Address'; convert = { [pscustomobject] @{ Address = $args[0] } } }
    ) {
        $address = $target.Ask('seed').address
        Get-ProcMap $target.Id -Address (& $convert $address) | ForEach-Object Start | Should -Be $address
    }

    It 'accepts addresses above 2^63, which PowerShell parses as negative' {
        $vsyscall = Get-ProcMap $target.Id -Kind Vsyscall
        if (-not $vsyscall) {
            Set-ItResult -Skipped -Because 'the kernel has no [vsyscall]'
            return
        }

        (Get-ProcMap $target.Id -Address 0xffffffffff600000).Path | Should -Be '[vsyscall]'
        (Get-ProcMap $target.Id -Address 'ffffffffff600010').Path | Should -Be '[vsyscall]'
    }

    It 'writes an error for an unmapped address, and returns the others' {
        $address = $target.Ask('seed').address
        foreach ($detailed in $false, $true) {
            $maps = Get-ProcMap $target.Id -Address 0x10, $address -Detailed:$detailed -ErrorVariable problem `
                -ErrorAction SilentlyContinue
            $maps.Start | Should -Be $address
            $problem[0].FullyQualifiedErrorId | Should -Be 'FindMap,ENOENT,MemProc.PowerShell.GetProcMapCommand'
        }
    }

    It 'finds the mapping of a page' {
        $address = $target.Ask('seed').address
        (Get-PageMapEntry $target.Id ($address + 4096) -Count 1 | Get-ProcMap).Start | Should -Be $address
    }

    It 'treats an unclosed bracket literally' {
        (Get-ProcMap $target.Id -Path '[v*').Kind | Should -Contain 'Vdso'
    }

    It 'rejects an invalid address: <_>' -ForEach 'non,sense', '-1', 5.5 {
        { Get-ProcMap $target.Id -Address $_ } |
            Should -Throw -ErrorId 'ParameterArgumentTransformationError,MemProc.PowerShell.GetProcMapCommand'
    }

    It 'rejects permissions that no mapping can have' {
        { Get-ProcMap $target.Id -Permission xrw } |
            Should -Throw -ErrorId 'Permission,EINVAL,MemProc.PowerShell.GetProcMapCommand'
    }

    It 'continues after a process that does not exist' {
        $maps = Get-ProcMap 4194305, $target.Id -Kind Stack -ErrorVariable problems -ErrorAction SilentlyContinue
        $maps.ProcessId | Should -Be $target.Id
        $problems.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -Be 'OpenProcess,ESRCH,MemProc.PowerShell.GetProcMapCommand'
        $problems[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $problems[0].TargetObject | Should -Be 4194305
        $problems[0].Exception.Message | Should -Match 'does not exist'
    }

    It 'accepts processes from Get-Process, and names' {
        Assert-PidNamespace
        (Get-Process -Id $target.Id | Get-ProcMap -Kind Stack).ProcessId | Should -Be $target.Id
        $ids = (Get-ProcMap -Name 'dot*t' -Kind Stack).ProcessId
        $ids | Should -Contain $target.Id
        { Get-ProcMap -Name no-such-name -ErrorAction Stop } |
            Should -Throw -ErrorId 'FindProcess,ESRCH,MemProc.PowerShell.GetProcMapCommand'
        { Get-ProcMap 1 -Name dotnet } | Should -Throw -ErrorId 'Name,EINVAL,MemProc.PowerShell.GetProcMapCommand'
    }

    It 'reports an exited process as exited, and a process with its id as another one' {
        Assert-PidNamespace
        $old = Start-Target
        $map = Get-ProcMap $old.Id -Kind Stack
        $old.Kill()
        { $map | Get-PageMapEntry -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.GetPageMapEntryCommand'

        # The next process in this namespace gets the same id, unless another process takes it first.
        foreach ($try in 1..20) {
            $shell = Start-Shell "echo $($old.Id - 1) > /proc/sys/kernel/ns_last_pid; sleep 600 & echo `$!; wait"
            $next = [int] $shell.StandardOutput.ReadLine()
            if ($next -eq $old.Id) {
                break
            }
        }

        $next | Should -Be $old.Id
        (Get-ProcMap $next -Kind Stack).ProcessId | Should -Be $next
        { $map | Get-PageMapEntry -ErrorAction Stop } | Should -Throw '*belongs to another process*'
        { $map | Read-ProcessMemory -ErrorAction Stop } | Should -Throw '*belongs to another process*'
    }

    It 'shows hex and sizes, one group per process, and no control characters' {
        $name = "$([char] 27)[31mred`nname"
        $file = Join-Path $TestDrive $name
        [System.IO.File]::WriteAllBytes($file, [byte[]]::new(4096))
        $address = $target.Ask("file 0 4096 r-- private $TestDrive/\e[31mred\nname").address
        $map = Get-ProcMap $target.Id -Address $address
        # The mapping keeps the file. Pester could not remove the folder with this file name.
        [System.IO.File]::Delete($file)
        $map.Path | Should -BeExactly $file
        $map.RawPath | Should -BeExactly ($file -replace "`n", '\012')

        foreach ($screen in ($map | Out-Screen -Width 300), ($map | Format-List | Out-Screen -Width 300)) {
            $screen | Should -Match ('0x{0:x12}' -f $address)
            $screen | Should -Match '4 KiB'
            $screen | Should -Match '\[31mred\\x0aname'
            $screen | Should -Not -Match "`e"
        }

        Get-ProcMap $target.Id -Kind Stack | Out-Screen | Should -Match "Process: $($target.Id) \("
        (Get-ProcMap $target.Id | Out-Screen -Width 80) -split "`n" | ForEach-Object Length |
            Measure-Object -Maximum | ForEach-Object Maximum | Should -BeLessOrEqual 80
    }

    It 'keeps properties and view through a job' {
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job { Import-Module "$using:root/MemProc.psd1"; Get-ProcMap $using:target.Id -Kind Stack } |
            Receive-Job -Wait -AutoRemoveJob
        $back.PSObject.TypeNames | Should -Contain 'Deserialized.MemProc.ProcMap'
        $here = Get-ProcMap $target.Id -Kind Stack
        $back.Start | Should -Be $here.Start
        ($back | Out-Screen).Trim() | Should -Be ($here | Out-Screen).Trim()
        (Test-IsRoot) -and ($back | Get-PageMapEntry | Should -Not -BeNullOrEmpty)
    }

    It 'completes <parameter> with <expected>' -ForEach @(
        @{ parameter = '-Kind St'; expected = 'Stack' }
        @{ parameter = '-Permission r-'; expected = 'r-x' }
        @{ parameter = '-Path lib'; expected = '*/libc.so.6' }
        @{ parameter = '-Path [st'; expected = "'[[]stack]'" }
        @{ parameter = '-Address 0x7'; expected = '0x7*' }
        @{ parameter = '-Det'; expected = '-Detailed' }
    ) {
        $line = "Get-ProcMap -Id $($target.Id) $parameter"
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches.CompletionText | Where-Object { $_ -like $expected } | Should -Not -BeNullOrEmpty
    }

    It 'completes ids with name and command line, and names' {
        Assert-PidNamespace
        $line = 'Get-ProcMap -Id '
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $match = $found.CompletionMatches | Where-Object CompletionText -EQ "$($target.Id)"
        $match.ToolTip | Should -Match 'dotnet.*MemProc\.Target\.dll'
        $line = 'Get-ProcMap -Name dotn'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches.CompletionText | Should -Contain 'dotnet'
    }

    It 'stops on Ctrl-C: <_>' -ForEach @(
        'Get-PageMapEntry {0} {1} 1TB -All | Out-Null'
        'Get-PageMapEntry {0} {1} 1TB -All -Run'
        'Read-ProcessMemory {0} {1} 1TB -OutFile /dev/shm/memproc-stop-test/out'
        'Read-ProcessMemory {0} {1} 1TB | Out-Null'
    ) {
        $folder = New-Item -ItemType Directory -Path /dev/shm/memproc-stop-test
        $address = $target.Ask('reserve 0x10000000000 1').address
        $shell = [powershell]::Create().AddScript("Import-Module '$PSScriptRoot/../../MemProc.psd1'; '-'; " +
            ($_ -f $target.Id, $address))
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $running = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        [System.Threading.SpinWait]::SpinUntil({ $output.Count -gt 0 }, 30000) | Should -BeTrue
        Start-Sleep -Milliseconds 300
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $stopping = $shell.BeginStop($null, $null)
        $stopping.AsyncWaitHandle.WaitOne(30000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $left = Get-ChildItem $folder -Force
        Remove-Item $folder -Recurse -Force
        $left | Should -BeNullOrEmpty
    }

    It 'stops when the pipeline stops' {
        $null = $target.Ask('vmas 20000')
        @(Get-ProcMap $target.Id | Select-Object -First 3).Count | Should -Be 3
    }

    It 'gets only mappings of deleted files with -Deleted, and writable code with -WritableExecutable' {
        $file = Join-Path $TestDrive deleted
        [System.IO.File]::WriteAllBytes($file, [byte[]]::new(4096))
        $address = $target.Ask("file 0 4096 r-- private $file").address
        [System.IO.File]::Delete($file)
        (Get-ProcMap $target.Id -Deleted -Path $file).Start | Should -Be $address
        Get-ProcMap $target.Id -Deleted | ForEach-Object IsDeleted | Should -Not -Contain $false
        $code = $target.Ask('map 4096 rwx private').address
        (Get-ProcMap $target.Id -WX).Start | Should -Contain $code
        (Get-ProcMap $target.Id -WritableExecutable).Permissions | Should -Match '^.wx.$'
    }

    It 'suggests Get-Process where there is no -Name: <_>' -ForEach @(
        "Get-ElfHeader -Id sleep", "Set-PagePoison -Id sleep -Address 0 -WhatIf"
    ) {
        $problem = { Invoke-Expression $_ } | Should -Throw -PassThru
        $problem.Exception.Message | Should -Match '\(Get-Process sleep\)\.Id'
    }

    It 'takes ids as text' {
        @(Get-ProcMap "$($target.Id)").Count | Should -BeGreaterThan 0
    }
}

Describe 'Get-ProcMap -Next' {
    It 'gets the first mapping that ends after an address' {
        $seed = $target.Ask('map 4096 rw- private').address
        (Get-ProcMap $target.Id -Address ($seed - 1) -Next).Start | Should -Be $seed
        (Get-ProcMap $target.Id -Address ($seed + 5) -Next).Start | Should -Be $seed
        { Get-ProcMap $target.Id -Address 0x7ffffffff000 -Next -ErrorAction Stop } | Should -Throw -ErrorId 'FindMap,ENOENT*'
        { Get-ProcMap $target.Id -Next } | Should -Throw -ErrorId 'Address,EINVAL*'
    }
}
