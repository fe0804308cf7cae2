# How processes are named: by id, by name, by an object, and down the pipeline, for all cmdlets.

BeforeDiscovery {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    # Cmdlets that get something of a process without further arguments, and their arguments here.
    $getters = @(
        @{ Name = 'Get-ProcMap'; Extra = @{ Kind = 'Stack' } }
        @{ Name = 'Get-ProcMemoryStatus'; Extra = @{} }
        @{ Name = 'Get-PageMapEntry'; Extra = @{ Address = '[stack]-8' } }
        @{ Name = 'Resolve-ProcAddress'; Extra = @{ Address = '[stack]' } }
        @{ Name = 'Read-ProcessMemory'; Extra = @{ Address = '[stack]-16'; Length = 16 } }
    )
}

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $processName = (Get-Process -Id $target.Id).Name
}

AfterAll {
    Stop-Target
}

Describe 'Processes of <Name>' -ForEach $getters {
    It 'takes process objects, objects of this module, and text as -Id' {
        $process = Get-Process -Id $target.Id
        $map = (Get-ProcMap $target.Id)[0]
        foreach ($given in $process, $map, "$($target.Id)", ([pscustomobject] @{ ProcessId = $target.Id }), ($process | Select-Object Id)) {
            (& $Name $given @Extra)[0].ProcessId | Should -Be $target.Id
            (& $Name -Id $given @Extra)[0].ProcessId | Should -Be $target.Id
        }

        @(& $Name @($process, $PID) @Extra).ProcessId | Select-Object -Unique | Should -Be $target.Id, $PID
    }

    It 'takes ids from the pipeline, as numbers and as pgrep writes them' {
        ($target.Id | & $Name @Extra)[0].ProcessId | Should -Be $target.Id
        ([long] $target.Id | & $Name @Extra)[0].ProcessId | Should -Be $target.Id
        ("$($target.Id)" | & $Name @Extra)[0].ProcessId | Should -Be $target.Id
        ($PID, $target.Id | & $Name @Extra).ProcessId | Select-Object -Unique | Should -Be $PID, $target.Id
    }

    It 'takes a name in the place of an id' {
        Assert-PidNamespace
        (& $Name $processName @Extra).ProcessId | Should -Contain $target.Id
        $problem = { & $Name no-such-name @Extra -ErrorAction Stop } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -BeLike 'FindProcess,ESRCH,*'
    }
}

Describe 'Processes' {
    It 'refuses what only looks like an id from the pipeline: <_>' -ForEach 'text', '0x10', '-5', ' 5', 1.5, ([byte] 5), ([ulong] 5) {
        $_ | Get-ProcMap -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId | Should -Match '^(InputObject,EINVAL|InputObjectNotBound|ParameterBindingFailed)'
    }

    It 'refuses an id from the pipeline where -Id is given' {
        $target.Id | Get-ProcMap -Id $PID -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId | Should -BeLike 'Id,EINVAL,*'
    }

    It 'refuses as -Id: <_>' -ForEach 0, -1, '', $true, 1.5, ([ulong]::MaxValue), @{}, (Get-Date) {
        { Get-ProcMap -Id $_ } | Should -Throw
    }

    It 'notices that the process of an object has gone' {
        $dead = Start-Target
        $map = (Get-ProcMap $dead.Id)[0]
        $dead.Kill()
        { Get-ProcMap $map -ErrorAction Stop } | Should -Throw -ErrorId 'OpenProcess,ESRCH,*'
        $map = Get-ProcMap $target.Id -Kind Stack | Select-Object *
        $map.ProcessStartTicks--
        { Get-ProcMap $map -ErrorAction Stop } | Should -Throw '*belongs to another process*'
    }

    It 'takes process objects in every -Id: <_>' -ForEach 'Get-ElfHeader', 'Get-PageSharing -AmongId' {
        $command, $parameter = $_ -split ' '
        if ($parameter) {
            Assert-Root
            Get-PageSharing -Id (Get-Process -Id $target.Id) -AmongId (Get-Process -Id $target.Id) -Summary |
                ForEach-Object ProcessId | Should -Be $target.Id
        }
        else {
            (& $command -Id (Get-Process -Id $target.Id) -Path libc.so.6).ProcessId | Should -Be $target.Id
        }
    }

    It 'leaves kernel threads and processes that exit meanwhile to those who name them' {
        Assert-PidNamespace
        # A zombie has a name and no memory. It exits after exec: a shell would wait for it.
        $shell = Start-Shell 'sleep 1 & echo $!; exec sleep 600'
        $zombie = [int] $shell.StandardOutput.ReadLine()
        [Threading.SpinWait]::SpinUntil({ (Get-Content /proc/$zombie/status -ErrorAction Ignore) -match 'zombie' }, 30000) | Should -BeTrue
        [Threading.SpinWait]::SpinUntil({ (Get-Content "/proc/$($shell.Id)/comm") -eq 'sleep' }, 30000) | Should -BeTrue
        $found = Get-ProcMap -Name 's?eep' -Kind Stack -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems | Should -BeNullOrEmpty
        $found.ProcessId | Should -Contain $shell.Id
        $found.ProcessId | Should -Not -Contain $zombie
        $null = Get-ProcMap -Name sleep -Kind Stack -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems.Count | Should -Be 1
        $problems.FullyQualifiedErrorId | Should -BeLike '*,ESRCH,*'
    }
}

Describe 'Paths of mappings' {
    It 'reports a path without wildcards that nothing has: <Command>' -ForEach @(
        @{ Command = 'Get-ProcMap'; Extra = @{} }
        @{ Command = 'Search-ProcessMemory'; Extra = @{ Text = 'x' } }
        @{ Command = 'Get-ElfHeader'; Extra = @{} }
    ) {
        $null = & $Command -Id $target.Id -Path libnothing.so, 'libno*' @Extra -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems | Should -HaveCount 1
        $problems.FullyQualifiedErrorId | Should -BeLike 'FindMap,ENOENT,*'
        $problems[0].TargetObject | Should -Be 'libnothing.so'
    }

    It 'reports it once for all processes, and not where one of them has it' {
        $null = $PID, $target.Id | Get-ProcMap -Path libnothing.so -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems | Should -HaveCount 1
        $maps = $PID, $target.Id | Get-ProcMap -Path MemProc.Target.dll, '[heap]' -ErrorAction Stop
        $maps.ProcessId | Should -Contain $target.Id
    }

    It 'says nothing where the process cannot be read, or enough was found' {
        $null = Get-ProcMap -Id 4194305 -Path libnothing.so -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems.FullyQualifiedErrorId | Should -BeLike 'OpenProcess,ESRCH,*'
        Search-ProcessMemory $target.Id -Text ELF -First 1 -Path libc.so.6, zzz.so -ErrorAction Stop | Should -HaveCount 1
    }
}

Describe 'Mappings from the pipeline that cannot be read' {
    It 'passes over [vsyscall] unless its address is given: <Command>' -ForEach @(
        @{ Command = 'Get-PageMapEntry'; Extra = @{} }
        @{ Command = 'Get-PageTableEntry'; Extra = @{}; NeedsRoot = $true }
        @{ Command = 'Measure-PageFlags'; Extra = @{}; NeedsRoot = $true }
        @{ Command = 'Measure-PageFolio'; Extra = @{}; NeedsRoot = $true }
        @{ Command = 'Read-ProcessMemory'; Extra = @{ Length = 8 } }
        @{ Command = 'Search-ProcessMemory'; Extra = @{ Text = 'x' } }
    ) {
        $vsyscall = Get-ProcMap $target.Id -Kind Vsyscall
        if (-not $vsyscall) {
            Set-ItResult -Skipped -Because 'the kernel has no [vsyscall]'
            return
        }

        if ($NeedsRoot -and -not (Test-IsRoot)) {
            Set-ItResult -Skipped -Because 'it needs root'
            return
        }

        $said = $vsyscall | & $Command @Extra -ErrorAction Stop -Verbose 4>&1
        $said | Where-Object { $_ -isnot [System.Management.Automation.VerboseRecord] } |
            Where-Object { $_ -isnot [MemProc.PageFlagsSummary] } | Should -BeNullOrEmpty
        { & $Command -Id $target.Id -Address 0xffffffffff600000 @Extra -ErrorAction Stop } | Should -Throw '*vsyscall*'
    }
}
