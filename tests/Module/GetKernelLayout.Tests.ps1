BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Get-KernelLayout' {
    It 'has the numbers that lead from an address to a struct page' {
        Assert-KernelMemory
        $layout = Get-KernelLayout
        $layout | Should -BeOfType MemProc.KernelLayout
        $entries = Get-PageTableEntry $target.Id $seed
        "$($layout.Levels.Level)" | Should -Be "$($entries.Level)"
        # The walk of a processor, with these numbers alone.
        $table = (Get-KernelMemoryMap $target.Id).PageTableAddress
        foreach ($index in 0..($entries.Count - 1)) {
            $level = $layout.Levels[$index]
            $entries[$index].TableAddress | Should -Be $table
            $entries[$index].Index | Should -Be (($seed -shr $level.Shift) -band ($level.EntryCount - 1))
            $entries[$index].FrameAddress | Should -Be ($entries[$index].Entry -band $layout.FrameMask)
            $table = $entries[$index].FrameAddress + $layout.PageOffset
        }

        $entries[-1].StructPageAddress |
            Should -Be ($layout.Vmemmap + $entries[-1].Pfn * $layout.StructPageSizeBytes)
        $entries[-1].StructPageAddress | Should -Be ($entries[-1] | Get-PageFrame).StructPageAddress
        [Convert]::ToHexString(($entries[-1] | Read-PhysicalMemory -Raw)) |
            Should -Be ([Convert]::ToHexString((Read-ProcessMemory $target.Id $seed 4096 -Raw)))
        $layout | Out-Screen | Should -Match 'PGD shift'
    }
}
