using Xunit.Sdk;

namespace MemProc.ModuleTests;

/// <summary>The Pester tests of the cmdlets. Each test of a Pester file is a test here.</summary>
public sealed class PesterTests(ITestOutputHelper output)
{
    // The index of the file itself.
    private const int WholeFile = -1;

    public static IEnumerable<ITheoryDataRow> Tests() => PesterFiles.Names.SelectMany(file =>
    {
        PesterReply discovered = PesterFiles.Discover(file);
        return discovered.Error.Length > 0 || discovered.Tests.Length == 0
            ? [Row(file, WholeFile, file)]
            : discovered.Tests.Select((test, index) => Row(file, index, test.Name));
    });

    [Theory]
    [MemberData(nameof(Tests))]
    public void Pester(string file, int index)
    {
        PesterReply reply = index == WholeFile ? PesterFiles.Discover(file) : PesterFiles.Run(file);
        if (reply.Error.Length > 0)
        {
            throw new PesterException($"{file}: {reply.Error}", "");
        }

        if (index < 0 || index >= reply.Tests.Length)
        {
            throw new PesterException($"{file}: Pester found {reply.Tests.Length} tests in it.", "");
        }

        PesterTest test = reply.Tests[index];
        output.WriteLine($"{file}: {test.Seconds:0.000} s");
        switch (test.Result)
        {
            case "Passed":
                break;
            case "Skipped":
                Assert.Skip(test.Message.Length > 0 ? test.Message : "no reason given");
                break;
            case string result:
                throw new PesterException(test.Message.Length > 0 ? test.Message : $"Pester's result: {result}", test.Stack);
        }
    }

    private static TheoryDataRow<string, int> Row(string file, int index, string name) =>
        new(file, index) { TestDisplayName = name, Label = "" };
}

/// <summary>The failure of a Pester test, with its message and its stack in the Pester file.</summary>
public sealed class PesterException : Exception, IAssertionException
{
    private readonly string _stack;

    /// <summary>Creates the exception from the output of Pester.</summary>
    public PesterException(string message, string stack)
        : base(message) => _stack = stack;

    /// <inheritdoc/>
    public override string StackTrace => _stack;
}
