BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Get-KernelVma' {
    It 'equals the list of mappings' {
        Assert-KernelMemory
        # The target's runtime maps memory from time to time: compare at a moment when it did not.
        foreach ($try in 1..20) {
            $maps = Get-ProcMap $target.Id | Where-Object Kind -NE Vsyscall
            $vmas = Get-KernelVma $target.Id
            $map = Get-KernelMemoryMap $target.Id
            $after = Get-ProcMap $target.Id | Where-Object Kind -NE Vsyscall
            if ("$($maps.Start) $($maps.End)" -eq "$($after.Start) $($after.End)") {
                break
            }
        }
        $vmas | Should -BeOfType MemProc.KernelVma
        $vmas.Start | Should -Be $maps.Start
        $vmas.End | Should -Be $maps.End
        $vmas.Permissions | Should -Be $maps.Permissions
        $vmas.Inode | Should -Be $maps.Inode
        $vmas.MmAddress | Select-Object -Unique | Should -Be $map.MmAddress
        $map.MapCount | Should -Be $vmas.Count
    }

    It 'finds the mapping of an address, and binds mappings' {
        Assert-KernelMemory
        $vma = Get-KernelVma $target.Id ($seed + 5)
        $vma.Start | Should -Be $seed
        $vma.Flags | Should -Contain WRITE
        (Get-ProcMap $target.Id -Address $seed | Get-KernelVma).KernelAddress | Should -Be $vma.KernelAddress
        ($vma | Get-ProcMap).Start | Should -Be $seed
        $found = Get-KernelVma $target.Id 0x10, $seed -ErrorVariable problem -ErrorAction SilentlyContinue
        $found.Start | Should -Be $seed
        $problem[0].FullyQualifiedErrorId | Should -Be 'FindMap,ENOENT,MemProc.PowerShell.GetKernelVmaCommand'
        $problem[0].CategoryInfo.Category | Should -Be ObjectNotFound
    }

    It 'shows one line per mapping within 80 columns, from a job too' {
        Assert-KernelMemory
        $vma = Get-KernelVma $target.Id $seed
        $screen = $vma | Out-Screen -Width 80
        $screen | Should -Match ('0x{0:x} 0x{1:x12} +8 KiB rw-p +0x{2:x} +0' -f $vma.KernelAddress, $seed, $vma.FlagSet)
        $screen -split "`n" | ForEach-Object { $_.Length | Should -BeLessOrEqual 80 }
        [System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize($vma)) | Out-Screen -Width 80 | Should -Be $screen
    }

    It 'stops on Ctrl-C while it reads the list of a process with many mappings' {
        Assert-KernelMemory
        $null = $target.Ask('vmas 60000')
        $shell = [powershell]::Create().AddScript(
            "Import-Module '$PSScriptRoot/../../MemProc.psd1'; '-'; while (`$true) { Get-KernelVma $($target.Id) | Out-Null }")
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $null = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        [System.Threading.SpinWait]::SpinUntil({ $output.Count -gt 0 }, 30000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $shell.BeginStop($null, $null).AsyncWaitHandle.WaitOne(30000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $shell.Streams.Error | Should -BeNullOrEmpty
        $shell.Dispose()
    }
}
