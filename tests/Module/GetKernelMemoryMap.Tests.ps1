BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Get-KernelMemoryMap' {
    It 'agrees with /proc/PID/stat' {
        Assert-KernelMemory
        $map = Get-KernelMemoryMap $target.Id
        $map | Should -BeOfType MemProc.KernelMemoryMap
        $fields = (Get-Content /proc/$($target.Id)/stat -Raw).Trim() -replace '^.*\) ' -split ' '
        $map.StartCode, $map.EndCode, $map.StartStack, $map.StartBrk, $map.ArgStart, $map.EnvEnd |
            Should -Be @(26, 27, 28, 47, 48, 51 | ForEach-Object { [ulong] $fields[$_ - 3] })
        (Get-Process -Id $target.Id | Get-KernelMemoryMap).MmAddress | Should -Be $map.MmAddress
        $screen = $map | Out-Screen
        $screen | Should -Match ('PageTableAddress : 0x{0:x}' -f $map.PageTableAddress)
        [System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize($map)) | Out-Screen | Should -Be $screen
    }

    It 'writes an error for a process that does not exist' {
        { Get-KernelMemoryMap 4194305 -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.GetKernelMemoryMapCommand'
    }
}
