# A process whose main thread has exited before the others is read by every cmdlet.

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $text = $target.Ask('garlic').text
    $null = $target.Ask('leave')
    $id = $target.Id
}

AfterAll {
    Stop-Target
}

Describe 'A process without its main thread' {
    It 'is read by <_>' -ForEach @(
        'Get-ProcMap $id'
        'Get-ProcMap $id -Detailed'
        'Get-ProcMap -Name (Get-Content /proc/$id/comm)'
        'Get-ProcMemoryStatus $id -Detailed'
        'Get-PageMapEntry $id $text'
        'Resolve-ProcAddress $id $text'
        'Resolve-ProcAddress $id "libc.so.6!malloc"'
        'Get-ElfHeader -Id $id'
        'Get-ElfSymbol -Id $id -Name malloc'
        'Read-ProcessMemory $id $text 6'
        'Read-ProcessMemory $id $text 6 -Stop'
        'Read-ProcessMemory $id $text 6 -ResidentOnly -Method Mem'
        'Search-ProcessMemory $id -Text garlic'
        'New-ProcessMemoryScan $id Int32 -Value 1234567'
        'Watch-ProcessMemory $id $text -Type byte -Timeout 10ms -Interval 5ms'
        'Write-ProcessMemory $id $text -Text garlic -PassThru -Confirm:$false'
        'Write-ProcessMemory $id $text -Text garlic -Force -Stop -PassThru -Confirm:$false'
        'Save-ProcessMemory $id (Join-Path $TestDrive core) -Stop -Force'
        'Measure-WorkingSet $id -Seconds 0.1 -Method Referenced'
    ) {
        $problem = $null
        $found = Invoke-Expression $_ -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem | Should -BeNullOrEmpty
        $found | Should -Not -BeNullOrEmpty
    }

    It 'shows the same identity and thread count' {
        $status = Get-ProcMemoryStatus $id
        $status.ProcessId | Should -Be $id
        $status.ThreadCount | Should -BeGreaterThan 1
    }
}
