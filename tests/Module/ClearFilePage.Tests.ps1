BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $page = [Environment]::SystemPageSize

    # A file whose pages are all in memory and on disk; skips the test if its folder is itself in memory.
    function New-CachedFile([string] $Name, [int] $Pages) {
        $file = Join-Path $TestDrive $Name
        [System.IO.File]::WriteAllBytes($file, [byte[]]::new($Pages * $page))
        $null = Clear-FilePage -LiteralPath $file -Sync -Confirm:$false
        if ((Get-FilePage -LiteralPath $file -Summary).ResidentPages -ne 0) {
            Set-ItResult -Skipped -Because 'it needs a temporary folder on a disk, whose pages can be dropped'
        }

        $null = [System.IO.File]::ReadAllBytes($file)
        $file
    }
}

Describe 'Clear-FilePage' {
    It 'says with -WhatIf how many bytes it concerns, and drops none' {
        $file = New-CachedFile one 5
        $said = Invoke-OtherPwsh "Clear-FilePage '$file' -WhatIf"
        "$said" | Should -Match "Drop $(5 * $page / 1KB) KiB of .*one from the page cache"
        (Get-FilePage $file -Summary).ResidentPages | Should -Be 5
    }

    It 'drops files by path, from the pipeline, and in folders' {
        $file = New-CachedFile two 3
        $clear = Clear-FilePage $file -Confirm:$false
        $clear | Should -BeOfType MemProc.FilePageClear
        $clear.Path | Should -Be $file
        $clear.SizeBytes, $clear.ResidentBytesBefore, $clear.ResidentBytesAfter | Should -Be (3 * $page), (3 * $page), 0
        $clear | Out-Screen | Should -Match "$(3 * $page / 1KB) KiB +0 B "
        $null = [System.IO.File]::ReadAllBytes($file)
        (Get-Item $file | Clear-FilePage -Confirm:$false).ResidentBytesBefore | Should -Be (3 * $page)
        $null = New-Item $TestDrive/folder/inner -ItemType Directory -Force
        $null = New-CachedFile folder/inner/three 2
        (Clear-FilePage $TestDrive/folder -Recurse -Confirm:$false).ResidentBytesBefore | Should -Be (2 * $page)
    }

    It 'writes an error for <path>, and continues' -ForEach @(
        @{ path = '/no-such-file'; id = 'FindFile,ENOENT' }
        @{ path = '/proc'; id = 'FindFile,EISDIR' }
    ) {
        $file = New-CachedFile four 1
        $clear = Clear-FilePage $path, $file -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        $clear.Path | Should -Be $file
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.ClearFilePageCommand"
    }
}
