BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule

    # Memory of which the first half is there, and the second half waits for a handler that never answers.
    function New-HalfMissing {
        $script:target = Start-Target
        $address = $target.Ask('map 2097152 rw- private').address
        $null = $target.Ask("touch $address 256")
        try {
            $null = $target.Ask("miss $address 2097152")
        }
        catch {
            Set-ItResult -Skipped -Because "it needs userfaultfd: $_"
        }

        $address
    }

    # Runs a script in another runspace, and stops it as Ctrl-C does. Returns the seconds that the stop took.
    function Measure-Stop([string] $Script) {
        $module = Resolve-Path $PSScriptRoot/../../MemProc.psd1
        $shell = [powershell]::Create().AddScript("Import-Module '$module'; 'ready'; $Script")
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $running = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        while ($output.Count -eq 0 -and $clock.Elapsed.TotalSeconds -lt 30) {
            Start-Sleep -Milliseconds 20
        }

        Start-Sleep -Milliseconds 500
        $running.IsCompleted | Should -BeFalse -Because "it waits: $Script"
        $clock.Restart()
        $stopping = $shell.BeginStop($null, $null)
        $null = $stopping.AsyncWaitHandle.WaitOne(20000)
        $clock.Elapsed.TotalSeconds
    }

    # Starts a pwsh with the module that runs a script.
    function Start-OtherPwsh([string] $Script) {
        $module = Resolve-Path $PSScriptRoot/../../MemProc.psd1
        # Directly: the pwsh of the .NET tool starts it as a child, which a signal to the tool does not reach.
        $pwsh = [System.Environment]::ProcessPath
        if ((Split-Path -Leaf $pwsh) -eq 'dotnet') {
            $pwsh = "$pwsh '$PSHOME/pwsh.dll'"
        }

        Start-Shell "exec $pwsh -NoProfile -NonInteractive -Command ""Import-Module '$module'; $Script"""
    }

    function Wait-ForOutput($Process, [string] $Folder) {
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        while ($clock.Elapsed.TotalSeconds -lt 30 -and -not $Process.HasExited) {
            $links = [System.IO.Directory]::GetFiles("/proc/$($Process.Id)/fd").ForEach{ [System.IO.FileInfo]::new($_).LinkTarget }
            if ($links -like "$Folder/*") {
                return
            }

            Start-Sleep -Milliseconds 20
        }

        throw 'It did not write.'
    }
}

Describe 'Memory that a userfaultfd handler supplies' {
    AfterEach {
        # What waits for a page of a target ends with it.
        Stop-Target
    }

    It 'is not touched by any cmdlet' {
        Assert-Root
        $address = New-HalfMissing
        $missing = $address + 1MB
        $block = Read-ProcessMemory $target.Id $address 2MB
        $block.Gaps.Kind | Should -Be 'Userfault'
        Read-ProcessMemory $target.Id ($missing - 16) 32 | Out-Screen |
            Should -Match 'not supplied by its userfaultfd handler'
        $path = Join-Path $TestDrive gap.bin
        (Read-ProcessMemory $target.Id $address 2MB -OutFile $path).Gaps.Kind | Should -Be 'Userfault'
        foreach ($read in { Read-ProcessMemory $target.Id $missing 8 -Raw -ErrorAction Stop },
            { Read-ProcessMemory $target.Id $missing -Type int32 -Stop -ErrorAction Stop },
            { Read-ProcessMemory $target.Id $missing 8 -AsString -ErrorAction Stop },
            { Watch-ProcessMemory $target.Id $missing -Type int32 -Timeout 1s -ErrorAction Stop }) {
            $read | Should -Throw '*userfaultfd handler*AllowUserfault*' -ErrorId 'ReadMemory,EBUSY,*'
        }

        { Read-ProcessMemory $target.Id $missing 8 -Dereference 1 -ErrorAction Stop } |
            Should -Throw -ErrorId 'Dereference,EBUSY,MemProc.PowerShell.ReadProcessMemoryCommand'
        { Read-ProcessMemory $target.Id "*(0x$('{0:x}' -f $missing))" 8 -ErrorAction Stop } | Should -Throw '*userfaultfd handler*'
        { Write-ProcessMemory $target.Id $missing -Bytes 1 -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId 'WriteMemory,EBUSY,MemProc.PowerShell.WriteProcessMemoryCommand'
        $scope = @{ Id = $target.Id; Address = $address; Length = 2MB; IncludeNotResident = $true }
        @(Search-ProcessMemory @scope 01 -Alignment 4096 -WarningVariable skipped -WarningAction SilentlyContinue).Count |
            Should -Be 256
        "$skipped" | Should -Match '1 MiB were not searched.*-AllowUserfault'
        $scan = New-ProcessMemoryScan @scope Int32 -WarningAction SilentlyContinue
        $scan.Count | Should -Be 262144
        $null = $target.Ask("advise $address 1048576 4")
        ($scan | Select-ProcessMemoryMatch -Unchanged).LostCount | Should -Be 262144
        $dump = Save-ProcessMemory $target.Id (Join-Path $TestDrive core) -Address $address -All -Stop
        $dump.Gaps.Kind | Should -Be 'Userfault'
        $target.Ask("say $($target.Ask('seed').address)").text | Should -Not -BeNullOrEmpty
    }

    It 'is waited for with -AllowUserfault, until Ctrl-C' {
        Assert-Root
        $address = New-HalfMissing
        $missing = $address + 1MB
        $id = $target.Id
        $path = Join-Path $TestDrive waits
        foreach ($script in "Read-ProcessMemory $id $missing 8 -AllowUserfault",
            "Read-ProcessMemory $id $missing -Type int32 -AllowUserfault",
            "Read-ProcessMemory $id $address 2MB -OutFile $path -AllowUserfault",
            "Watch-ProcessMemory $id $missing -Type int32 -AllowUserfault",
            "Write-ProcessMemory $id $missing -Bytes 1 -Confirm:`$false -AllowUserfault",
            "Search-ProcessMemory $id 02 -Address $missing -Length 4096 -IncludeNotResident -AllowUserfault",
            "New-ProcessMemoryScan $id Int32 -Address $missing -Length 4096 -IncludeNotResident -AllowUserfault",
            "Save-ProcessMemory $id $path -Address $address -AllowUserfault") {
            Measure-Stop $script | Should -BeLessThan 1 -Because $script
        }

        Test-Path $path | Should -BeFalse
    }

    It 'is read where its handler answers' {
        Assert-Root
        $target = Start-Target
        $address = $target.Ask('map 8192 rw- private').address
        try {
            $null = $target.Ask("serve $address 8192 65")
        }
        catch {
            Set-ItResult -Skipped -Because "it needs userfaultfd: $_"
        }

        Read-ProcessMemory $target.Id $address 4 -AsString -AllowUserfault -WarningAction SilentlyContinue | Should -Be 'AAAA'
        # The second page is missing, and its handler is in the process that is stopped.
        (Read-ProcessMemory $target.Id $address 8192 -Stop -AllowUserfault).Gaps.Kind | Should -Be 'Userfault'
        (Read-ProcessMemory $target.Id $address 8192 -AllowUserfault).Gaps | Should -BeNullOrEmpty
    }

    It 'requires -IncludeNotResident in a search' {
        { Search-ProcessMemory $PID 00 -AllowUserfault } |
            Should -Throw -ErrorId 'AllowUserfault,EINVAL,MemProc.PowerShell.SearchProcessMemoryCommand'
    }
}

Describe 'A signal that ends PowerShell' {
    AfterEach {
        Stop-Target
    }

    It 'leaves no incomplete output of <script> after SIG<signal>' -ForEach @(
        foreach ($signal in 'TERM', 'HUP', 'KILL') {
            @{ signal = $signal; script = 'Read-ProcessMemory {0} {1} 2MB -OutFile {2}/out -AllowUserfault' }
        }

        foreach ($signal in 'TERM', 'HUP') {
            @{ signal = $signal; script = 'Save-ProcessMemory {0} {2}/out -Address {1} -Format Raw -AllowUserfault' }
        }
    ) {
        Assert-Root
        $address = New-HalfMissing
        $folder = (New-Item (Join-Path $TestDrive "signal-$(New-Guid)") -ItemType Directory).FullName
        $other = Start-OtherPwsh ($script -f $target.Id, $address, $folder)
        Wait-ForOutput $other $folder
        kill "-$signal" $other.Id
        $other.WaitForExit(10000) | Should -BeTrue
        Get-ChildItem $folder -Force | Should -BeNullOrEmpty
    }
}
