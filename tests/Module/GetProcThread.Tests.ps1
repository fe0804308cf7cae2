BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Get-ProcThread' {
    It 'returns the threads with state, stack, and instruction' {
        $threads = Get-ProcThread $target.Id
        $threads.Count | Should -BeGreaterThan 3
        $threads[0] | Should -BeOfType MemProc.ProcThread
        $threads[0].ThreadId | Should -Be $target.Id
        $threads[0].Name | Should -Be dotnet
        $waiting = $threads | Where-Object State -EQ Sleeping | Select-Object -First 1
        $waiting.StackPointer | Should -BeGreaterThan $waiting.StackStart
        $waiting.StackUsedBytes | Should -Be ($waiting.StackEnd - $waiting.StackPointer)
        $waiting.Location | Should -Match '^libc'
        (Get-ProcThread $target.Id -ThreadId $threads[1].ThreadId).ThreadId | Should -Be $threads[1].ThreadId
        $threads | Out-Screen -Width 120 | Should -Match 'Sleeping +[\d.]+ [KM]iB \w'
    }

    It 'reads registers of a stopped process, which runs on, and of a core' {
        $threads = Get-ProcThread $target.Id -Stop
        $threads | ForEach-Object { $_.Registers.Count | Should -BeGreaterThan 10 }
        $threads[0] | Format-List | Out-Screen | Should -Match 'Registers +: \w+ +0x'
        $null = $target.Ask('seed')
        $null = Save-ProcessMemory $target.Id -Path $TestDrive/core -Stop
        $saved = Get-ProcThread -CorePath $TestDrive/core
        $saved.ThreadId | Sort-Object | Should -Be ($threads.ThreadId | Sort-Object)
        $saved[0].CorePath | Should -Be "$TestDrive/core"
        $saved[0].Registers.Count | Should -BeGreaterThan 10
        { Get-ProcThread -CorePath $TestDrive/core -Stop -ErrorAction Stop } | Should -Throw '*core*'
        # An object from a core never reaches the live process of that number.
        ($saved[0] | Get-Disassembly -Count 1).CorePath | Should -Be "$TestDrive/core"
        ($saved[0] | Read-ProcessMemory -Telescope -Length 16).CorePath | Select-Object -Unique | Should -Be "$TestDrive/core"
    }

    It 'feeds Get-Disassembly and Read-ProcessMemory -Telescope' {
        $thread = Get-ProcThread $target.Id | Where-Object StackPointer | Select-Object -First 1
        ($thread | Get-Disassembly -Count 2)[0].Address | Should -Be $thread.Address
        $words = $thread | Read-ProcessMemory -Telescope
        $words.Count | Should -Be 16
        $words[0] | Should -BeOfType MemProc.TelescopeWord
        $words[0].Address | Should -Be $thread.StackPointer
        # As it is written at the prompt, for all threads.
        $pointers = (Get-ProcThread $target.Id | Where-Object StackPointer).StackPointer
        Get-ProcThread $target.Id | Read-ProcessMemory -Telescope -ErrorAction SilentlyContinue | ForEach-Object { $_.Address } |
            Should -Contain ($pointers[-1] + 8)
        Get-ProcThread $target.Id | Get-Disassembly -Count 1 -ErrorAction SilentlyContinue |
            ForEach-Object { $_.Address } | Should -Contain $thread.Address
    }

    It 'reports a thread that the process does not have' {
        $found = Get-ProcThread $target.Id -ThreadId $target.Id, 1 -ErrorVariable problems -ErrorAction SilentlyContinue
        $found.ThreadId | Should -Be $target.Id
        $problems.FullyQualifiedErrorId | Should -Be 'ReadThreads,ESRCH,MemProc.PowerShell.GetProcThreadCommand'
    }

    It 'completes thread ids' {
        $line = "Get-ProcThread $($target.Id) -ThreadId "
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Contain "$($target.Id)"
    }
}
