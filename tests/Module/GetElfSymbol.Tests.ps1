BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $libc = (Get-ProcMap $target.Id -Path libc.so.6)[0].Path
}

AfterAll {
    Stop-Target
}

Describe 'Get-ElfSymbol' {
    It 'filters symbols by name, type, table and whether they are defined' {
        $malloc = Get-ElfSymbol $libc -Name malloc
        $malloc | Should -BeOfType MemProc.ElfSymbol
        $malloc.Type | Should -Be 'Function'
        $malloc.Version | Should -Match '^GLIBC_'
        (Get-ElfSymbol $libc -Name 'mall*', 'calloc').Name | Should -Contain 'calloc'
        (Get-ElfSymbol /bin/ls -Defined).IsUndefined | Should -Not -Contain $true
        (Get-ElfSymbol /bin/ls -Table Dynamic).IsUndefined | Should -Contain $true
        (Get-ElfSymbol $libc -Type Tls).Type | Select-Object -Unique | Should -Be 'Tls'
        Get-ElfSymbol $libc -Name Malloc | Should -BeNullOrEmpty
    }

    It 'demangles names, and finds symbols by demangled name' {
        $library = (Get-ProcMap $target.Id -Path libstdc++*)[0].Path
        if (-not $library) {
            Set-ItResult -Skipped -Because 'the runtime uses no libstdc++'
            return
        }

        $symbols = Get-ElfSymbol $library -Name 'std::terminate()'
        $symbols.Name | Should -Be '_ZSt9terminatev'
        $symbols | Out-Screen | Should -Match 'std::terminate\(\)@@'
    }

    It 'binds mappings, and its addresses refer to the code' {
        $symbol = Get-ProcMap $target.Id -Path libc.so.6 | Get-ElfSymbol -Name malloc
        @($symbol).Count | Should -Be 1
        $symbol | Should -BeOfType MemProc.ProcElfSymbol
        $symbol.ProcessId | Should -Be $target.Id
        $map = Get-ProcMap $target.Id -Address $symbol.Address
        $map.Path | Should -Be $libc
        $map.IsExecutable | Should -BeTrue
        $file = [System.IO.File]::OpenRead($libc)
        try {
            $bytes = [byte[]]::new($symbol.SizeBytes)
            $file.Position = $symbol.Address - $map.Start + $map.Offset
            $file.ReadExactly($bytes, 0, $bytes.Length)
        }
        finally {
            $file.Dispose()
        }

        ($symbol | Read-ProcessMemory).Bytes | Should -Be $bytes
        $ofThreads = Get-ElfSymbol -Id $target.Id -Path libc.so.6 -Type Tls
        @($ofThreads).Count | Should -BeGreaterThan 0
        @($ofThreads | Where-Object { $null -ne $_.Address }).Count | Should -Be 0
    }

    It 'accepts processes from Get-Process' {
        (Get-Process -Id $target.Id | Get-ElfSymbol -Path libc.so.6 -Name malloc).ProcessId | Should -Be $target.Id
    }

    It 'writes an error for an address without a file' {
        $heap = Get-ProcMap $target.Id -Kind Heap
        { Get-ElfSymbol -Id $target.Id -Address $heap.Start -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadElf,ENOEXEC,MemProc.PowerShell.GetElfSymbolCommand'
        { Get-ElfSymbol -Id $target.Id -Address 0x10 -ErrorAction Stop } |
            Should -Throw -ErrorId 'FindMap,ENOENT,MemProc.PowerShell.GetElfSymbolCommand'
    }

    It 'keeps properties and view through a job' {
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job { Import-Module "$using:root/MemProc.psd1"; Get-ElfSymbol -Id $using:target.Id -Path libc.so.6 -Name malloc } |
            Receive-Job -Wait -AutoRemoveJob
        $here = Get-ElfSymbol -Id $target.Id -Path libc.so.6 -Name malloc
        $back.Address | Should -Be $here.Address
        ($back | Out-Screen).Trim() | Should -Be ($here | Out-Screen).Trim()
        ($back | Read-ProcessMemory).Bytes | Should -Be ($here | Read-ProcessMemory).Bytes
    }

    It 'completes <line> with <expected>' -ForEach @(
        @{ line = 'Get-ElfSymbol -Path {1} -Name mallo'; expected = 'malloc' }
        @{ line = 'Get-ElfSymbol -Id {0} -Path libc.so.6 -Name mallo'; expected = 'malloc' }
        @{ line = 'Get-ElfSection -Path {1} -Name .te'; expected = '.text' }
        @{ line = 'Get-ElfSymbol -Id {0} -Path libc'; expected = '*libc.so.6' }
        @{ line = 'Get-ElfHeader /bin/l'; expected = '/bin/ls' }
        @{ line = 'Get-ElfSymbol -Path {1} -Table D'; expected = 'Dynamic' }
    ) {
        $line = $line -f $target.Id, $libc
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches.CompletionText | Where-Object { $_ -like $expected } | Should -Not -BeNullOrEmpty
    }
}
