using System.Buffers;
using System.Text.Encodings.Web;

namespace MemProc.Cli;

/// <summary>
/// Escapes everything except visible ASCII, so that no control character reaches a terminal. Unlike the default encoder,
/// which is made for web pages, it leaves <c>libstdc++.so</c> as it is.
/// </summary>
internal sealed unsafe class VisibleAsciiEncoder : JavaScriptEncoder
{
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        Enumerable.Range(' ', '~' - ' ' + 1).Select(code => (char)code).Where(letter => letter is not ('"' or '\\'))
            .ToArray());

    public override int MaxOutputCharactersPerInputCharacter => Default.MaxOutputCharactersPerInputCharacter;

    public override bool WillEncode(int unicodeScalar) =>
        unicodeScalar > char.MaxValue || !Plain.Contains((char)unicodeScalar);

    public override int FindFirstCharacterToEncode(char* text, int textLength) =>
        new ReadOnlySpan<char>(text, textLength).IndexOfAnyExcept(Plain);

    public override bool TryEncodeUnicodeScalar(
        int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten) =>
        Default.TryEncodeUnicodeScalar(unicodeScalar, buffer, bufferLength, out numberOfCharactersWritten);
}
