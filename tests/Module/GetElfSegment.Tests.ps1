BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Get-ElfSegment' {
    It 'agrees with readelf, like Get-ElfSection' {
        if (-not (Get-Command readelf -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs readelf'
            return
        }

        $lines = readelf -lW /bin/ls | Where-Object { $_ -match '^  ([A-Z_]+) +0x' }
        $segments = Get-ElfSegment /bin/ls
        $segments.TypeName | Should -Be ($lines | ForEach-Object { ($_ -split ' +')[1] })
        (Get-ElfSegment /bin/ls -Type Load | Where-Object Permissions -EQ 'r-x').Sections | Should -Contain '.text'
        $names = readelf -SW /bin/ls | Where-Object { $_ -match '^ +\[ *[1-9]\d*\] (\S+)' } | ForEach-Object { $Matches[1] }
        (Get-ElfSection /bin/ls | Select-Object -Skip 1).Name | Should -Be $names
    }
}
