# What the Pester suite shares: the module under test, and processes to look into.

$root = Resolve-Path (Join-Path $PSScriptRoot '../..')
$script:targetProgram = Get-ChildItem (Join-Path $root 'tests/MemProc.Target/bin') -Recurse -Filter MemProc.Target.dll |
    Sort-Object LastWriteTime | Select-Object -Last 1 -ExpandProperty FullName
$script:started = [System.Collections.Generic.List[System.Diagnostics.Process]]::new()

function Import-TestedModule {
    Import-Module (Join-Path $root 'MemProc.psd1') -Global
}

<#
.SYNOPSIS
    Starts the process that tests look into; the answer has its Id and takes commands by .Ask().
.PARAMETER Prefix
    A command to start it by, such as setpriv with its arguments.
#>
function Start-Target([string[]] $Prefix = @()) {
    $command = $Prefix + @([System.Environment]::ProcessPath, $targetProgram)
    $start = [System.Diagnostics.ProcessStartInfo]::new($command[0])
    $command | Select-Object -Skip 1 | ForEach-Object { $start.ArgumentList.Add($_) }
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.Environment['DOTNET_EnableDiagnostics'] = '0'
    $process = [System.Diagnostics.Process]::Start($start)
    $started.Add($process)
    $ready = $process.StandardOutput.ReadLine()
    if ($ready -notmatch '^ready pid=(\d+)') {
        throw "The target said '$ready'."
    }

    [pscustomobject] @{ Id = [int] $Matches[1]; Process = $process } |
        Add-Member -PassThru -MemberType ScriptMethod -Name Ask -Value {
            param([string] $Command)
            $this.Process.StandardInput.WriteLine($Command)
            $this.Process.StandardInput.Flush()
            $reply = $this.Process.StandardOutput.ReadLine()
            if ($reply -notlike 'ok*') {
                throw "$Command`: $reply"
            }

            $values = @{}
            foreach ($pair in ($reply -split ' ' | Select-Object -Skip 1)) {
                $name, $value = $pair -split '=', 2
                $values[$name] = $value -match '^0x' ? [Convert]::ToUInt64($value, 16) : $value
            }

            $values
        } |
        Add-Member -PassThru -MemberType ScriptMethod -Name Kill -Value {
            $this.Process.Kill($true)
            $this.Process.WaitForExit()
        }
}

<#
.SYNOPSIS
    Starts a line of shell whose output can be read; it ends with the targets.
#>
function Start-Shell([string] $Line) {
    $start = [System.Diagnostics.ProcessStartInfo]::new('/bin/sh')
    '-c', $Line | ForEach-Object { $start.ArgumentList.Add($_) }
    $start.RedirectStandardOutput = $true
    $process = [System.Diagnostics.Process]::Start($start)
    $started.Add($process)
    $process
}

<#
.SYNOPSIS
    Ends every process that Start-Target and Start-Shell started, with its children.
#>
function Stop-Target {
    foreach ($process in $started) {
        if (-not $process.HasExited) {
            $process.Kill($true)
            $process.WaitForExit()
        }

        $process.Dispose()
    }

    $started.Clear()
}

function Test-IsRoot {
    (id -u) -eq 0
}

<#
.SYNOPSIS
    Skips the running test unless it is root, whose pages and frame tables can be read.
#>
function Assert-Root {
    if (-not (Test-IsRoot)) {
        Set-ItResult -Skipped -Because 'it needs root'
    }
}

<#
.SYNOPSIS
    Skips the running test unless all processes in sight are the tests' own.
#>
function Assert-PidNamespace {
    if ($env:MEMPROC_PID_NAMESPACE -ne '1') {
        Set-ItResult -Skipped -Because 'it looks at all processes, and needs a pid namespace of its own (root, unshare)'
    }
}

<#
.SYNOPSIS
    Skips the running test unless the kernel's own memory can be read.
#>
function Assert-KernelMemory {
    Assert-Root
    $null = Get-KernelMemoryMap $PID -ErrorVariable problem -ErrorAction SilentlyContinue
    if ($problem) {
        Set-ItResult -Skipped -Because "$problem"
    }
}

<#
.SYNOPSIS
    Writes a number to a target's memory.
#>
function Set-Number($Target, $Address, $Value, $Type = 'Int32') {
    Write-ProcessMemory $Target.Id $Address -Value $Value -Type $Type -Confirm:$false
}

<#
.SYNOPSIS
    Maps ten pages in a target and touches them, each a page of its own whatever the machine does with huge pages.
.OUTPUTS
    Their address.
#>
function New-TouchedMemory($Target) {
    $address = $Target.Ask('map 40960 rw- private').address
    $null = $Target.Ask("advise $address 40960 15"), $Target.Ask("touch $address 10")
    $address
}

<#
.SYNOPSIS
    Runs a script with the module in a pwsh of its own, and gives the lines that it wrote.
.PARAMETER Prefix
    A command to start it by: setpriv for another user, unshare for a mount namespace of its own.
#>
function Invoke-OtherPwsh([string] $Script, [string[]] $Prefix) {
    # The module has to be readable for another user, wherever the repository is.
    $copy = Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())"
    try {
        $null = New-Item $copy -ItemType Directory
        Copy-Item (Join-Path $root 'MemProc.psd1'), (Join-Path $root 'lib') $copy -Recurse
        chmod -R a+rX $copy
        $command = $Prefix + @('env', 'HOME=/tmp', "XDG_CACHE_HOME=$copy/none", 'DOTNET_EnableDiagnostics=0', 'pwsh',
            '-NoProfile', '-NonInteractive', '-Command', "Import-Module $copy/MemProc.psd1; $Script")
        $first, $rest = $command
        & $first @rest
    }
    finally {
        Remove-Item $copy -Recurse -Force
    }
}

<#
.SYNOPSIS
    What a person sees of objects: the text of the default view, without colours.
#>
function Out-Screen {
    param([Parameter(ValueFromPipeline)] $InputObject, [int] $Width = 120)
    begin {
        $items = [System.Collections.Generic.List[object]]::new()
    }

    process {
        $items.Add($InputObject)
    }

    end {
        ($items | Out-String -Width $Width) -replace '\x1b\[[0-9;]*m'
    }
}

<#
.SYNOPSIS
    Runs a script in a pwsh that sees an idle bitmap and a poison injector which this kernel may lack: files that only
    remember what is written to them, in a mount namespace of its own. Processes and frames are the real ones, and
    nothing happens to them.
#>
function Invoke-InSimulatedKernel([string] $Script) {
    $module = Join-Path $root 'MemProc.psd1'
    $simulation = 'mount -t tmpfs none /sys/kernel/mm && mount -t tmpfs none /sys/kernel/debug &&
        mkdir /sys/kernel/mm/page_idle /sys/kernel/debug/hwpoison &&
        truncate -s 64M /sys/kernel/mm/page_idle/bitmap &&
        touch /sys/kernel/debug/hwpoison/corrupt-pfn /sys/kernel/debug/hwpoison/unpoison-pfn || exit 77
        exec "$@"'
    $answer = unshare --mount /bin/sh -c $simulation sh pwsh -NoProfile -NonInteractive -Command "
        `$ErrorActionPreference = 'Stop'; Import-Module '$module'; $Script"
    if ($LASTEXITCODE -eq 77) {
        Set-ItResult -Skipped -Because 'it needs root that may mount in a namespace of its own'
    }

    if ($LASTEXITCODE -ne 0) {
        throw "The simulation ended with $LASTEXITCODE`: $answer"
    }

    $answer
}

Export-ModuleMember -Function Import-TestedModule, Start-Target, Start-Shell, Stop-Target, Test-IsRoot, Assert-Root,
    Assert-PidNamespace, Assert-KernelMemory, Set-Number, New-TouchedMemory, Invoke-InSimulatedKernel, Invoke-OtherPwsh,
    Out-Screen
