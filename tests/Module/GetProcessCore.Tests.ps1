BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $core = Join-Path $TestDrive 'target.core'
    $target.Ask('garlic') | Out-Null
    Save-ProcessMemory -Id $target.Id -Path $core -Stop -WarningAction SilentlyContinue | Out-Null
}

AfterAll {
    Stop-Target
}

Describe 'Get-ProcessCore' {
    It 'describes a core that it is given or that comes down the pipeline' {
        $found = Get-ProcessCore $core
        $found.ProcessId | Should -Be $target.Id
        $found.CorePath | Should -Be $core
        $found.Threads.Count | Should -BeGreaterThan 1
        $found.Threads.Location -like 'libc.so.6!*' | Should -Not -BeNullOrEmpty
        ($found.Images | Where-Object Path -like '*libc.so.6').IsOnDisk | Should -BeTrue
        (Get-Item $core | Get-ProcessCore).ProcessId | Should -Be $target.Id
        $found | Out-Screen | Should -Match "CorePath +: .*target\.core"
        $found.Threads | Out-Screen | Should -Match 'ThreadId Address'
    }

    It 'has the auxiliary vector, and where stacks are' {
        $found = Get-ProcessCore $core
        $entry = $found.AuxiliaryVector | Where-Object Name -EQ AT_ENTRY
        $entry.Value | Should -Be (Resolve-ProcAddress $target.Id 'auxv:AT_ENTRY').Address
        $entry | Out-Screen | Should -Match ('9 AT_ENTRY +{0}' -f $entry.ValueHex)
        $main = $found.Threads | Where-Object ThreadId -EQ $target.Id
        $main.StackLocation | Should -BeLike '`[stack`]+0x*'
        $main.Location | Should -Be (Get-ProcThread -CorePath $core -ThreadId $target.Id).Location
        # Only page information has the kernel.
        $found.Kernel | Should -BeNullOrEmpty
    }

    It 'shows images without what controls a terminal' {
        $folder = (New-Item (Join-Path $TestDrive "a`e[31mb") -ItemType Directory).FullName
        Copy-Item (Get-Command sleep).Source $folder
        $sleeper = Start-Shell "exec '$folder/sleep' 600"
        $deadline = [datetime]::Now.AddSeconds(30)
        while (-not (Get-ProcMap $sleeper.Id -Path '*/sleep' -ErrorAction SilentlyContinue) -and [datetime]::Now -lt $deadline) { }
        $path = Join-Path $TestDrive 'escape.core'
        Save-ProcessMemory $sleeper.Id $path -WarningAction SilentlyContinue | Out-Null
        $images = (Get-ProcessCore $path).Images
        $images.Path | Should -Contain "$folder/sleep"
        # Out-Screen would remove what it must not have.
        $screen = $images | Out-String -Width 200
        $screen | Should -BeLike '*a\x1b`[31mb/sleep*'
        $screen.Contains("`e[31m") | Should -BeFalse
    }

    It 'names the compression that it does not read' {
        $path = Join-Path $TestDrive 'target.core.xz'
        [IO.File]::WriteAllBytes($path, [byte[]](0xfd, 0x37, 0x7a, 0x58, 0x5a, 0) + [byte[]]::new(64))
        { Get-ProcessCore $path -ErrorAction Stop } | Should -Throw '*compressed with xz.*decompress it with xz -d*'
    }

    It 'refuses what is not a core' {
        { Get-ProcessCore /bin/sh -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadCore,ENOEXEC,MemProc.PowerShell.GetProcessCoreCommand'
        { Get-ProcessCore $PSCommandPath -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadElf,ENOEXEC,MemProc.PowerShell.GetProcessCoreCommand'
    }
}

Describe 'Cores as targets' {
    It 'gives a core from a file, a parameter, and an object' {
        $live = Get-ProcMap -Id $target.Id -Path libc.so.6
        $saved = Get-ProcMap -CorePath $core -Path libc.so.6
        $saved.Start | Should -Be $live.Start
        $saved.Permissions | Should -Be $live.Permissions
        $saved[0].CorePath | Should -Be $core
        (Get-Item $core | Get-ProcMap).Count | Should -Be (Get-ProcMap -CorePath $core).Count
        ($saved | Get-ElfHeader).CorePath | Should -Be $core
        (Get-ElfSymbol -CorePath $core -Address libc.so.6 -Name malloc).Address |
            Should -Be (Resolve-ProcAddress -CorePath $core -Address 'libc.so.6!malloc').Address
        (Get-ProcMemoryStatus -CorePath $core).CorePath | Should -Be $core
    }

    It 'searches, scans, and reads a core after the process has gone' {
        $other = Start-Target
        $gone = Join-Path $TestDrive 'gone.core'
        $text = $other.Ask('garlic').text
        Save-ProcessMemory -Id $other.Id -Path $gone -Stop -WarningAction SilentlyContinue | Out-Null
        $other.Kill()
        $match = Search-ProcessMemory -CorePath $gone -Text garlic | Where-Object Address -EQ $text
        $match | Read-ProcessMemory -AsString | Should -Be 'garlic'
        $match | Select-ProcessMemoryMatch -Unchanged | Should -Not -BeNullOrEmpty
        $scan = New-ProcessMemoryScan -CorePath $gone -Type Int32 -Value 0x6c726167
        $scan | Select-ProcessMemoryMatch -Unchanged | Get-ProcessMemoryMatch | ForEach-Object Address | Should -Contain $text
        Get-Item $gone | Search-ProcessMemory -Text garlic | Should -Not -BeNullOrEmpty
        $json = $match | ConvertTo-Json | ConvertFrom-Json
        ($json | Resolve-ProcAddress).Address | Should -Be $text
    }

    It 'does not take a process and a core at once' {
        { Get-ProcMap -Id $target.Id -CorePath $core } |
            Should -Throw -ErrorId 'CorePath,EINVAL,MemProc.PowerShell.GetProcMapCommand'
        { Get-ProcMap -CorePath $null } | Should -Throw -ErrorId 'CorePath,EINVAL,*'
        { Get-ElfHeader -CorePath $null } | Should -Throw -ErrorId 'CorePath,EINVAL,*'
        { Measure-PageFlags -CorePath $null } | Should -Throw -ErrorId 'CorePath,EINVAL,*'
        { Read-ProcessMemory -CorePath $core -Address '[stack]' -Length 8 -Stop -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadCore,EOPNOTSUPP,*'
    }
}
