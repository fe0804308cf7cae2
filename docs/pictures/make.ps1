# Draws the pictures of the documentation, from a real process: a shell that holds a text of 20 MB. Requires the built module.
param([string] $Path = $PSScriptRoot)

$ErrorActionPreference = 'Stop'
Import-Module $PSScriptRoot/../../MemProc.psd1
$start = [System.Diagnostics.ProcessStartInfo]::new('bash')
# The shell waits for input, which does not come.
$start.RedirectStandardInput = $true
'-c', 'text=$(head -c 20000000 /dev/zero | tr "\0" x); read' | ForEach-Object { $start.ArgumentList.Add($_) }
$shell = [System.Diagnostics.Process]::Start($start)
try {
    while ((Get-ProcMemoryStatus $shell.Id).VmRssBytes -lt 20MB) {
        [System.Threading.Thread]::Sleep(10)
    }

    foreach ($by in 'Kind', 'Permission', 'Residency') {
        $null = Show-ProcMap $shell.Id -By $by -OutFile (Join-Path $Path "map-$($by.ToLowerInvariant()).svg") -Force
    }
}
finally {
    $shell.Kill()
}
