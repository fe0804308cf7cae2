# Shared by the Pester files: the module under test, and target processes.

$root = Resolve-Path (Join-Path $PSScriptRoot '../..')
$script:targetProgram = Get-ChildItem (Join-Path $root 'tests/MemProc.Target/bin') -Recurse -Filter MemProc.Target.dll |
    Sort-Object LastWriteTime | Select-Object -Last 1 -ExpandProperty FullName
$script:started = [System.Collections.Generic.List[System.Diagnostics.Process]]::new()

function Import-TestedModule {
    Import-Module (Join-Path $root 'MemProc.psd1') -Global
}

<#
.SYNOPSIS
    Starts a target process. The result has its Id and accepts commands by .Ask().
.PARAMETER Prefix
    A command that starts it, such as setpriv with its arguments.
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
    Starts a shell command whose output can be read. Stop-Target ends it too.
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
    Skips the running test unless the user is root, who can read frame numbers and frame tables.
#>
function Assert-Root {
    if (-not (Test-IsRoot)) {
        Set-ItResult -Skipped -Because 'it needs root'
    }
}

<#
.SYNOPSIS
    Skips the running test unless only processes of the tests are visible.
#>
function Assert-PidNamespace {
    if ($env:MEMPROC_PID_NAMESPACE -ne '1') {
        Set-ItResult -Skipped -Because 'it searches all processes, and needs a separate pid namespace (root, unshare)'
    }
}

<#
.SYNOPSIS
    Skips the running test unless kernel memory can be read.
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
    Maps ten pages in a target and touches them. No huge page backs them, whatever the machine's setting.
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
    Runs a script with the module in a separate pwsh, and returns the lines that it wrote.
.PARAMETER Prefix
    A command that starts it: setpriv for another user, unshare for a separate mount namespace.
#>
function Invoke-OtherPwsh([string] $Script, [string[]] $Prefix) {
    # The module must be readable for another user, wherever the repository is.
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
    Returns objects as they are displayed: the text of the default view, without colours.
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
    Runs a script in a pwsh with a simulated idle bitmap and poison injector, which this kernel may lack: regular
    files that store what is written to them, in a separate mount namespace. Processes and frames are the real ones,
    and are not changed.
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
        Set-ItResult -Skipped -Because 'it needs root with the right to mount in a separate namespace'
    }

    if ($LASTEXITCODE -ne 0) {
        throw "The simulation ended with $LASTEXITCODE`: $answer"
    }

    $answer
}

Export-ModuleMember -Function Import-TestedModule, Start-Target, Start-Shell, Stop-Target, Test-IsRoot, Assert-Root,
    Assert-PidNamespace, Assert-KernelMemory, Set-Number, New-TouchedMemory, Invoke-InSimulatedKernel, Invoke-OtherPwsh,
    Out-Screen
