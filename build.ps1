#!/usr/bin/env pwsh
<#
.SYNOPSIS
    Builds, tests, packages and installs MemProc.

.DESCRIPTION
    Runs in the PowerShell of the repository, which needs nothing but the .NET SDK:

        dotnet tool restore
        dotnet tool run pwsh build.ps1 -Task Package

    Build fills lib/ and en-US/, so that Import-Module ./MemProc.psd1 works from the repository's root.
    Test builds everything and runs all test suites.
    Package builds the module and memproc, and writes to out/:

        MemProc/<version>/                   the module as a folder
        MemProc-<version>.zip                the same as a zip file
        MemProc.<version>.nupkg              the same for Install-PSResource
        MemProc.Cli.<version>.nupkg          memproc as a .NET tool
        memproc-<version>-linux-x64/         the native memproc, its manual page, and its completions, as below /usr/local
        memproc-<version>-linux-x64.tar.gz   the same as an archive

    The native memproc requires gcc or clang. That of the other machine, linux-arm64 on x64, requires its cross compiler:
    Debian's packages gcc-aarch64-linux-gnu and libc6-dev-arm64-cross. What cannot be built is left out with a warning that
    says why.
    Install builds the module and copies it to the user's module folder,
    ~/.local/share/powershell/Modules/MemProc/<version>.

.PARAMETER OutputFolder
    The folder for the packages, instead of out/.

.PARAMETER NoBuild
    Packages what has been built. The native memproc must have been published to out/native.

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
    [string] $Configuration = 'Release',

    [string] $OutputFolder = (Join-Path $PSScriptRoot 'out'),

    [switch] $NoBuild
)

$ErrorActionPreference = 'Stop'
$manifestPath = Join-Path $PSScriptRoot 'MemProc.psd1'
$version = (Import-PowerShellDataFile $manifestPath).ModuleVersion
$nativeFolder = Join-Path $PSScriptRoot 'out/native'

function Invoke-Dotnet([string] $Command, [string] $Path, [string[]] $Arguments = @()) {
    # What dotnet prints is no output of this script.
    dotnet $Command (Join-Path $PSScriptRoot $Path) --configuration $Configuration @Arguments | Out-Host
    if ($LASTEXITCODE -ne 0) {
        throw "dotnet $Command $Path ended with exit code $LASTEXITCODE."
    }
}

function New-EmptyFolder([string] $Folder) {
    if (Test-Path $Folder) {
        Remove-Item $Folder -Recurse -Force
    }

    $null = New-Item $Folder -ItemType Directory -Force
}

function Copy-Module([string] $Folder) {
    New-EmptyFolder $Folder
    foreach ($item in 'MemProc.psd1', 'LICENSE', 'README.md', 'CHANGELOG.md', 'lib', 'en-US') {
        Copy-Item (Join-Path $PSScriptRoot $item) $Folder -Recurse
    }

    $null = Test-ModuleManifest (Join-Path $Folder 'MemProc.psd1')
}

# The module as a folder, a zip file, and a package for Install-PSResource.
function Export-Module {
    $folder = Join-Path $OutputFolder "MemProc/$version"
    $zip = Join-Path $OutputFolder "MemProc-$version.zip"
    if (-not $NoBuild) {
        Invoke-Dotnet build src/MemProc.PowerShell
    }

    Copy-Module $folder
    Compress-Archive (Join-Path $OutputFolder 'MemProc') $zip -Force
    Get-Item $folder, $zip
    $package = Join-Path $OutputFolder "MemProc.$version.nupkg"
    if (Test-Path $package) {
        Remove-Item $package
    }

    # It comes with PowerShell.
    Import-Module Microsoft.PowerShell.PSResourceGet
    Compress-PSResource -Path $folder -DestinationPath $OutputFolder -PassThru
}

# memproc as a .NET tool.
function Export-Tool {
    Invoke-Dotnet pack src/MemProc.Cli (@('--output', $OutputFolder) + @($NoBuild ? '--no-build' : @()))
    Get-Item (Join-Path $OutputFolder "MemProc.Cli.$version.nupkg")
}

# Publishes the native memproc of a machine, and returns its path; nothing where it cannot be built, with a warning.
function Publish-Native([string] $Runtime) {
    $program = Join-Path $nativeFolder "publish/MemProc.Cli/release_$Runtime/memproc"
    if ($NoBuild) {
        if (Test-Path $program) {
            return $program
        }

        Write-Warning "The native memproc for $Runtime is left out: it has not been published to $program."
        return
    }

    $architecture = [Runtime.InteropServices.RuntimeInformation]::OSArchitecture
    $compilers = switch ($Runtime, $architecture -join ' ') {
        'linux-arm64 X64' { 'aarch64-linux-gnu-gcc' }
        'linux-x64 Arm64' { 'x86_64-linux-gnu-gcc' }
        default { 'clang', 'gcc' }
    }
    if (-not (Get-Command $compilers -CommandType Application -ErrorAction Ignore)) {
        Write-Warning "The native memproc for $Runtime is left out: it requires $($compilers -join ' or '), which is not in PATH."
        return
    }

    $project = Join-Path $PSScriptRoot 'src/MemProc.Cli'
    $options = '--runtime', $Runtime, '-p:PublishAot=true', '--artifacts-path', $nativeFolder
    dotnet restore $project @options | Out-Host
    if ($LASTEXITCODE -ne 0) {
        Write-Warning "The native memproc for $Runtime is left out: the native compiler, a NuGet package, cannot be restored."
        return
    }

    dotnet publish $project --configuration Release --no-restore @options | Out-Host
    if ($LASTEXITCODE -ne 0) {
        throw "dotnet publish for $Runtime ended with exit code $LASTEXITCODE."
    }

    $program
}

# The native memproc with its manual page and completions, in the layout of /usr/local.
function Export-Native([string] $Runtime) {
    $program = Publish-Native $Runtime
    if (-not $program) {
        return
    }

    $name = "memproc-$version-$Runtime"
    $folder = Join-Path $OutputFolder $name
    $scripts = Join-Path $PSScriptRoot 'src/MemProc.Cli/Completion'
    $page = Join-Path $PSScriptRoot "src/MemProc.Help/bin/$Configuration/net10.0/memproc.1"
    New-EmptyFolder $folder
    $files = [ordered]@{
        'bin/memproc'                                  = $program
        'share/man/man1/memproc.1'                     = $page
        'share/bash-completion/completions/memproc'    = Join-Path $scripts 'memproc.bash'
        'share/zsh/site-functions/_memproc'            = Join-Path $scripts 'memproc.zsh'
        'share/fish/vendor_completions.d/memproc.fish' = Join-Path $scripts 'memproc.fish'
        'share/doc/memproc/LICENSE'                    = Join-Path $PSScriptRoot 'LICENSE'
    }
    foreach ($file in $files.GetEnumerator()) {
        $target = Join-Path $folder $file.Key
        $null = New-Item (Split-Path $target) -ItemType Directory -Force
        Copy-Item $file.Value $target
    }

    $archive = "$folder.tar.gz"
    tar --create --gzip --file $archive --directory $OutputFolder --owner 0 --group 0 $name
    if ($LASTEXITCODE -ne 0) {
        throw "tar ended with exit code $LASTEXITCODE."
    }

    Get-Item $folder, $archive
}

function Export-Package {
    if (-not $PSCmdlet.ShouldProcess($OutputFolder, "Package MemProc $version")) {
        return
    }

    $null = New-Item $OutputFolder -ItemType Directory -Force
    $script:OutputFolder = (Resolve-Path $OutputFolder).ProviderPath
    Export-Module
    Export-Tool
    Export-Native linux-x64
    Export-Native linux-arm64
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
