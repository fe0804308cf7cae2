#!/usr/bin/env pwsh
<#
.SYNOPSIS
    Runs the Pester suite on the module as it was built.

.DESCRIPTION
    As root the suite runs in a pid namespace of its own, with its own /proc: what looks at all processes sees those
    that the tests started and no other. Without root it runs as it is, and tests that need the namespace are skipped.

.PARAMETER CountFile
    Where to write how many tests passed, failed and were skipped: three numbers in a line.
#>
[CmdletBinding()]
param(
    [string] $CountFile,
    [switch] $InNamespace
)

$ErrorActionPreference = 'Stop'
if (-not $InNamespace -and (id -u) -eq 0 -and (Get-Command unshare -ErrorAction Ignore)) {
    $arguments = @('-NoProfile', '-NonInteractive', '-File', $PSCommandPath, '-InNamespace')
    if ($CountFile) {
        $arguments += '-CountFile', $CountFile
    }

    unshare --pid --fork --kill-child --mount-proc pwsh @arguments
    exit $LASTEXITCODE
}

Import-Module Pester -MinimumVersion 5.5
$configuration = New-PesterConfiguration
$configuration.Run.Path = $PSScriptRoot
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
$configuration.Output.RenderMode = 'Plaintext'
$env:MEMPROC_PID_NAMESPACE = [int] $InNamespace.IsPresent
$result = Invoke-Pester -Configuration $configuration

foreach ($test in $result.Skipped) {
    Write-Host "skipped: $($test.ExpandedPath): $($test.ErrorRecord.Exception.Message)"
}

if ($CountFile) {
    "$($result.PassedCount) $($result.FailedCount + $result.FailedContainersCount + $result.FailedBlocksCount) " +
    "$($result.SkippedCount + $result.NotRunCount)" | Set-Content $CountFile
}

exit [int] ($result.Result -ne 'Passed')
