# No frame is ever poisoned here: the injector is a file that only remembers what is written to it.
BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Clear-PagePoison' {
    It 'asks before it does it' {
        $attribute = (Get-Command Clear-PagePoison).ImplementingType.
            GetCustomAttributes([System.Management.Automation.CmdletAttribute], $false)
        $attribute.ConfirmImpact | Should -Be 'High'
        $attribute.SupportsShouldProcess | Should -BeTrue
        (Get-Help Clear-PagePoison -Full | Out-String) | Should -Match 'WARNING'
    }
}
