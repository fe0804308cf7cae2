# Completion that asks the process of the command line, wherever it is named.

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $name = (Get-Process -Id $target.Id).Name
    $file = Join-Path ([IO.Path]::GetTempPath()) "memproc-completion-$([guid]::NewGuid())"
    [IO.File]::WriteAllBytes($file, [byte[]]::new(4096))
    # Only the target maps it.
    $null = $target.Ask("file 0 4096 r-- private $file")
    function Complete([string] $Line) {
        (TabExpansion2 $Line $Line.Length).CompletionMatches
    }
}

AfterAll {
    Stop-Target
    Remove-Item $file
}

Describe 'Completion' {
    It 'asks the process of: <line>' -ForEach @(
        @{ line = 'Get-ProcMap {0} -Path *memproc-comp' }
        @{ line = 'Get-ProcMap -Id {0} -Path *memproc-comp' }
        @{ line = 'Get-Process -Id {0} | Get-ProcMap -Path *memproc-comp' }
        @{ line = '{0} | Get-ProcMap -Path *memproc-comp' }
        @{ line = 'Get-ProcMap {0} | Where-Object Path | Get-ProcMap -Path *memproc-comp' }
        @{ line = '$completed | Get-ProcMap -Path *memproc-comp' }
        @{ line = 'Get-ProcMap $completed -Path *memproc-comp' }
    ) {
        $global:completed = Get-Process -Id $target.Id
        (Complete ($line -f $target.Id)).CompletionText | Should -Contain $file
        Remove-Variable completed -Scope Global
    }

    It 'asks the process that a name gives: <line>' -ForEach @(
        @{ line = 'Get-ProcMap -Name {0} -Path libc.so' }
        @{ line = 'Get-ProcMap {0} -Path libc.so' }
        @{ line = 'Get-Process {0} | Get-ProcMap -Path libc.so' }
    ) {
        Assert-PidNamespace
        (Complete ($line -f $name)).CompletionText | Should -BeLike '*/libc.so.6'
    }

    It 'offers at most some hundreds, and names before addresses' {
        $null = $target.Ask('vmas 2000')
        $found = Complete "Get-ProcMap $($target.Id) -Address "
        $found.Count | Should -BeLessOrEqual 300
        $found.CompletionText | Should -Contain 'libc.so.6'
        (Complete "Get-ProcMap $($target.Id) -Address 'libc.so.6!").Count | Should -BeLessOrEqual 300
    }

    It 'offers no kernel threads' {
        $threads = Get-ChildItem /proc -Directory | Where-Object Name -Match '^\d+$' |
            Where-Object { (Get-Content "$_/stat" -ErrorAction Ignore) -match '\) \S+ 2 ' } | ForEach-Object Name
        $ids = (Complete 'Get-ProcMap -Id ').CompletionText
        $ids | Should -Contain "$PID"
        $ids | Where-Object { $_ -in $threads } | Should -BeNullOrEmpty
    }

    It 'has line breaks in tooltips, not their escapes' {
        $tips = (Complete "Get-ProcMap $($target.Id) -Address libc").ToolTip
        $tips | Should -Not -BeNullOrEmpty
        $tips | Should -Not -Match '\\x0a'
    }
}
