# What all cmdlets have in common: frames, objects of the pipeline, and arguments without sense.

BeforeDiscovery {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $commands = (Get-Command -Module MemProc).Name | Sort-Object
}

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address

    # Valid arguments for parameters that are mandatory.
    $valid = @{
        Id = $target.Id; Address = $seed; Length = 8; Pfn = 5; Path = '/bin/sh'; LiteralPath = '/bin/sh'
        Bytes = [byte[]] (1, 2); Text = 'text'; Value = 1; Type = 'Int32'; Pattern = '41'; Regex = 'abc'
        Between = 1, 2; GreaterThan = 1; LessThan = 1; Count = 1; Layout = 'int32 a'; During = { }
        InputObject = 'x'; Change = @{ Address = $seed; Bytes = [byte[]] (1) }; PhysicalAddress = 20480
        Changed = $true; Unchanged = $true; Increased = $true; Decreased = $true; Raw = $true; AsString = $true
        Describe = $true; OutFile = '/nowhere/file'; Scan = 'x'
    }

    # What bounds a call, or keeps it from changing anything.
    $bounds = @{
        'Watch-ProcessMemory' = @{ Timeout = 10; Count = 1 }
        'Measure-WorkingSet' = @{ WhatIf = $true; Seconds = 0 }
        'Find-ProcessByPfn' = @{ Id = $target.Id }
        'Get-PageSharing' = @{ AmongId = $target.Id }
        'Get-PageFlags' = @{ Pfn = 5 }
        'Measure-PageFlags' = @{ Id = $target.Id }
    }
    foreach ($command in Get-Command -Module MemProc | Where-Object { $_.Parameters.ContainsKey('WhatIf') }) {
        $bounds[$command.Name] = @{ WhatIf = $true } + @($bounds[$command.Name] ?? @{})[0]
        $bounds[$command.Name]['WhatIf'] = $true
    }
}

AfterAll {
    Stop-Target
}
