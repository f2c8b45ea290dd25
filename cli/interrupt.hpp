// Ctrl-C as something to wait for: while an `Interrupt` lives, SIGINT and SIGTERM no longer end the program but make a
// descriptor readable, so that `ping` can print its summary and `monitor` can end in an orderly way.
#pragma once

namespace espat::cli {

class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  /// Readable from the first signal on.
  int descriptor() const { return descriptor_; }
  /// Waits; true if it was ended by a signal.
  bool wait_for_seconds(double seconds) const;

 private:
  int descriptor_;
};

}  // namespace espat::cli
