using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>The GNU C++ library. .NET itself needs it on most systems; without it nothing is demangled.</summary>
public static partial class LibStdCxx
{
    private const string Library = "libstdc++.so.6";

    private static bool _isMissing;

    /// <summary>__cxa_demangle of the Itanium C++ ABI.</summary>
    /// <param name="name">A mangled name.</param>
    /// <returns>The demangled name; null if it is not a mangled name, or the library is missing.</returns>
    public static unsafe string? Demangle(string name)
    {
        if (_isMissing)
        {
            return null;
        }

        try
        {
            int status;
            byte* text = __cxa_demangle(name, null, null, &status);
            string? result = Marshal.PtrToStringUTF8((nint)text);
            NativeMemory.Free(text);
            return result;
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            _isMissing = true;
            return null;
        }
    }

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial byte* __cxa_demangle(string name, byte* buffer, nuint* length, int* status);
}
