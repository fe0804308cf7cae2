using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>
/// Removes incomplete output when a signal ends this program: .NET then ends its threads without their finally blocks.
/// The signal keeps its effect. SIGINT is left to the program, for which it cancels the work.
/// </summary>
internal sealed class SignalCleanup : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;

    /// <summary>Waits for signals until disposal.</summary>
    /// <param name="remove">Removes the output, on a thread of its own.</param>
    public SignalCleanup(Action remove) => _registrations = Array.ConvertAll(
        (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT],
        signal => PosixSignalRegistration.Create(signal, _ => remove()));

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());
}
