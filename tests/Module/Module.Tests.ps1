BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
}

Describe 'The module' {
    It 'loads from the root with the cmdlets that the manifest names' {
        $module = Get-Module MemProc
        $manifest = Import-PowerShellDataFile $PSScriptRoot/../../MemProc.psd1
        $module.Version | Should -Be $manifest.ModuleVersion
        $module.ExportedCommands.Keys | Sort-Object | Should -Be ($manifest.CmdletsToExport | Sort-Object)
        (Get-Module MemProc).ImplementingAssembly ?? (Get-Command Get-ProcMap).ImplementingType.Assembly |
            ForEach-Object { $_.GetName().Version.ToString(3) } | Should -Be $manifest.ModuleVersion
    }

    It 'ships no assembly of PowerShell, and of others Iced and ZstdSharp' {
        Get-ChildItem $PSScriptRoot/../../lib -Recurse -Filter *.dll | ForEach-Object Name |
            Should -Be 'Iced.dll', 'MemProc.Core.dll', 'MemProc.Interop.dll', 'MemProc.PowerShell.dll', 'ZstdSharp.dll'
    }

    It 'passes the manifest test' {
        (Test-ModuleManifest $PSScriptRoot/../../MemProc.psd1).Name | Should -Be 'MemProc'
    }

    It 'has approved verbs and singular nouns except for usual terms' {
        $verbs = (Get-Verb).Verb
        Get-Command -Module MemProc | ForEach-Object {
            $_.Verb | Should -BeIn $verbs
            if ($_.Noun -ne 'PageFlags') {
                # Status and access end in s and are singular.
                $_.Noun | Should -Not -Match '(?<![su])s$'
            }
        }
    }

    It 'rejects null in every list of text' {
        foreach ($command in Get-Command -Module MemProc) {
            foreach ($parameter in $command.Parameters.Values | Where-Object ParameterType -EQ ([string[]])) {
                $attributes = $parameter.Attributes
                $rejects = $attributes.Where{ $_ -is [Management.Automation.ValidateArgumentsAttribute] }.Count -gt 0 -or
                    $attributes.Where{ $_ -is [Parameter] -and -not $_.Mandatory }.Count -eq 0 -or
                    # Objects of live processes have the property without a value.
                    ($parameter.Name -eq 'CorePath' -and $attributes.TypeId -contains [AllowNull])
                $rejects | Should -BeTrue -Because "-$($parameter.Name) of $command takes null otherwise"
            }
        }
    }

    It 'declares the output type of each cmdlet' {
        Get-Command -Module MemProc | ForEach-Object { $_.OutputType.Count | Should -BeGreaterThan 0 -Because $_.Name }
    }
}

Describe 'Help of <_>' -ForEach (Import-PowerShellDataFile $PSScriptRoot/../../MemProc.psd1).CmdletsToExport {
    BeforeAll {
        $help = Get-Help $_ -Full
        $command = Get-Command $_
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters +
            [System.Management.Automation.PSCmdlet]::OptionalCommonParameters
    }

    It 'has a synopsis and a description' {
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -Match '\[-'
        ($help.Description | Out-String).Trim().Length | Should -BeGreaterThan 80
    }

    It 'has two examples or more, with output' {
        @($help.Examples.Example).Count | Should -BeGreaterOrEqual 2
        $help.Examples.Example | ForEach-Object { ($_ | Out-String) | Should -Match $command.Name }
    }

    It 'offers no page on the web, since there is none' {
        $help.relatedLinks.navigationLink.uri | Should -BeNullOrEmpty
        Get-Help $command.Name | Out-String | Should -Not -Match '-Online'
    }

    It 'describes every parameter' {
        $hidden = $command.Parameters.Values | Where-Object { $_.Attributes.DontShow -contains $true } | ForEach-Object Name
        $names = $command.Parameters.Keys | Where-Object { $_ -notin $common -and $_ -notin $hidden }
        foreach ($name in $names) {
            $parameter = $help.Parameters.Parameter | Where-Object Name -EQ $name
            $parameter | Should -Not -BeNullOrEmpty -Because "-$name is a parameter"
            ($parameter.Description | Out-String).Trim() | Should -Not -BeNullOrEmpty -Because "-$name needs a description"
        }
    }
}

Describe 'Topic <_>' -ForEach 'about_MemProc', 'about_MemProc_Addresses', 'about_MemProc_Cores', 'about_MemProc_PageFlags',
    'about_MemProc_Permissions' {
    It 'exists' {
        (Get-Help $_ | Out-String) | Should -Match 'MemProc'
        (Get-Help $_).Synopsis | Should -Not -BeNullOrEmpty
    }
}
