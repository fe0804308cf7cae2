#!/usr/bin/env pwsh
<#
.SYNOPSIS
    Builds, tests, packages and installs MemProc.

.DESCRIPTION
    Runs in the PowerShell of the repository, which needs nothing but the .NET SDK:

        dotnet tool restore
        dotnet tool run pwsh build.ps1 -Task Package

    Build fills lib/ and en-US/, so that Import-Module ./MemProc.psd1 works from the repository's root.
    Test builds everything and runs both test suites, xunit and Pester.
    Package builds the module and memproc. It writes the module to out/MemProc/<version>/ and to a zip file, and memproc
    to out/memproc-<version>/.
    Install builds the module and copies it to the user's module folder,
    ~/.local/share/powershell/Modules/MemProc/<version>.

.EXAMPLE
    ./build.ps1 -Task Package

.EXAMPLE
    ./build.ps1 -Task Install -WhatIf
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [ValidateSet('Build', 'Test', 'Package', 'Install')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release'
)

$ErrorActionPreference = 'Stop'
$manifestPath = Join-Path $PSScriptRoot 'MemProc.psd1'
$version = (Import-PowerShellDataFile $manifestPath).ModuleVersion

function Invoke-Dotnet([string] $Command, [string] $Path, [string[]] $Arguments = @()) {
    dotnet $Command (Join-Path $PSScriptRoot $Path) --configuration $Configuration @Arguments
    if ($LASTEXITCODE -ne 0) {
        throw "dotnet $Command $Path ended with exit code $LASTEXITCODE."
    }
}

function Copy-Module([string] $Folder) {
    if (Test-Path $Folder) {
        Remove-Item $Folder -Recurse -Force
    }

    $null = New-Item $Folder -ItemType Directory -Force
    foreach ($item in 'MemProc.psd1', 'LICENSE', 'README.md', 'CHANGELOG.md', 'lib', 'en-US') {
        Copy-Item (Join-Path $PSScriptRoot $item) $Folder -Recurse
    }

    $null = Test-ModuleManifest (Join-Path $Folder 'MemProc.psd1')
}

function Export-Package {
    $folder = Join-Path $PSScriptRoot "out/MemProc/$version"
    $zip = Join-Path $PSScriptRoot "out/MemProc-$version.zip"
    $program = Join-Path $PSScriptRoot "out/memproc-$version"
    if (-not $PSCmdlet.ShouldProcess("$folder, $zip and $program", 'Package MemProc')) {
        return
    }

    Invoke-Dotnet build src/MemProc.PowerShell
    Copy-Module $folder
    Compress-Archive (Join-Path $PSScriptRoot 'out/MemProc') $zip -Force
    Invoke-Dotnet publish src/MemProc.Cli '--output', $program
    Get-Item $folder, $zip, $program
}

# The user's module folder, as PowerShell itself finds it.
function Get-UserModuleFolder {
    $data = $env:XDG_DATA_HOME ? $env:XDG_DATA_HOME : (Join-Path $HOME '.local/share')
    Join-Path $data 'powershell/Modules'
}

function Install-MemProc {
    $folder = Join-Path (Get-UserModuleFolder) "MemProc/$version"
    if (-not $PSCmdlet.ShouldProcess($folder, "Install MemProc $version")) {
        return
    }

    Invoke-Dotnet build src/MemProc.PowerShell
    Copy-Module $folder
    Write-Host "MemProc $version is installed in $folder. Import-Module MemProc loads it."
}

switch ($Task) {
    'Build' { Invoke-Dotnet build MemProc.sln }
    'Test' { Invoke-Dotnet test MemProc.sln }
    'Package' { Export-Package }
    'Install' { Install-MemProc }
}
