// Probing: finds the rate at which a module answers, or says in words what is on the port instead (DESIGN section 5).
//
// A module may be left at a raised rate by a daemon that was killed (quirk 132), in passthrough, in the middle of a
// send, or booting.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "module/clock.hpp"
#include "module/probe_evidence.hpp"
#include "module/wire.hpp"

namespace espat::module {

/// Talks to the module below the command channel: takes the wire's bytes while it lives and judges them.
class RawTalk {
 public:
  /// `also` hears the bytes too; may be empty.
  RawTalk(Wire& wire, boost::asio::any_io_executor executor, Clock& clock, Wire::Listener also = {});
  RawTalk(const RawTalk&) = delete;
  RawTalk& operator=(const RawTalk&) = delete;
  ~RawTalk();

  boost::asio::awaitable<bool> write(std::string_view text);
  /// Forgets what came and sends `AT`; the verdict after an answer or `patience`, whichever is first.
  boost::asio::awaitable<Verdict> ask(Duration patience);
  /// Listens for so long, or until the verdict is at least `enough`.
  boost::asio::awaitable<Verdict> listen(Duration patience, Verdict enough);
  /// Listens until `ready` has come, for `patience` at most; true if it has. Nothing else counts: behind a full buffer
  /// of the module even the OK of an AT+RST may come late.
  boost::asio::awaitable<bool> hear_ready(Duration patience);
  /// `+++` with its silences, then an empty line: out of passthrough or a send.
  boost::asio::awaitable<void> escape();
  ProbeEvidence& evidence() { return evidence_; }

 private:
  Wire& wire_;
  Clock& clock_;
  std::unique_ptr<Alarm> arrival_;
  Wire::Listener also_;
  ProbeEvidence evidence_;
};

struct ProbeFinding {
  std::uint32_t baud = 0;  // 0: the port has no rate
  /// The module has just booted: it has no links and its default settings.
  bool fresh = false;
};

/// Tries `first` (most likely rates, in order), then every rate a module is known to use. The transport is left at the
/// rate found. Error: the diagnosis.
boost::asio::awaitable<Result<ProbeFinding>> probe(Wire& wire, Clock& clock, std::vector<std::uint32_t> first);

/// What a module that was lost says at its boot rate.
enum class BootSign : std::uint8_t {
  none,
  answered,  // it runs at this rate
  ready,     // it has just booted
};
/// Listens for `ready`; between boot text and that nothing is written (quirk 32). A module that is silent is asked
/// once: its `ready` may have been heard as noise at another rate.
boost::asio::awaitable<BootSign> look_for_boot(Wire& wire, Clock& clock, std::uint32_t boot_rate, Duration patience);

/// After a restart: waits for `ready` at the boot rate, writing nothing (quirk 32: a command before `ready` can crash
/// the module).
boost::asio::awaitable<bool> wait_for_boot(Wire& wire, Clock& clock, std::uint32_t boot_rate, Duration patience);

}  // namespace espat::module
