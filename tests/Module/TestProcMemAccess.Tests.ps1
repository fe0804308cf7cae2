# Every answer is compared with what the cmdlets can do in the same situation.
BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $isRoot = Test-IsRoot
    $isArm = [System.Runtime.InteropServices.RuntimeInformation]::ProcessArchitecture -eq 'Arm64'
    $other = 65533
    $user = 65534

    # Starts a program as a user, and returns its id with a writable and a read-only address. Protected: not dumpable.
    function Start-Sleeper([int] $UserId, [switch] $Protected) {
        $name, $program = $Protected ? @('perl', "perl -e 'syscall($($isArm ? 167 : 157), 4, 0, 0, 0, 0); sleep 600'") : @('sleep', 'sleep 600')
        $process = Start-Shell "exec setpriv --reuid $UserId --regid $UserId --clear-groups $program"
        do {
            [System.Threading.Thread]::Sleep(2)
            $maps = @(Get-ProcMap $process.Id -ErrorAction Ignore)
            $isReady = $maps.Count -gt 0 -and $maps[0].Path -like "*/$name" -and $maps.Path -contains '[stack]' -and
                (-not $Protected -or (stat -c %u "/proc/$($process.Id)/mem") -eq 0)
        } until ($isReady)

        $stack = $maps | Where-Object Path -EQ '[stack]'
        @{ Id = $process.Id; Page = $stack.End - 4096; ReadOnly = $maps[0].Start }
    }

    # Tests the access, and tries everything. What is written is what is there.
    $trial = {
        param($Id, $Page, $ReadOnly)
        $ErrorActionPreference = 'Stop'
        $WarningPreference = 'Ignore'
        $tries = @{
            Maps = { Get-ProcMap $Id }
            Smaps = { Get-ProcMap $Id -Detailed }
            PageMap = { Get-PageMapEntry $Id $Page }
            FrameNumbers = { if ((Get-PageMapEntry $Id $Page).IsPfnHidden) { throw 'hidden' } }
            ReadProcessVm = { Read-ProcessMemory $Id $Page 1 -Method ProcessVm }
            ReadMem = { Read-ProcessMemory $Id $Page 1 -Method Mem }
            Write = {
                $bytes = (Read-ProcessMemory $Id $Page 1).Bytes
                Write-ProcessMemory $Id $Page -Bytes $bytes -Confirm:$false
            }
            ForcedWrite = { Write-ProcessMemory $Id $ReadOnly -Bytes 0x7f -Force -Confirm:$false }
            Stop = { Read-ProcessMemory $Id $Page 1 -Stop }
            PageFlags = { Get-PageFlags -Pfn 1 }
            MapCounts = { [System.IO.File]::OpenRead('/proc/kpagecount').ReadByte() }
            PageCgroups = { [System.IO.File]::OpenRead('/proc/kpagecgroup').ReadByte() }
            KernelTables = { Get-PageTableEntry $Id $Page }
            SoftDirty = { Clear-SoftDirty $Id }
            IdlePages = { Set-PageIdle $Id $Page -Length 1 -Confirm:$false }
            Poison = { Set-PagePoison $Id $Page -WhatIf }
        }
        foreach ($row in Test-ProcMemAccess $Id) {
            $problem = ''
            try {
                $null = & $tries["$($row.Ability)"]
            }
            catch {
                $problem = "$_"
            }

            'row' + ([ordered] @{ Ability = "$($row.Ability)"; IsAllowed = $row.IsAllowed; Cause = "$($row.Cause)"
                Remedy = $row.Remedy; Missing = @($row.MissingCapabilities); Problem = $problem } | ConvertTo-Json -Compress)
        }
    }

    $as = 'setpriv', '--reuid', "$user", '--regid', "$user", '--clear-groups'
    function As-User([string] $Capabilities) {
        $as + $(if ($Capabilities) { '--inh-caps', $Capabilities, '--ambient-caps', $Capabilities })
    }

    function In-Mount([string] $Options, [string[]] $Rest) {
        'unshare', '--mount', '/bin/sh', '-c', "mount -t proc -o $Options proc /proc && exec `"`$@`"", 'sh' + $Rest
    }

    $answers = @{}
    if ($isRoot) {
        $copy = Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())"
        $null = New-Item $copy -ItemType Directory
        $repo = Resolve-Path $PSScriptRoot/../..
        Copy-Item "$repo/MemProc.psd1", "$repo/lib" $copy -Recurse
        chmod -R a+rX $copy
        $foreign = Start-Sleeper $other
        $situations = @{
            user = (As-User), $foreign
            sys_ptrace = (As-User '+sys_ptrace'), (Start-Sleeper $other)
            most = (As-User '+sys_ptrace,+dac_read_search,+dac_override,+sys_admin'), (Start-Sleeper $other)
            own = (As-User), (Start-Sleeper $user)
            userns = ((As-User) + 'unshare', '--user', '--map-root-user'), (Start-Sleeper $other)
            pidns = @('unshare', '--pid', '--fork'), (Start-Sleeper $other)
            hidepid = (In-Mount 'hidepid=2' (As-User)), (Start-Sleeper $other)
            subset = (In-Mount 'subset=pid' @()), (Start-Sleeper $other)
        }
        if (Get-Command perl -ErrorAction Ignore) {
            $situations.protected = (As-User), (Start-Sleeper $user -Protected)
        }

        # A Landlock sandbox that restricts no files, so that only the access to other processes is refused.
        if (Get-Command gcc -ErrorAction Ignore) {
            gcc $PSScriptRoot/Programs/sandbox.c -o $copy/sandbox
            chmod a+rx $copy/sandbox
            & $copy/sandbox true
            if ($LASTEXITCODE -eq 0) {
                $situations.landlock = ((As-User) + "$copy/sandbox"), (Start-Sleeper $user)
            }
        }

        # All at once: they wait for each other otherwise.
        $running = @{}
        foreach ($name in $situations.Keys) {
            $prefix, $target = $situations[$name]
            $line = "Import-Module $copy/MemProc.psd1; & {$trial} $($target.Id) $($target.Page) $($target.ReadOnly)"
            $command = @($prefix) + 'env', 'HOME=/tmp', "XDG_CACHE_HOME=$copy/none", 'DOTNET_EnableDiagnostics=0', 'pwsh',
                '-NoProfile', '-NonInteractive', '-OutputFormat', 'Text', '-EncodedCommand',
                [Convert]::ToBase64String([System.Text.Encoding]::Unicode.GetBytes($line))
            $start = [System.Diagnostics.ProcessStartInfo]::new($command[0])
            $command | Select-Object -Skip 1 | ForEach-Object { $start.ArgumentList.Add($_) }
            $start.RedirectStandardOutput = $true
            $start.RedirectStandardError = $true
            $process = [System.Diagnostics.Process]::Start($start)
            $running[$name] = $process, $process.StandardOutput.ReadToEndAsync(), $process.StandardError.ReadToEndAsync()
        }

        foreach ($name in $running.Keys) {
            $process, $output, $errors = $running[$name]
            $rows = @($output.Result -split "`n" -match '^row' | ForEach-Object { $_.Substring(3) | ConvertFrom-Json })
            $answers[$name] = $rows ? $rows : "$($errors.Result)"
            $process.WaitForExit()
        }
    }

    function Get-Answer([string] $Situation) {
        Assert-Root
        $found = $answers[$Situation]
        if (-not $found) {
            Set-ItResult -Skipped -Because 'it needs perl, or gcc and a kernel with Landlock'
        }

        if ($found -is [string]) {
            if ($found -match 'unshare: |mount: ') {
                Set-ItResult -Skipped -Because "this machine does not allow it: $found"
            }

            throw $found
        }

        $found
    }
}

AfterAll {
    Stop-Target
    if ($copy) {
        Remove-Item $copy -Recurse -Force
    }
}

Describe 'Test-ProcMemAccess' {
    It 'agrees with what works: <_>' -ForEach user, sys_ptrace, most, own, protected, userns, pidns, hidepid,
    subset, landlock {
        $rows = Get-Answer $_
        $rows.Count | Should -Be ([Enum]::GetNames([MemProc.MemoryAbility]).Count)
        $wrong = $rows | Where-Object { $_.IsAllowed -ne ($_.Problem -eq '') }
        $wrong | ConvertTo-Json | Should -BeNullOrEmpty
        # A refusal has a cause and a remedy.
        $rows | Where-Object { $_.IsAllowed -ne ($_.Cause -eq 'None') -or $_.IsAllowed -ne ($_.Remedy -eq '') } |
            Should -BeNullOrEmpty
    }

    It 'names the cause: <Situation>, <Ability> is <Cause>' -ForEach @(
        @{ Situation = 'user'; Ability = 'Maps'; Cause = 'OtherUser'; Remedy = 'Grant CAP_SYS_PTRACE, or run as user 65533.' }
        @{ Situation = 'user'; Ability = 'Write'; Cause = 'OtherUser'; Remedy = 'Grant CAP_SYS_PTRACE, or run as user 65533.' }
        @{ Situation = 'user'; Ability = 'PageFlags'; Cause = 'FileMode'; Remedy = 'Grant CAP_DAC_READ_SEARCH.' }
        @{ Situation = 'sys_ptrace'; Ability = 'PageMap'; Cause = 'FileMode'; Remedy = 'Grant CAP_DAC_READ_SEARCH.' }
        @{ Situation = 'sys_ptrace'; Ability = 'ForcedWrite'; Cause = 'FileMode'; Remedy = 'Grant CAP_DAC_OVERRIDE.' }
        @{ Situation = 'own'; Ability = 'FrameNumbers'; Cause = 'Capability'; Remedy = 'Grant CAP_SYS_ADMIN.' }
        @{ Situation = 'own'; Ability = 'KernelTables'; Cause = 'Capability'; Remedy = 'Grant CAP_SYS_ADMIN.' }
        @{ Situation = 'protected'; Ability = 'ReadProcessVm'; Cause = 'NotDumpable'; Remedy = 'Grant CAP_SYS_PTRACE.' }
        @{ Situation = 'userns'; Ability = 'Maps'; Cause = 'UserNamespace'; Remedy = 'Run outside of the container.' }
        @{ Situation = 'userns'; Ability = 'PageFlags'; Cause = 'UserNamespace'; Remedy = 'Run outside of the container.' }
        @{ Situation = 'pidns'; Ability = 'Stop'; Cause = 'PidNamespace'; Remedy = '*nsenter*' }
        @{ Situation = 'hidepid'; Ability = 'Maps'; Cause = 'HidePid'; Remedy = 'Grant CAP_SYS_PTRACE.' }
        @{ Situation = 'landlock'; Ability = 'Maps'; Cause = 'SecurityModule'; Remedy = 'Run outside of the sandbox.' }
        @{ Situation = 'landlock'; Ability = 'Write'; Cause = 'SecurityModule'; Remedy = 'Run outside of the sandbox.' }
        @{ Situation = 'subset'; Ability = 'PageFlags'; Cause = 'SubsetPid'; Remedy = 'Mount another procfs*' }
    ) {
        $row = Get-Answer $Situation | Where-Object Ability -EQ $Ability
        $row.IsAllowed, $row.Cause | Should -Be $false, $Cause
        $row.Remedy | Should -BeLike $Remedy
    }

    It 'lists the capabilities to grant' {
        $rows = Get-Answer user
        ($rows | Where-Object Ability -EQ PageMap).Missing | Should -Be CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH
        ($rows | Where-Object Ability -EQ SoftDirty).Cause | Should -BeIn KernelConfig, FileMode
    }

    It 'is named by a permission error' {
        $rows = Get-Answer user
        ($rows | Where-Object Ability -EQ Maps).Problem | Should -BeLike "*Test-ProcMemAccess $($foreign.Id) shows what*"
        ($rows | Where-Object Ability -EQ PageFlags).Problem | Should -BeLike '*Test-ProcMemAccess shows what*'
    }

    It 'tries to stop the process only if that is requested' {
        Assert-Root
        (Test-ProcMemAccess $foreign.Id Stop).IsPredicted | Should -BeTrue
        $row = Test-ProcMemAccess $foreign.Id -Ability Stop -Stop
        $row.IsAllowed, $row.IsPredicted | Should -Be $true, $false
        (Get-ProcMemoryStatus $foreign.Id).State | Should -Match sleep
    }

    It 'tests this process by default, which cannot stop itself' {
        $rows = Test-ProcMemAccess
        $rows[0] | Should -BeOfType MemProc.ProcMemAccess
        $rows[0].ProcessId, $rows[0].IsAllowed | Should -Be $PID, $true
        ($rows | Where-Object Ability -EQ Stop).Cause | Should -Be SameProcess
        $rows | Out-Screen | Should -Match "(?s)Process: $PID \(.*Maps +yes +tried"
    }

    It 'takes processes from the pipeline, and survives a job' {
        $row = Get-Process -Id $PID | Test-ProcMemAccess -Ability Maps
        $row.ProcessId | Should -Be $PID
        $back = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($row))
        $back | Out-Screen | Should -Match 'Maps +yes'
    }
}
