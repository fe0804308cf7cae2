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

    It 'accepts wildcards, files from the pipeline and literal paths' {
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

    It 'writes an error for a file that is not ELF: <name>' -ForEach @(
        @{ name = 'a text file'; path = 'text'; id = 'ReadElf,ENOEXEC'; category = 'InvalidData' }
        @{ name = 'a folder'; path = '.'; id = 'ReadElf,EISDIR'; category = 'InvalidArgument' }
        @{ name = 'a missing file'; path = 'none'; id = 'ReadElf,ENOENT'; category = 'ObjectNotFound' }
    ) {
        Set-Content (Join-Path $TestDrive text) '#!/bin/sh'
        $headers = Get-ElfHeader (Join-Path $TestDrive $path), /bin/ls -ErrorVariable problem -ErrorAction SilentlyContinue
        $headers.Path | Should -Be '/bin/ls'
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.GetElfHeaderCommand"
        $problem[0].CategoryInfo.Category | Should -Be $category
    }

    It 'lists the images that a process has loaded' {
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

    It 'skips mappings without an ELF image, and writes each image once' {
        $headers = Get-ProcMap $target.Id | Get-ElfHeader -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem | Should -BeNullOrEmpty
        $loaded = Get-ElfHeader -Id $target.Id
        $headers.Path | Where-Object { $_ -in $loaded.Path } | Should -Be $loaded.Path
    }
}
