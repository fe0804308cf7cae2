@{
    RootModule           = 'lib/MemProc.PowerShell.dll'
    ModuleVersion        = '0.2.0'
    GUID                 = '5d0f3c0e-6a3b-4c0a-9d0e-3f5b8f6a7c21'
    Author               = 'MemProc maintainers'
    CompanyName          = 'MemProc maintainers'
    Copyright            = '(c) MemProc maintainers. MIT License.'
    Description          = 'The memory of Linux processes as typed objects: mappings, page tables, page flags, reading and writing, and the processes that map a frame. Reports what could not be read, with the reason.'
    CompatiblePSEditions = @('Core')
    PowerShellVersion    = '7.6'
    FormatsToProcess     = @(
        'lib/MemProc.Advice.format.ps1xml'
        'lib/MemProc.Cores.format.ps1xml'
        'lib/MemProc.Disassembly.format.ps1xml'
        'lib/MemProc.Elf.format.ps1xml'
        'lib/MemProc.Kernel.format.ps1xml'
        'lib/MemProc.Maps.format.ps1xml'
        'lib/MemProc.Memory.format.ps1xml'
        'lib/MemProc.Pages.format.ps1xml'
        'lib/MemProc.Search.format.ps1xml'
        'lib/MemProc.Symbols.format.ps1xml'
        'lib/MemProc.Threads.format.ps1xml'
        'lib/MemProc.Usage.format.ps1xml'
    )
    CmdletsToExport      = @(
        'Clear-FilePage'
        'Clear-PagePoison'
        'Clear-SoftDirty'
        'Find-PointerPath'
        'Find-ProcessByPfn'
        'Get-Disassembly'
        'Get-ElfHeader'
        'Get-ElfSection'
        'Get-ElfSegment'
        'Get-ElfSymbol'
        'Get-FilePage'
        'Get-KernelLayout'
        'Get-KernelMemoryMap'
        'Get-KernelVma'
        'Get-PageFlags'
        'Get-PageFrame'
        'Get-PageMapEntry'
        'Get-PageSharing'
        'Get-PageTableEntry'
        'Get-PhysicalMemoryMap'
        'Get-ProcMap'
        'Get-ProcMemoryStatus'
        'Get-ProcThread'
        'Get-ProcessCore'
        'Get-ProcessMemoryMatch'
        'Invoke-ProcessMemoryAdvice'
        'Measure-PageFlags'
        'Measure-PageFolio'
        'Measure-PageFrame'
        'Measure-WorkingSet'
        'New-ProcessMemoryScan'
        'Read-PhysicalMemory'
        'Read-ProcessMemory'
        'Resolve-ProcAddress'
        'Save-ProcessMemory'
        'Search-ProcessMemory'
        'Select-ProcessMemoryMatch'
        'Set-PageIdle'
        'Set-PagePoison'
        'Undo-ProcessMemoryWrite'
        'Watch-ProcessMemory'
        'Write-ProcessMemory'
    )
    FunctionsToExport    = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{
        PSData = @{
            Tags         = @('Linux', 'PSEdition_Core', 'memory', 'process', 'proc', 'maps', 'pagemap', 'kpageflags', 'debugging')
            LicenseUri   = 'https://opensource.org/license/mit'
            ReleaseNotes = 'See CHANGELOG.md.'
        }
    }
}
