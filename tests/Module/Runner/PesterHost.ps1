<#
.SYNOPSIS
    Runs Pester files for the test project in one session. A request is a line with a verb and a file, the reply a
    line of JSON.
.DESCRIPTION
    'discover <file>' lists the tests of a file, 'run <file>' runs them. Both return the same tests in the same
    order. The session ends when the pipe is closed.
.PARAMETER Pipe
    The name of the pipe for requests and replies; standard input and output belong to the tests.
.PARAMETER Pester
    The manifest of Pester.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $Pipe,
    [Parameter(Mandatory)] [string] $Pester
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Import-Module $Pester

# Discovery does not expand the names of tests with -ForEach: <name> is a key of the data, <_> the data itself.
function Expand-Name([string] $Name, $Data) {
    if ($Data -is [System.Collections.IDictionary]) {
        foreach ($key in $Data.Keys) {
            $Name = $Name.Replace("<$key>", "$($Data[$key])")
        }
    }
    elseif ($null -ne $Data) {
        $Name = $Name.Replace('<_>', "$Data")
    }

    $Name
}

function Get-TestName($Test) {
    $names = @(Expand-Name $Test.Name $Test.Data)
    for ($block = $Test.Block; -not $block.IsRoot; $block = $block.Parent) {
        $names = @(Expand-Name $block.Name $block.Data) + $names
    }

    $names -join '.'
}

# A discovered or completed test. A failure before or after the tests of a block fails all of them.
function ConvertTo-Reply($Test) {
    $around = for ($block = $Test.Block; $null -ne $block; $block = $block.Parent) {
        $block.ErrorRecord
    }
    $problems = @($Test.ErrorRecord) + @($around) -ne $null
    @{
        Name    = Get-TestName $Test
        Result  = $around ? 'Failed' : "$($Test.Result)"
        Message = ($problems | ForEach-Object { $_.DisplayErrorMessage ?? $_.Exception.Message }) -join "`n" -replace
            '^(Exception: )?is skipped, because '
        Stack   = ($problems | ForEach-Object { $_.DisplayStackTrace ?? $_.ScriptStackTrace }) -join "`n"
        Seconds = $Test.Duration.TotalSeconds
    }
}

function Invoke-Request([string] $Request) {
    $verb, $file = $Request -split ' ', 2
    $configuration = New-PesterConfiguration
    $configuration.Run.Path = $file
    $configuration.Run.PassThru = $true
    $configuration.Run.SkipRun = $verb -eq 'discover'
    $configuration.Output.Verbosity = 'None'
    $result = Invoke-Pester -Configuration $configuration
    @{
        Tests = @($result.Tests | ForEach-Object { ConvertTo-Reply $_ })
        # Errors of the file as a whole: it could not be read, or threw outside of its tests.
        Error = ($result.Containers | ForEach-Object ErrorRecord | ForEach-Object {
                "$_`n$($_.ScriptStackTrace)" }) -join "`n"
    }
}

# Tests start pwsh by name: a copy of this PowerShell that other users can read too.
$folder = (New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())")).FullName
try {
    Copy-Item $PSHOME $folder/powershell -Recurse
    $null = New-Item $folder/bin -ItemType Directory
    Set-Content $folder/bin/pwsh "#!/bin/sh`nexec '$([System.Environment]::ProcessPath)' '$folder/powershell/pwsh.dll' `"`$@`""
    chmod -R a+rX $folder
    chmod a+x $folder/bin/pwsh
    $env:PATH = "$folder/bin:$env:PATH"

    $stream = [System.IO.Pipes.NamedPipeClientStream]::new($Pipe)
    $stream.Connect(60000)
    $requests = [System.IO.StreamReader]::new($stream)
    $replies = [System.IO.StreamWriter]::new($stream)
    while ($null -ne ($request = $requests.ReadLine())) {
        try {
            $reply = Invoke-Request $request
        }
        catch {
            $reply = @{ Tests = @(); Error = "$_`n$($_.ScriptStackTrace)" }
        }

        $replies.WriteLine((ConvertTo-Json $reply -Depth 3 -Compress))
        $replies.Flush()
    }
}
finally {
    Remove-Item $folder -Recurse -Force
}
