BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Find-ProcessByPfn' {
    It 'finds the target by its frame' {
        Assert-Root
        Assert-PidNamespace
        $page = Get-PageMapEntry $target.Id $seed
        $owner = $page | Find-ProcessByPfn
        $owner | Should -BeOfType MemProc.PfnOwner
        $owner.ProcessId | Should -Be $target.Id
        $owner.Address | Should -Be $seed
        $owner.Pfn | Should -Be $page.Pfn
        $owner.ProcessName | Should -Be 'dotnet'
        $owner.Permissions | Should -Be 'rw-p'
        Find-ProcessByPfn $page.Pfn -Id $target.Id | ForEach-Object Address | Should -Be $seed
    }

    It 'finds the same vDSO frame in every process' {
        Assert-Root
        Assert-PidNamespace
        $second = Start-Target
        $frames = $target.Id, $second.Id | ForEach-Object { (Get-ProcMap $_ -Kind Vdso | Get-PageMapEntry)[0].Pfn }
        $frames[0] | Should -Be $frames[1]
        $owners = Find-ProcessByPfn $frames[0]
        $owners.ProcessId | Should -Contain $target.Id
        $owners.ProcessId | Should -Contain $second.Id
        $owners.ProcessId | Should -Contain $PID
        $owners.Path | Select-Object -Unique | Should -Be '[vdso]'
    }

    It 'finds nothing for an unmapped frame, and writes an error for an invalid process' {
        Assert-Root
        Find-ProcessByPfn 1 -Id $target.Id | Should -BeNullOrEmpty
        { Find-ProcessByPfn 0xfffffffffff -Id $target.Id -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadPageFlags,EINVAL,MemProc.PowerShell.FindProcessByPfnCommand'
        { Find-ProcessByPfn 1 -Id 4194305 -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.FindProcessByPfnCommand'
    }
}
