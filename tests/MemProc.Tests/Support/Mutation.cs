namespace MemProc.Tests;

/// <summary>Damaged copies of valid input, the same ones in every run.</summary>
internal static class Mutation
{
    private const int Count = 20_000;

    /// <summary>Copies of the samples, each with one to four bytes changed, added or removed, or truncated.</summary>
    public static IEnumerable<byte[]> Of(params string[] samples) =>
        Of(Count, [.. samples.Select(System.Text.Encoding.UTF8.GetBytes)]);

    /// <summary>A number of copies of samples that are not text.</summary>
    public static IEnumerable<byte[]> Of(int count, byte[][] samples)
    {
        Random random = new(20_260_101);
        for (int i = 0; i < count; i++)
        {
            List<byte> text = [.. samples[random.Next(samples.Length)]];
            for (int changes = random.Next(1, 5); changes > 0 && text.Count > 0; changes--)
            {
                Damage(text, random);
            }

            yield return [.. text];
        }
    }

    private static void Damage(List<byte> text, Random random)
    {
        int at = random.Next(text.Count);
        // Half of the bytes are characters of the formats, which reach deeper code than random ones.
        byte value = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)" -:()\n09afxk"[random.Next(12)];
        switch (random.Next(5))
        {
            case 0:
                text[at] = value;
                break;
            case 1:
                text.Insert(at, value);
                break;
            case 2:
                text.RemoveAt(at);
                break;
            case 3:
                text.RemoveRange(at, text.Count - at);
                break;
            default:
                text.InsertRange(at, text[..random.Next(Math.Min(text.Count, 24) + 1)]);
                break;
        }
    }
}
