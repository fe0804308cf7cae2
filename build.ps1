#!/usr/bin/env pwsh
<#
.SYNOPSIS
    Builds, tests and packages MemProc.

.DESCRIPTION
    Build fills lib/, so that Import-Module ./MemProc.psd1 works from the repository's root. Test builds and runs both
    suites, xunit and Pester. Package leaves out/MemProc/<version>/, ready to be copied to a module path, and a zip of
    it. Nothing is installed.

.EXAMPLE
    ./build.ps1 -Task Package
#>
[CmdletBinding()]
param(
    [ValidateSet('Build', 'Test', 'Package')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release'
)

$ErrorActionPreference = 'Stop'
$manifestPath = Join-Path $PSScriptRoot 'MemProc.psd1'

function Invoke-Dotnet {
    dotnet @args
    if ($LASTEXITCODE -ne 0) {
        throw "dotnet $args ended with $LASTEXITCODE."
    }
}

function Test-Everything {
    Invoke-Dotnet test (Join-Path $PSScriptRoot 'MemProc.sln') --configuration $Configuration --no-build
    # A process of its own: a loaded assembly could not be built again from this session.
    pwsh -NoProfile -NonInteractive -File (Join-Path $PSScriptRoot 'tests/Module/Invoke-ModuleTests.ps1')
    if ($LASTEXITCODE -ne 0) {
        throw 'The Pester suite failed.'
    }
}

function Export-Package {
    $version = (Import-PowerShellDataFile $manifestPath).ModuleVersion
    $folder = Join-Path $PSScriptRoot "out/MemProc/$version"
    if (Test-Path $folder) {
        Remove-Item $folder -Recurse
    }

    $null = New-Item $folder -ItemType Directory
    foreach ($item in 'MemProc.psd1', 'LICENSE', 'README.md', 'CHANGELOG.md', 'lib', 'en-US') {
        Copy-Item (Join-Path $PSScriptRoot $item) $folder -Recurse
    }

    $null = Test-ModuleManifest (Join-Path $folder 'MemProc.psd1')
    $zip = Join-Path $PSScriptRoot "out/MemProc-$version.zip"
    Compress-Archive (Join-Path $PSScriptRoot 'out/MemProc') $zip -Force
    Get-Item $folder, $zip
}

Invoke-Dotnet build (Join-Path $PSScriptRoot 'MemProc.sln') --configuration $Configuration
switch ($Task) {
    'Test' { Test-Everything }
    'Package' { Export-Package }
}
