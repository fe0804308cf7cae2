BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Read-PhysicalMemory' {
    It 'reads what the process has at the address that maps the frame, in every form' {
        Assert-KernelMemory
        $page = Get-PageMapEntry $target.Id $seed
        $block = $page | Read-PhysicalMemory
        $block | Should -BeOfType MemProc.PhysicalMemoryBlock
        $block.PhysicalAddress, $block.Pfn, $block.Length | Should -Be $page.PhysicalAddress, $page.Pfn, 4096
        $expected = Read-ProcessMemory $target.Id $seed 4096 -Raw
        [Convert]::ToHexString($block.Bytes) | Should -Be ([Convert]::ToHexString($expected))
        foreach ($same in (Read-PhysicalMemory $page.PhysicalAddress -Raw), (Read-PhysicalMemory -Pfn $page.Pfn -Raw),
            (Get-PageFrame $page.Pfn | Read-PhysicalMemory -Raw)) {
            [Convert]::ToHexString($same) | Should -Be ([Convert]::ToHexString($expected))
        }

        Read-PhysicalMemory $page.PhysicalAddress -AsString |
            Should -Be (Read-ProcessMemory $target.Id $seed -AsString)
        Read-PhysicalMemory $page.PhysicalAddress -Type uint16 -Count 5 |
            Should -Be (Read-ProcessMemory $target.Id $seed -Type uint16 -Count 5)
        $dump = $page | Read-PhysicalMemory -Length 32 | Out-Screen
        $dump | Should -Match ('Physical memory, 32 B at 0x{0:x}' -f $page.PhysicalAddress)
        $dump | Should -Match ('0x{0:x12} ' -f $page.PhysicalAddress)
    }

    It 'saves a range into a file of its owner' {
        Assert-KernelMemory
        $page = Get-PageMapEntry $target.Id $seed
        $path = Join-Path $TestDrive physical
        $file = $page | Read-PhysicalMemory -OutFile $path
        $file | Should -BeOfType MemProc.PhysicalMemoryFile
        (Get-Item $path).Length | Should -Be 4096
        [Convert]::ToHexString([IO.File]::ReadAllBytes($path)) |
            Should -Be ([Convert]::ToHexString((Read-ProcessMemory $target.Id $seed 4096 -Raw)))
        { $page | Read-PhysicalMemory -OutFile $path -ErrorAction Stop } | Should -Throw '*-Force*'
        ($page | Read-PhysicalMemory -OutFile $path -Force).Length | Should -Be 4096
    }

    It 'reads RAM only, and rejects arguments that make no sense' {
        Assert-KernelMemory
        $device = Get-PhysicalMemoryMap | Where-Object Name -Match PCI | Select-Object -First 1
        if ($device) {
            { Read-PhysicalMemory $device.Start 16 -ErrorAction Stop } | Should -Throw '*not RAM*' -ErrorId 'ReadPhysicalMemory,ENXIO*'
        }

        { Read-PhysicalMemory } | Should -Throw -ErrorId 'PhysicalAddress,EINVAL*'
        { Read-PhysicalMemory 0x1000 -Pfn 1 } | Should -Throw -ErrorId 'Pfn,EINVAL*'
        { Read-PhysicalMemory 0x1000 -Type char* -ErrorAction Stop } | Should -Throw '*pointer*'
    }
}
