using System.Diagnostics;
using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests memproc's commands for threads, words, pointers, strings, and accesses.</summary>
public sealed class MemprocExploreTests
{
    [Fact]
    public void Threads_words_and_strings_are_shown()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong seed = target.Ask("seed").Address("address");
        TargetReply garlic = target.Ask("garlic");
        string id = $"{target.ProcessId}";
        JsonElement[] threads = [.. MemprocTests.Json("thread", id, "--json")];
        Assert.Equal(target.ProcessId, threads[0].GetProperty("threadId").GetInt32());
        Assert.Contains(threads, thread => thread.GetProperty("stackPointer").ValueKind == JsonValueKind.String);
        (int exitCode, string output, _) = MemprocTests.Memproc("thread", id, id, "--stop", "--registers");
        Assert.Equal(0, exitCode);
        Assert.Matches(@"\n  (rip|pc) +0x[0-9a-f]+", output);

        JsonElement word = Assert.Single(MemprocTests.Json("telescope", id, $"0x{garlic.Address("pointer"):x}", "8", "--json"));
        Assert.Equal("garlic", word.GetProperty("chain")[0].GetProperty("text").GetString());
        Assert.Equal($"0x{garlic.Address("text"):x}", word.GetProperty("number").GetString());
        string sleeper = threads.First(thread => thread.GetProperty("stackPointer").ValueKind == JsonValueKind.String)
            .GetProperty("threadId").GetRawText();
        Assert.Equal(16, MemprocTests.Memproc("telescope", id, "--thread", sleeper).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

        JsonElement found = MemprocTests.Json("search", id, "--strings", "--address", $"0x{seed:x}", "--length", "4096", "--minimum-length", "20", "--json").First();
        Assert.Equal(($"0x{seed:x}", "ascii"), (found.GetProperty("address").GetString(), found.GetProperty("encoding").GetString()));
        Assert.StartsWith("ABCDEFGHIJKL1234567890!", found.GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Pointer_paths_are_found_saved_and_narrowed()
    {
        using TemporaryFolder folder = new();
        using ExploredProgram program = new();
        using ExploredProgram.Run run = program.Start();
        string[] pointers = ["pointers", $"{run.Process.Id}", $"0x{run.Score:x}"];
        (int exitCode, string output, _) = MemprocTests.Memproc([.. pointers, "--depth", "2", "--max-offset", "0x40", "--json"]);
        Assert.Equal(0, exitCode);
        string saved = folder.File("paths", System.Text.Encoding.UTF8.GetBytes(output));
        Assert.Contains("+0x18)+0x20\"", output, StringComparison.Ordinal);
        (exitCode, string kept, _) = MemprocTests.Memproc([.. pointers, "--from", saved, "--json"]);
        Assert.Equal((0, output), (exitCode, kept));
    }

    [Fact]
    public void All_of_it_works_on_a_core()
    {
        using ExploredProgram program = new();
        using ExploredProgram.Run run = program.Start();
        string core = Path.Combine(program.Folder, "core");
        MemorySaver.Save(run.Process, null, core, new SaveOptions { Stop = true }, _ => { }, CancellationToken.None);
        JsonElement[] threads = Found($"thread --core {core} --json");
        Assert.Equal(5, threads.Length);
        string[] commands =
        [
            $"telescope --core {core} --thread {threads[0].GetProperty("threadId")} --json",
            $"telescope --core {core} {threads[0].GetProperty("stackPointer").GetString()} 8 --json",
            $"disasm --core {core} {threads[0].GetProperty("address").GetString()} --count 1 --json",
            $"search --core {core} --strings --path {program.Path} --json",
            $"pointers --core {core} 0x{run.Score:x} --depth 2 --max-offset 0x40 --json",
        ];
        JsonElement[][] answers = Array.ConvertAll(commands, Found);
        Assert.All(answers, answer =>
        {
            Assert.NotEmpty(answer);
            Assert.All(answer, found => Assert.Equal(core, found.GetProperty("corePath").GetString()));
        });
        Assert.Contains(answers[3], found => found.GetProperty("text").GetString() == "telescope text");

        // Warnings say what the core does not have.
        static JsonElement[] Found(string command)
        {
            (int exitCode, string output, string errors) = MemprocTests.Memproc(command.Split(' '));
            Assert.True(exitCode == 0, errors);
            return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        }
    }

    [Fact]
    public void A_hold_says_how_often_it_has_written_back_also_after_an_interrupt()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using Process watch = Process.Start(new ProcessStartInfo(Programs.MemprocHost,
            [Programs.Memproc, "watch", $"{target.ProcessId}", $"0x{address:x}", "--type", "byte", "--hold", "--interval", "1ms", "--yes", "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Assert.NotNull(watch.StandardOutput.ReadLine());
        target.Ask($"touch {address} 1");
        Assert.NotNull(watch.StandardOutput.ReadLine());
        Shell.Run("kill", "-INT", $"{watch.Id}");
        Assert.Contains($"Written back: 0x{address:x} of process {target.ProcessId} (dotnet) once.", watch.StandardError.ReadToEnd(), StringComparison.Ordinal);
        watch.WaitForExit();
        Assert.Equal(130, watch.ExitCode);
    }

    [Theory]
    [InlineData("thread", "1", "x")]
    [InlineData("telescope", "self")]
    [InlineData("telescope", "self", "0x1000", "--thread", "1")]
    [InlineData("telescope", "self", "0x1000", "--depth", "0")]
    [InlineData("pointers", "self", "0x1000", "--depth", "99")]
    [InlineData("pointers", "self", "0x1000", "--from", "x", "--depth", "2")]
    [InlineData("watch", "self", "0x1000", "--type", "int32", "--writer", "--hold")]
    [InlineData("watch", "self", "0x1000", "--type", "int32", "--syntax", "intel")]
    [InlineData("watch", "self", "0x1000", "--type", "int32", "--seconds", "1", "--timeout", "1s")]
    [InlineData("watch", "self", "0x1000", "--type", "int32", "--seconds", "-1")]
    [InlineData("watch", "self", "0x1000", "--type", "int32", "--writer", "--interval", "1s")]
    [InlineData("search", "self", "--strings", "--text", "a")]
    [InlineData("search", "self", "--text", "a", "--minimum-length", "2")]
    [InlineData("search", "self", "--strings", "--encoding", "utf-32")]
    [InlineData("search", "all", "--strings")]
    [InlineData("read", "all", "0x1000", "4")]
    public void Arguments_that_make_no_sense_are_refused(params string[] arguments)
    {
        (int exitCode, _, string errors) = MemprocTests.Memproc(arguments);
        Assert.Equal(1, exitCode);
        Assert.NotEmpty(errors);
    }
}
