# What all cmdlets have in common: page frames, objects of the pipeline, and arguments that make no sense.

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
}

AfterAll {
    Stop-Target
}

Describe 'Page frames' {
    It '<name> explains a frame that does not exist' -ForEach @(
        @{ name = 'Get-PageFlags'; extra = @{ } }
        @{ name = 'Find-ProcessByPfn'; extra = @{ Id = 1 } }
        @{ name = 'Measure-PageFlags'; extra = @{ } }
        @{ name = 'Get-PhysicalMemoryMap'; extra = @{ } }
    ) {
        Assert-Root
        $null = & $name -Pfn 0xfffffffffff @extra -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems | Should -HaveCount 1
        "$problems" | Should -Match 'A frame number is a physical address divided by the page size'
        "$problems" | Should -Match '-PhysicalAddress'
    }

    It '<name> explains a frame that does not exist, on a kernel with the interface' -ForEach @(
        @{ name = 'Set-PageIdle' }, @{ name = 'Set-PagePoison' }, @{ name = 'Clear-PagePoison' }
    ) {
        Assert-Root
        $answer = Invoke-InSimulatedKernel "
            `$null = $name -Pfn 0xfffffffffff -Confirm:`$false -ErrorVariable problems -ErrorAction SilentlyContinue
            `$null = $name -PhysicalAddress 0xfffffffffff000 -Confirm:`$false -ErrorVariable same -ErrorAction SilentlyContinue
            `"`$(`"`$problems`" -eq `"`$same`") `$problems`""
        $answer | Should -Match '^True .*A frame number is a physical address divided by the page size'
    }

    It '<name> takes physical addresses' -ForEach @(
        @{ name = 'Get-PageFlags'; compare = 'Pfn' }
        @{ name = 'Find-ProcessByPfn'; compare = 'Address' }
        @{ name = 'Measure-PageFlags'; compare = 'FlagSet' }
        @{ name = 'Get-PhysicalMemoryMap'; compare = 'Start' }
    ) {
        Assert-Root
        $page = Get-PageMapEntry $target.Id $seed
        $extra = $name -eq 'Find-ProcessByPfn' ? @{ Id = $target.Id } : @{ }
        $byFrame = & $name -Pfn $page.Pfn @extra
        $byFrame | Should -Not -BeNullOrEmpty
        foreach ($address in $page.PhysicalAddress, ('0x{0:x}' -f ($page.PhysicalAddress + 5)), $page) {
            (& $name -PhysicalAddress $address @extra).$compare | Should -Be $byFrame.$compare
        }
    }

    It 'takes a range of physical addresses' {
        Assert-Root
        (Get-PageFlags -PhysicalAddress '0x5fff..0x7000').Pfn | Should -Be 5, 6, 7
        { Get-PageFlags -PhysicalAddress '0x7000..0x5fff' } | Should -Throw '*not a valid physical address*'
    }

    It 'refuses <value> as a frame number' -ForEach @(
        @{ value = 1.5 }, @{ value = [double]::NaN }, @{ value = $true }, @{ value = [char] 'x' }, @{ value = @{} }
        @{ value = -1 }, @{ value = [bigint]::Pow(2, 64) }
    ) {
        { Get-PageFlags -Pfn $value } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
    }

    It 'does not find mappings of processes outside of the PID namespace, and warns' {
        Assert-Root
        $file = Join-Path $TestDrive frame
        [IO.File]::WriteAllBytes($file, [byte[]]::new(4096))
        $address = $target.Ask("file 0 4096 rw- shared $file").address
        $null = $target.Ask("touch $address 1")
        $pfn = (Get-PageMapEntry $target.Id $address).Pfn
        $answer = Invoke-OtherPwsh -Prefix unshare, --pid, --fork, --mount-proc -Script @"
            Find-ProcessByPfn $pfn -WarningVariable warnings -WarningAction SilentlyContinue
            "`$warnings"
"@
        $answer | Should -Match ('The kernel counts 1 mappings of frame 0x{0:x}, and 0 were found' -f $pfn)
    }
}

Describe 'Objects of the pipeline' {
    BeforeAll {
        # Their Id, Length, Count and Address are not those of a process or its memory.
        $objects = [ordered] @{
            File = Get-Item /bin/sh; Folder = Get-Item $PSScriptRoot; Text = 'zz'; Number = 0x7000; Table = @{ Length = 1 }
            Date = Get-Date; Module = (Get-Process -Id $PID).Modules[0]; Thread = (Get-Process -Id $PID).Threads[0]
            Task = [System.Threading.Tasks.Task]::CompletedTask; Runspace = [runspace]::DefaultRunspace
            Match = [regex]::Match('abc', 'b'); Stream = [IO.MemoryStream]::new([byte[]] (1, 2))
            IPAddress = [ipaddress] '127.0.0.1'; Measure = 1, 2 | Measure-Object; Length = [pscustomobject] @{ Length = 4096 }
            Count = [pscustomobject] @{ Count = 4096 }; Null = $null
            Section = (Get-ElfSection /bin/sh)[3]; Symbol = (Get-ElfSymbol /bin/sh)[5]
        }
        $mandatory = @{
            'Compare-ProcessMemory' = @{ Seconds = 0 }
            'Search-ProcessMemory' = @{ Pattern = '41' }; 'New-ProcessMemoryScan' = @{ Type = 'Int32' }
            'Save-ProcessMemory' = @{ Path = "$TestDrive/dump" }; 'Write-ProcessMemory' = @{ Bytes = [byte[]] 1 }
            'Select-ProcessMemoryMatch' = @{ Changed = $true }; 'Find-ProcessByPfn' = @{ Id = $target.Id }
        }
        # What these take on purpose: files, frame numbers, pages without a frame, the file of a section.
        $taken = @{
            'Get-Disassembly' = 'File', 'Folder'
            'Get-ElfHeader' = 'File', 'Folder'; 'Get-ElfSection' = 'File', 'Folder'; 'Get-ElfSegment' = 'File', 'Folder'
            'Get-ElfSymbol' = 'File', 'Folder'; 'Get-FilePage' = 'File', 'Folder', 'Task', 'Section', 'Symbol'
            'Clear-FilePage' = 'File', 'Folder', 'Task', 'Section', 'Symbol'
            'Measure-PageFlags' = 'File', 'Folder'; 'Get-PageFlags' = 'Number', 'Null'; 'Get-PageFrame' = 'Number', 'Null'; 'Find-ProcessByPfn' = 'Number', 'Null'
            'Get-PhysicalMemoryMap' = 'Number', 'Null'
        }
    }

    It '<_> refuses what is not about a process or its memory' -ForEach $commands {
        Assert-Root
        $arguments = @{} + ($mandatory[$_] ?? @{})
        if ((Get-Command $_).Parameters.ContainsKey('WhatIf')) {
            $arguments.WhatIf = $true
        }

        $command = $_
        $wrong = foreach ($name in $objects.Keys | Where-Object { $_ -notin $taken[$command] }) {
            $problems = $output = $null
            try {
                $output = $objects[$name] | & $command @arguments -ErrorVariable problems -ErrorAction SilentlyContinue
            }
            catch {
                $problems = $_
            }

            if (-not $problems -or $output) {
                "$name`: $output $problems"
            }
        }

        $wrong | Should -BeNullOrEmpty
    }

    It 'names what is missing' {
        $null = (Get-Process -Id $PID).Threads[0] | Get-ProcMap -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems.FullyQualifiedErrorId | Should -Be 'InputObject,EINVAL,MemProc.PowerShell.GetProcMapCommand'
        "$problems" | Should -Match 'The object from the pipeline .* ProcessId .* -Id'
    }

    It 'still takes data that names a process or an address' {
        ([pscustomobject] @{ Id = $target.Id } | Get-ProcMap)[0].ProcessId | Should -Be $target.Id
        ([pscustomobject] @{ ProcessId = $target.Id; Address = $seed; Length = 4 } | Read-ProcessMemory).Length | Should -Be 4
        ([pscustomobject] @{ Length = 4 } | Read-ProcessMemory -Id $target.Id -Address $seed).Length | Should -Be 4
        (Get-Process -Id $target.Id | Select-Object Id | Get-ProcMap)[0].ProcessId | Should -Be $target.Id
        $deserialized = [System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize((Get-Process -Id $target.Id)))
        ($deserialized | Get-ProcMap)[0].ProcessId | Should -Be $target.Id
    }

    It 'counts the pages of files that are piped to Measure-PageFlags' {
        Assert-Root
        [IO.File]::WriteAllBytes("$TestDrive/pages", [byte[]]::new(20000))
        $file = Get-Item "$TestDrive/pages"
        $piped = $file | Measure-PageFlags
        ($piped | Measure-Object PageCount -Sum).Sum |
            Should -Be (Measure-PageFlags -LiteralPath $file.FullName | Measure-Object PageCount -Sum).Sum
        ($piped | Measure-Object PageCount -Sum).Sum | Should -Be 5
    }
}

Describe 'Arguments that make no sense' {
    BeforeAll {
        $nonsense = [ordered] @{
            null = $null; empty = @(); nulls = @($null); nested = @(1, @(2, @(3, $null))); emptyBytes = [byte[]]::new(0)
            nan = [double]::NaN; infinity = [double]::PositiveInfinity; huge = 1e300; fraction = 1.5; negative = -1
            min = [long]::MinValue; max = [ulong]::MaxValue; big = [bigint]::Pow(2, 80); negativeBig = [bigint]::Pow(-2, 81)
            decimal = [decimal]::MaxValue; text = 'nonsense'; emptyText = ''; blank = ' '; nul = "a`0b"; long = 'x' * 100000
            parentheses = '(' * 5000; digits = '9' * 5000; bracket = '[a'; pattern = '[]*?'; reversed = '5..1'
            range = '0..18446744073709551615'; hex = '0x'; minusText = '-1'; control = "`e[31m$([char] 0x202e)"
            surrogate = "$([char] 0xd800)"; noFolder = '/nowhere/nothing/file'; table = @{}
            nullTable = @{ Address = $null }; badTable = @{ Address = 'q'; Bytes = 'zz'; Value = @{}; Type = 'x' }
            badChange = @{ Address = 1; Value = @{}; Type = 'Int32' }; script = { throw 'x' }; type = [bigint]
            dictionary = [System.Collections.Generic.Dictionary[int, int]]::new(); date = [datetime]::MaxValue
            object = [pscustomobject] @{ Address = 'q' }; place = [pscustomobject] @{ Start = -1.5; Length = 'x' }
            frame = [pscustomobject] @{ PhysicalAddress = @{}; Pfn = @{} }; bare = [object]::new(); true = $true
            char = [char] 0; guid = [guid]::Empty; dbNull = [DBNull]::Value; pointer = [IntPtr]::new(-1)
            match = [pscustomobject] @{ Bytes = 'zz'; Address = 'q'; ProcessId = 'q'; Type = 'q' }
            write = [pscustomobject] @{
                Bytes = '00'; PreviousBytes = '00'; Address = 'q'; ProcessId = 1; Method = 'zz'; ProcessStartTicks = 'q'
            }
        }
        $valid = @{
            Address = $seed; Pfn = 5; PhysicalAddress = 20480; Path = "$TestDrive/none"; LiteralPath = "$TestDrive/none"
            OutFile = "$TestDrive/none/file"; Before = "$TestDrive/none"; After = "$TestDrive/none"; Seconds = 0; Bytes = [byte[]] (1, 2); Text = 'text'; Value = 1; GreaterThan = 1; LessThan = 1
            Between = 1, 2; Type = 'Int32'; Pattern = '41'; Regex = 'abc'; Count = 1; Layout = 'int32 a'; During = { }
            Change = @{ Address = $seed; Bytes = [byte[]] 1 }; Scan = 'x'
            InputObject = [pscustomobject] @{ Address = $seed; Bytes = [byte[]] (1, 2, 3, 4); ProcessId = $target.Id; Type = 'Int32' }
        }
        # What bounds the work where the argument is taken after all.
        $bounds = @{
            'Watch-ProcessMemory' = @{ Timeout = 10; Length = 8 }; 'Measure-WorkingSet' = @{ Seconds = 0 }
            'Get-PageSharing' = @{ AmongId = $target.Id }; 'Get-PageFlags' = @{ Pfn = 5 }
            'Get-PageMapEntry' = @{ Address = $seed }; 'Search-ProcessMemory' = @{ Address = $seed; Length = 4096 }
            'New-ProcessMemoryScan' = @{ Address = $seed; Length = 4096 }
            'Find-PointerPath' = @{ Depth = 1; MaxOffset = 0 }
            'Get-PageFrame' = @{ Pfn = 5; Address = $seed }; 'Measure-PageFrame' = @{ Pfn = 5 }
            'Measure-PageFlags' = @{ Pfn = 5; Address = $seed }
            'Get-Disassembly' = @{ Address = $seed; Length = 16 }; 'Read-PhysicalMemory' = @{ Length = 16 }
            'Compare-ProcessMemory' = @{ Address = $seed; Length = 4096 }
            'Measure-PageFolio' = @{ Address = $seed }; 'Invoke-ProcessMemoryAdvice' = @{ Address = $seed }
        }
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters +
            [System.Management.Automation.PSCmdlet]::OptionalCommonParameters
        $state = [initialsessionstate]::CreateDefault2()
        $state.ImportPSModule((Get-Module MemProc).Path)
        $space = [runspacefactory]::CreateRunspace($state)
        $space.Open()

        function Get-FixedArgument($Command, $Parameter) {
            $set = $Command.ParameterSets | Where-Object { $_.Parameters.Name -contains $Parameter } | Select-Object -First 1
            $fixed = @{}
            foreach ($one in $set.Parameters | Where-Object IsMandatory) {
                $fixed[$one.Name] = $one.ParameterType -eq [switch] ? $true : $valid[$one.Name]
            }

            foreach ($name in @('Id') + @($bounds[$Command.Name].Keys) | Where-Object { $_ -in $set.Parameters.Name }) {
                $fixed[$name] = $name -eq 'Id' ? $target.Id : $bounds[$Command.Name][$name]
            }

            if ('WhatIf' -in $set.Parameters.Name) {
                $fixed.WhatIf = $true
            }

            $fixed
        }

        # Runs a command; returns its errors, and 'hangs' where it does not end when it is stopped.
        function Invoke-Bounded($Command, $Arguments) {
            $shell = [powershell]::Create($space)
            try {
                $null = $shell.AddCommand($Command).AddParameters($Arguments)
                $call = $shell.BeginInvoke()
                if (-not $call.AsyncWaitHandle.WaitOne(400)) {
                    $stop = $shell.BeginStop($null, $null)
                    if (-not $stop.AsyncWaitHandle.WaitOne(10000)) {
                        'hangs'
                    }

                    return
                }

                $null = $shell.EndInvoke($call)
            }
            catch {
                $shown = $_.Exception.InnerException ?? $_.Exception
                # The exception of its record does not say that it is an error of binding.
                [pscustomobject] @{ Exception = $shown; FullyQualifiedErrorId = $shown.ErrorRecord.FullyQualifiedErrorId }
            }
            finally {
                $shell.Streams.Error
                $shell.Dispose()
            }
        }

        # Binding errors of PowerShell, errors of paths, and ours, whose messages have a bounded length and no control characters.
        function Test-ExpectedError($Problem) {
            $exception = $Problem.Exception
            $id = $Problem.FullyQualifiedErrorId
            $isOurs = $id -match '^\w+,E[A-Z0-9]+,' -or $id -match '^ParameterArgumentTransformationError,'
            if ($exception -is [System.Management.Automation.CmdletInvocationException]) {
                $exception = $exception.InnerException
            }

            $inner = for ($one = $exception; $one; $one = $one.InnerException) { $one.GetType().Name }
            if ($inner -match 'NullReference|IndexOutOfRange|OutOfMemory|KeyNotFound|AccessViolation|Unreachable') {
                $false
            }
            elseif ($isOurs) {
                "$exception" -notmatch '[\x00-\x08\x0b-\x1f\u202e]' -or $exception -is [System.Management.Automation.ParameterBindingException]
            }
            else {
                $exception -is [System.Management.Automation.ParameterBindingException] -or
                    $exception -is [System.Management.Automation.SessionStateException] -or $id -like 'DriveNotFound,*'
            }
        }
    }

    AfterAll {
        $space.Dispose()
    }

    It '<_> answers each of them with an error that says what is wrong, or takes it' -ForEach $commands {
        Assert-Root
        Assert-PidNamespace
        $command = Get-Command $_
        $wrong = foreach ($parameter in $command.Parameters.Values | Where-Object Name -NotIn $common) {
            # PowerShell itself refuses what is no switch.
            $names = $parameter.ParameterType -eq [switch] ? @('null', 'text', 'table') : $nonsense.Keys
            foreach ($name in $names) {
                $arguments = Get-FixedArgument $command $parameter.Name
                $arguments[$parameter.Name] = $nonsense[$name]
                foreach ($problem in Invoke-Bounded $command.Name $arguments) {
                    if ($name -eq 'script' -and $parameter.Name -in 'Until', 'During') {
                        # The error of the user's own script.
                        continue
                    }

                    if ($problem -is [string] -or -not (Test-ExpectedError $problem)) {
                        "-$($parameter.Name) $name`: $($problem.FullyQualifiedErrorId) $($problem.Exception ?? $problem)"
                    }
                }
            }
        }

        $wrong | Should -BeNullOrEmpty
    }

    It '<command> <arguments.Keys>: <message>' -ForEach @(
        @{ command = 'Search-ProcessMemory'; arguments = @{ Value = [double]::NaN; Type = 'Int32' }; message = '*NaN*Int32*' }
        @{ command = 'Search-ProcessMemory'; arguments = @{ Value = @{}; Type = 'Int32' }; message = '*Hashtable*number*' }
        @{ command = 'Write-ProcessMemory'; arguments = @{ Value = @{}; Type = 'Int32' }; message = '*Hashtable*number*' }
        @{ command = 'Write-ProcessMemory'; arguments = @{ Value = [double]::NaN; Type = 'Int32' }; message = '*NaN*Int32*' }
        @{ command = 'Read-ProcessMemory'; arguments = @{ OutFile = '/nowhere/file'; Length = 4 }; message = '*folder*/nowhere*' }
    ) {
        $arguments.Address = $seed
        $problem = { & $command $target.Id @arguments -ErrorAction Stop } | Should -Throw -PassThru
        "$problem" | Should -BeLike $message
    }

    It 'takes a bigint as an address, and says what is wrong with one that is none' {
        (Read-ProcessMemory $target.Id ([bigint] $seed) 4).Address | Should -Be $seed
        { Read-ProcessMemory $target.Id ([bigint]::Pow(2, 64)) 4 } | Should -Throw '*address*64 bits*'
        { Read-ProcessMemory $target.Id ([bigint]) 4 } | Should -Throw '*An address is a number*'
    }

    It 'refuses null in a list of -<parameter>' -ForEach @(
        @{ command = 'Get-PageFlags'; parameter = 'Flag' }, @{ command = 'Get-ProcMap'; parameter = 'Name' }
    ) {
        $arguments = @{ $parameter = @($null) }
        { & $command @arguments } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }
}

Describe 'Text that a process chose' {
    BeforeAll {
        $unsafe = "[\x07\x08\u202e]|\x1b[^\[]"
        $file = Join-Path $TestDrive "evil`e]0;title`a$([char] 0x202e)"
        [IO.File]::WriteAllBytes($file, [byte[]]::new(4096))
        $address = $target.Ask("file 0 4096 rw- shared $file").address
        $null = $target.Ask("touch $address 1")
    }

    It 'reaches the screen escaped by <name>' -ForEach @(
        @{ name = 'Get-ProcMap'; extra = @{} }
        @{ name = 'Get-ProcMap'; extra = @{ Detailed = $true } }
        @{ name = 'Get-PageMapEntry'; extra = @{} }
        @{ name = 'Resolve-ProcAddress'; extra = @{} }
        @{ name = 'Read-ProcessMemory'; extra = @{ Length = 16 } }
    ) {
        $objects = & $name $target.Id -Address $address @extra
        $objects | Should -Not -BeNullOrEmpty
        ($objects | Out-String) + ($objects | Format-List | Out-String) | Should -Not -Match $unsafe
    }

    It 'reaches the screen escaped by views of frames and files' {
        Assert-Root
        $objects = @(Get-PageSharing $target.Id -AmongId $target.Id | Where-Object Start -EQ $address) +
            @(Find-ProcessByPfn (Get-PageMapEntry $target.Id $address).Pfn -Id $target.Id) + @(Get-FilePage -LiteralPath $file)
        $objects.Count | Should -BeGreaterThan 2
        ($objects | ForEach-Object { ($_ | Out-String) + ($_ | Format-List | Out-String) }) -join '' | Should -Not -Match $unsafe
    }

    It 'is escaped in errors and verbose messages' {
        $messages = @(
            Get-ElfHeader -LiteralPath $file -ErrorAction Continue 2>&1
            Get-ElfHeader -Id $target.Id -Path "*$([char] 0x202e)*" -ErrorAction Continue -Verbose 4>&1 2>&1
            Get-ProcMap -Name "none$file" -ErrorAction Continue 2>&1
            try { Read-ProcessMemory $target.Id "nothing$([char] 0x202e)`a!x" 4 } catch { $_ }
            try { Get-PageFlags -Flag $file } catch { $_ }
        )
        $messages.Count | Should -BeGreaterThan 2
        ($messages | ForEach-Object { "$_" }) -join "`n" | Should -Not -Match $unsafe
    }

    It 'is escaped in confirmations and warnings' {
        $text = Invoke-OtherPwsh -Script @"
            Write-ProcessMemory $($target.Id) $address -Bytes 1 -WhatIf
            Save-ProcessMemory $($target.Id) -Path '$TestDrive/none' -Address $address -WhatIf
            'done'
"@
        $text[-1] | Should -Be 'done'
        $text -join "`n" | Should -Match 'What if:.*evil'
        $text -join "`n" | Should -Not -Match $unsafe
    }

    It 'is escaped in completions and their tooltips' {
        $line = "Get-ProcMap -Id $($target.Id) -Path "
        $found = (TabExpansion2 $line $line.Length).CompletionMatches | Where-Object CompletionText -Match 'evil'
        $found | Should -HaveCount 1
        $found.ListItemText + $found.ToolTip | Should -Not -Match $unsafe
    }

    It 'stays as it is in properties' {
        (Get-ProcMap $target.Id -Address $address).Path | Should -Be $file
    }
}
