// What came back from a port at one rate, judged: is it ESP-AT, at this rate, and if not, what is it?
//
// Sans-I/O. Coarser than the lexer on purpose: here nothing is known yet, not even the rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "at/types.hpp"

namespace espat::module {

/// In order of weight: the heaviest that fits is the verdict.
enum class Verdict : std::uint8_t {
  silent,    // nothing at all
  garbage,   // bytes that are no text: another rate
  foreign,   // text of something else
  echo,      // only our own bytes
  booting,   // boot ROM or bootloader text (quirk 21)
  prompt,    // `>`: passthrough, or a send that waits for its payload
  refused,   // ERROR: the rate is right, our line was not (quirk 27)
  busy,      // `busy p...`: the rate is right, something holds the module (quirk 31)
  ready,     // has just booted
  answered,  // OK
};

class ProbeEvidence {
 public:
  void add(at::Bytes bytes);
  /// Forgets what came, but not how often the module has booted.
  void clear();
  Verdict verdict() const;
  /// `ready` was among it, whatever else was.
  bool has_booted() const { return ready_; }
  /// Boot signatures seen so far: more than two in one probe is a boot loop (quirk 24).
  int boots() const { return boots_; }
  /// The first of what came, fit for a person's eyes.
  std::string sample() const;

 private:
  void judge_line();

  std::string line_;
  std::string sample_;
  std::size_t text_bytes_ = 0;
  std::size_t binary_bytes_ = 0;
  int boots_ = 0;
  bool answered_ = false, ready_ = false, busy_ = false, refused_ = false, booting_ = false, echo_ = false,
       other_ = false;
  bool prompt_ = false;
};

}  // namespace espat::module
