BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $libc = (Get-ProcMap $target.Id -Path libc.so.6)[0].Path
}

AfterAll {
    Stop-Target
}

Describe 'Get-ElfHeader' {
    It 'reads a file' {
        $header = Get-ElfHeader /bin/ls
        $header | Should -BeOfType MemProc.ElfHeader
        $header.Type | Should -Be 'SharedObject'
        $header.Bits | Should -Be 64
        $header.BuildId | Should -Match '^[0-9a-f]{40}$'
        $header.Path | Should -Be '/bin/ls'
        ($header | Out-Screen) | Should -Match "EntryPoint +: 0x[0-9a-f]+"
    }

    It 'takes wildcards, files of the pipeline and literal names' {
        $folder = New-Item (Join-Path $TestDrive 'a[b]') -ItemType Directory
        Copy-Item -LiteralPath /bin/ls (Join-Path $TestDrive 'a[b]/one.elf')
        Set-Content -LiteralPath (Join-Path $folder 'two.txt') 'no program'
        (Get-ElfHeader -LiteralPath (Join-Path $folder 'one.elf')).Path | Should -BeLike '*one.elf'
        @(Get-ChildItem -LiteralPath $folder | Get-ElfHeader).Count | Should -Be 1
        @(Get-ElfHeader (Join-Path $TestDrive 'a`[b`]/*')).Count | Should -Be 1
        ('/bin/ls', '/bin/cat' | Get-ElfHeader).Path | Should -Be '/bin/ls', '/bin/cat'
        Push-Location -LiteralPath $folder
        try {
            (Get-ElfHeader one.elf).Bits | Should -Be 64
        }
        finally {
            Pop-Location
        }
    }

    It 'says what is no ELF file: <name>' -ForEach @(
        @{ name = 'a text'; path = 'text'; id = 'ReadElf,ENOEXEC'; category = 'InvalidData' }
        @{ name = 'a folder'; path = '.'; id = 'ReadElf,EISDIR'; category = 'InvalidArgument' }
        @{ name = 'nothing'; path = 'none'; id = 'ReadElf,ENOENT'; category = 'ObjectNotFound' }
    ) {
        Set-Content (Join-Path $TestDrive text) '#!/bin/sh'
        $headers = Get-ElfHeader (Join-Path $TestDrive $path), /bin/ls -ErrorVariable problem -ErrorAction SilentlyContinue
        $headers.Path | Should -Be '/bin/ls'
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.GetElfHeaderCommand"
        $problem[0].CategoryInfo.Category | Should -Be $category
    }

    It 'lists what a process has loaded' {
        $headers = Get-ElfHeader -Id $target.Id
        $headers | Should -BeOfType MemProc.ProcElfHeader
        $headers.Path | Should -Contain '[vdso]'
        $found = $headers | Where-Object Path -EQ $libc
        $found.LoadBias | Should -Be (Get-ProcMap $target.Id -Path libc.so.6)[0].Start
        $found.BuildId | Should -Be (Get-ElfHeader $libc).BuildId
        $headers | Out-Screen -Width 80 | Should -Match 'libc\.so\.6'
        { Get-ElfHeader -Id 4194305 -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.GetElfHeaderCommand'
    }
}

Describe 'Get-ElfSegment and Get-ElfSection' {
    It 'say what readelf says' {
        if (-not (Get-Command readelf -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs readelf'
            return
        }

        $lines = readelf -lW /bin/ls | Where-Object { $_ -match '^  ([A-Z_]+) +0x' }
        $segments = Get-ElfSegment /bin/ls
        $segments.TypeName | Should -Be ($lines | ForEach-Object { ($_ -split ' +')[1] })
        (Get-ElfSegment /bin/ls -Type Load | Where-Object Permissions -EQ 'r-x').Sections | Should -Contain '.text'
        $names = readelf -SW /bin/ls | Where-Object { $_ -match '^ +\[ *[1-9]\d*\] (\S+)' } | ForEach-Object { $Matches[1] }
        (Get-ElfSection /bin/ls | Select-Object -Skip 1).Name | Should -Be $names
    }

    It 'lead to memory' {
        $build = Get-ElfSection -Id $target.Id -Path libc.so.6 -Name .note.gnu.build-id
        $block = $build | Read-ProcessMemory
        [Convert]::ToHexString($block.Bytes[16..35]) | Should -Be (Get-ElfHeader $libc).BuildId
        (Get-ElfSection -Id $target.Id -Path libc.so.6 -Name .shstrtab).Address | Should -BeNullOrEmpty
        $text = Get-ElfSegment -Id $target.Id -Path libc.so.6 -Type Load | Where-Object Permissions -EQ 'r-x'
        (Get-ProcMap $target.Id -Address $text.Address).Permissions | Should -Be 'r-xp'
    }

    It 'fit the screen' {
        foreach ($items in @(Get-ElfSegment /bin/ls), @(Get-ElfSection /bin/ls), @(Get-ElfSegment -Id $target.Id -Path '[vdso]'),
            @(Get-ElfSection -Id $target.Id -Path libc.so.6), @(Get-ElfSymbol -Id $target.Id -Path libc.so.6 -Name 'm*')) {
            $lines = ($items | Out-Screen -Width 80) -split "`n"
            ($lines | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual 80
            $lines.Count | Should -BeGreaterThan 4
        }
    }
}

Describe 'Get-ElfSymbol' {
    It 'finds symbols by name, type, table and whether they are defined' {
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

    It 'demangles, and finds by what it demangled' {
        $library = (Get-ProcMap $target.Id -Path libstdc++*)[0].Path
        if (-not $library) {
            Set-ItResult -Skipped -Because 'the runtime uses no libstdc++'
            return
        }

        $symbols = Get-ElfSymbol $library -Name 'std::terminate()'
        $symbols.Name | Should -Be '_ZSt9terminatev'
        $symbols | Out-Screen | Should -Match 'std::terminate\(\)@@'
    }

    It 'binds mappings, and leads to the code' {
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

    It 'takes processes from Get-Process' {
        (Get-Process -Id $target.Id | Get-ElfSymbol -Path libc.so.6 -Name malloc).ProcessId | Should -Be $target.Id
    }

    It 'says of an address where no file is' {
        $heap = Get-ProcMap $target.Id -Kind Heap
        { Get-ElfSymbol -Id $target.Id -Address $heap.Start -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadElf,ENOEXEC,MemProc.PowerShell.GetElfSymbolCommand'
        { Get-ElfSymbol -Id $target.Id -Address 0x10 -ErrorAction Stop } |
            Should -Throw -ErrorId 'FindMap,ENOENT,MemProc.PowerShell.GetElfSymbolCommand'
    }

    It 'leaves out mappings of the pipeline that are none, once for each image' {
        $headers = Get-ProcMap $target.Id | Get-ElfHeader -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem | Should -BeNullOrEmpty
        $loaded = Get-ElfHeader -Id $target.Id
        $headers.Path | Where-Object { $_ -in $loaded.Path } | Should -Be $loaded.Path
    }

    It 'stays the same through a job, view included' {
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
