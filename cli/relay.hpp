// Bytes between this program's input and output and a stream of the daemon, in both directions at once.
#pragma once

namespace espat::cli {

enum class RelayEnd {
  finished,  ///< the far end closed, or was silent after our end
  cut,       ///< it closed before everything was sent
  broken,    ///< the stream was lost: what came may not be all
};

/// Runs until the stream has ended and all that came is written. End of input shuts the stream's sending side down.
/// With `datagrams` each read of the input becomes one datagram. `stream` is made non-blocking. Failure if input or
/// output cannot be read or written.
RelayEnd relay(int input, int output, int stream, bool datagrams);

}  // namespace espat::cli
