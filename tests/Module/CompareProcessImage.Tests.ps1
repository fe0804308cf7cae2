BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Compare-ProcessImage' {
    It 'explains the relocations of a process' {
        $found = Compare-ProcessImage $target.Id -Path 'libc.so.6'
        $found | Should -BeOfType MemProc.ImageDifference
        $found.Explanation | Should -Contain 'Relocation'
        ($found | Where-Object Explanation -EQ Relocation).Relocation -match 'RELATIVE' | Should -Not -BeNullOrEmpty
        $found | Out-Screen | Should -Match 'Relocation'
        Get-Process -Id $target.Id | Compare-ProcessImage -Path 'lib[cm].so.6', 'ld-*' -Unexplained | Should -BeNullOrEmpty
    }

    It 'finds a patched function, in the process and in its core' {
        # A function that the process does not call.
        $function = Resolve-ProcAddress $target.Id 'libc.so.6!l64a'
        $write = Write-ProcessMemory $target.Id $function.Address -Bytes 0xcc -Force -PassThru -Confirm:$false
        $core = Join-Path $TestDrive patched.core
        Save-ProcessMemory $target.Id $core -WarningAction SilentlyContinue | Out-Null
        $found = Get-ProcMap $target.Id -Path libc.so.6 | Compare-ProcessImage -Unexplained -Path libc.so.6
        $write | Undo-ProcessMemoryWrite -Confirm:$false
        $found | Should -HaveCount 1
        $found.Symbol | Should -Match 'l64a'
        $found.Section | Should -Be '.text'
        $found.Bytes | Should -Be 0xcc
        $found.PreviousBytes | Should -Be $write.PreviousBytes
        $found | Out-Screen | Should -Match 'l64a .* -> cc'
        Compare-ProcessImage $target.Id libc.so.6 -Unexplained | Should -BeNullOrEmpty
        $saved = Compare-ProcessImage -CorePath $core -Unexplained -Path libc.so.6
        $saved.Address | Should -Be $found.Address
        $saved.CorePath | Should -Be $core
    }

    It 'reports a replaced file' {
        $program = Join-Path $TestDrive sleeper
        Copy-Item (Get-Command sleep).Source $program
        chmod +x $program
        $sleeper = Start-Shell "echo; exec $program 600"
        $null = $sleeper.StandardOutput.ReadLine()
        $deadline = [datetime]::Now.AddSeconds(30)
        while (-not (Get-ProcMap $sleeper.Id -Path $program -ErrorAction SilentlyContinue) -and [datetime]::Now -lt $deadline) { }
        Copy-Item $program "$program.new"
        Move-Item "$program.new" $program -Force
        $found = Compare-ProcessImage $sleeper.Id -Unexplained
        $found.Kind | Should -Be 'FileReplaced'
        $found.Path | Should -Be $program
        $found | Out-Screen | Should -Match 'another file has the path'
    }
}
