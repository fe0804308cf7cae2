# Runs every cmdlet of the module on a target in a guest, and writes a line for each: name, result, and the error, separated
# by tabs. The result is "works", "refused" (with an expected reason), or "failed".
$ErrorActionPreference = 'Stop'
$ConfirmPreference = 'None'
Set-Location /tmp
Import-Module $env:MODULE

$start = [System.Diagnostics.ProcessStartInfo]::new('dotnet', $env:TARGET)
$start.RedirectStandardInput = $true
$start.RedirectStandardOutput = $true
$process = [System.Diagnostics.Process]::Start($start)
$null = $process.StandardOutput.ReadLine()
$id = $process.Id

function Send-Command([string] $Command) {
    $process.StandardInput.WriteLine($Command)
    $process.StandardInput.Flush()
    $reply = $process.StandardOutput.ReadLine()
    if ($reply -match 'address=(0x[0-9a-f]+)') { [Convert]::ToUInt64($Matches[1], 16) }
}

$ran = [System.Collections.Generic.HashSet[string]]::new([System.StringComparer]::OrdinalIgnoreCase)

function Test-Cmdlet([string] $Name, [scriptblock] $Script, [string] $Reasons = '') {
    $null = $ran.Add(($Name -split ' ')[0])
    try {
        $output = @(& $Script)
        $result = if ($output.Count -gt 0) { 'works' } else { 'failed' }
        "$Name`t$result`t$(if ($output.Count -eq 0) { 'no output' })"
    }
    catch {
        $message = "$($_.FullyQualifiedErrorId): $($_.Exception.Message)" -replace '\s+', ' '
        $result = if ($Reasons -and $message -match $Reasons) { 'refused' } else { 'failed' }
        "$Name`t$result`t$message"
    }
}

$seed = Send-Command 'seed'
$memory = Send-Command 'map 16384 rw- private'
$null = Send-Command "touch $memory 4"
$page = Get-PageMapEntry $id $seed
$kernel = 'ReadKernelMemory,EPERM|CONFIG_PROC_KCORE'
$idle = 'IDLE_PAGE_TRACKING|page_idle'
$poison = 'CONFIG_MEMORY_FAILURE|hwpoison-inject|The kernel is in lockdown'

Test-Cmdlet Get-ProcMap { Get-ProcMap $id }
Test-Cmdlet Get-ProcMemoryStatus { Get-ProcMemoryStatus $id -Detailed }
Test-Cmdlet Get-PageMapEntry { Get-PageMapEntry $id $seed }
Test-Cmdlet Get-PageFlags { Get-PageFlags $page.Pfn }
Test-Cmdlet Measure-PageFlags { Measure-PageFlags $id }
Test-Cmdlet Measure-PageFolio { Measure-PageFolio $id }
Test-Cmdlet Get-FilePage { Get-FilePage $env:MEMPROC -Summary }
Test-Cmdlet Get-PhysicalMemoryMap { Get-PhysicalMemoryMap }
Test-Cmdlet Find-ProcessByPfn { Find-ProcessByPfn $page.Pfn }
Test-Cmdlet Get-PageSharing { Get-PageSharing $id }
Test-Cmdlet Read-ProcessMemory { Read-ProcessMemory $id $seed 64 }
Test-Cmdlet Write-ProcessMemory { ($script:write = Write-ProcessMemory $id $memory -Bytes 1, 2 -PassThru) }
Test-Cmdlet Undo-ProcessMemoryWrite { $write | Undo-ProcessMemoryWrite -PassThru }
Test-Cmdlet Watch-ProcessMemory { Watch-ProcessMemory $id $memory -Type int32 -Timeout 1 }
Test-Cmdlet Search-ProcessMemory { Search-ProcessMemory $id -Text garlic -First 1 }
Test-Cmdlet New-ProcessMemoryScan { ($script:scan = New-ProcessMemoryScan $id -Type int32 -Value 1 -Address $memory -Length 16384) }
Test-Cmdlet Select-ProcessMemoryMatch { $scan | Select-ProcessMemoryMatch -Unchanged }
Test-Cmdlet Get-ProcessMemoryMatch { $scan | Get-ProcessMemoryMatch }
Test-Cmdlet Save-ProcessMemory { Save-ProcessMemory $id /tmp/every.core }
Test-Cmdlet Get-ProcessCore { Get-ProcessCore /tmp/every.core }
Test-Cmdlet Compare-ProcessMemory { Compare-ProcessMemory /tmp/every.core -Id $id -Address $memory -Length 16384 }
Test-Cmdlet Compare-ProcessImage { Compare-ProcessImage $id }
Test-Cmdlet Get-ProcThread { Get-ProcThread $id -Stop }
Test-Cmdlet Find-PointerPath { Write-ProcessMemory $id $memory -Value $seed -Type Pointer; Find-PointerPath $id $seed -Depth 2 -Verbose 4>&1 }
Test-Cmdlet Show-ProcMap { Show-ProcMap $id -By Residency }
Test-Cmdlet Test-ProcMemAccess { Test-ProcMemAccess $id }
Test-Cmdlet Resolve-ProcAddress { Resolve-ProcAddress $id $seed }
Test-Cmdlet Get-ElfHeader { Get-ElfHeader $env:MEMPROC }
Test-Cmdlet Get-ElfSegment { Get-ElfSegment $env:MEMPROC }
Test-Cmdlet Get-ElfSection { Get-ElfSection $env:MEMPROC }
Test-Cmdlet Get-ElfSymbol { Get-ElfSymbol $env:MEMPROC }
Test-Cmdlet Get-Disassembly { Get-Disassembly -Path $env:MEMPROC -Section .init }
foreach ($source in 'Bpf', 'BpfTracepoint', 'Kcore') {
    Test-Cmdlet "Get-PageTableEntry $source" { Get-PageTableEntry $id $seed -Source $source } $kernel
    Test-Cmdlet "Get-KernelVma $source" { Get-KernelVma $id -Source $source } $kernel
    Test-Cmdlet "Get-KernelMemoryMap $source" { Get-KernelMemoryMap $id -Source $source } $kernel
    Test-Cmdlet "Get-KernelLayout $source" { Get-KernelLayout -Source $source } $kernel
    Test-Cmdlet "Get-PageFrame $source" { Get-PageFrame $page.Pfn -Source $source } $kernel
    Test-Cmdlet "Read-PhysicalMemory $source" { Read-PhysicalMemory -Pfn $page.Pfn -Length 64 -Source $source } $kernel
}

Test-Cmdlet Measure-PageFrame { Measure-PageFrame } $kernel
Test-Cmdlet Clear-SoftDirty { Clear-SoftDirty $id -PassThru } CONFIG_MEM_SOFT_DIRTY
Test-Cmdlet Set-PageIdle { Set-PageIdle $id $memory } $idle
Test-Cmdlet Measure-WorkingSet { Measure-WorkingSet $id -Seconds 0.2 }
Test-Cmdlet Invoke-ProcessMemoryAdvice { Invoke-ProcessMemoryAdvice $id $memory -Cold }
Test-Cmdlet Clear-FilePage { Clear-FilePage /tmp/every.core -Sync }
Test-Cmdlet Set-PagePoison { ($script:poisoned = Set-PagePoison $id $memory) } $poison
Test-Cmdlet Clear-PagePoison { $poisoned | Clear-PagePoison -PassThru } "$poison|Pfn"
foreach ($cmdlet in (Get-Command -Module MemProc -CommandType Cmdlet).Name) {
    if (-not $ran.Contains($cmdlet)) { "$cmdlet`tfailed`tnot run: add it to cmdlets.ps1" }
}

$process.StandardInput.WriteLine('exit')
