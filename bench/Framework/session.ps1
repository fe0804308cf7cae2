<#
.SYNOPSIS
    Carries out lines from standard input and answers each with one: ok, its nanoseconds and what it emitted, or error.
#>
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
while ($null -ne ($line = [Console]::In.ReadLine())) {
    try {
        $work = [scriptblock]::Create($line)
        # Garbage of earlier lines is collected before the measurement.
        [GC]::Collect()
        $start = [Diagnostics.Stopwatch]::GetTimestamp()
        $answer = & $work
        $elapsed = [Diagnostics.Stopwatch]::GetElapsedTime($start).TotalNanoseconds
        [Console]::Out.WriteLine("ok $elapsed $answer")
    } catch {
        [Console]::Out.WriteLine("error $_".ReplaceLineEndings(' '))
    }
}
