#include "module/wall_clock.hpp"

#include <sys/timex.h>
#include <unistd.h>

namespace espat::module {
namespace {

constexpr const char* timesyncd_mark = "/run/systemd/timesync/synchronized";

bool is_synchronised() {
  struct timex state {};  // modes 0: only reads
  const int clock_state = ::adjtimex(&state);
  if (clock_state >= 0) return clock_state != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  return ::access(timesyncd_mark, F_OK) == 0;
}

}  // namespace

std::optional<std::chrono::sys_seconds> SystemWallClock::synchronised_time() const {
  if (!is_synchronised()) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace espat::module
