#include "ble_scanner.hpp"

#include "ble_far.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

/// The local name, short or complete, in advertising data; empty if there is none.
std::string local_name(std::string_view data) {
  while (data.size() > 1) {
    const std::size_t length = static_cast<unsigned char>(data[0]);
    if (length == 0 || length >= data.size()) break;
    if (data[1] == 0x08 || data[1] == 0x09) return std::string(data.substr(2, length - 1));
    data.remove_prefix(length + 1);
  }
  return {};
}

}  // namespace

void Scanner::start(Duration duration, Filter filter) {
  filter_ = std::move(filter);
  filter_.text = filter_.type == 1 ? upper(filter_.text) : filter_.text;
  due_.clear();
  running_ = true;
  const Time end = duration == Duration::zero() ? Time::max() : Clock::now() + duration;
  firmware_.spawn(run(end, ++generation_));
}

void Scanner::stop() {
  running_ = false;
  ++generation_;
  firmware_.board().air.changed.notify();
}

/// How often one device is reported: when its advertisement falls into the scan window, and the controller has
/// forgotten that it reported it.
Duration Scanner::period(const Advertisement& heard) const {
  const Duration in_window = Duration(heard.interval) * settings.interval / settings.window;
  return std::max<Duration>(in_window, firmware_.world().bluetooth.repeat);
}

bool Scanner::wanted(const Advertisement& heard) const {
  if (filter_.type == 1) return upper(heard.address) == filter_.text;
  if (filter_.type == 2) return local_name(heard.data) == filter_.text || local_name(heard.response) == filter_.text;
  return true;
}

void Scanner::report(const Advertisement& heard) {
  const std::string head = format("+BLESCAN:\"%s\",%d,", heard.address.c_str(), heard.rssi);
  const std::string tail = format(",%d\r\n", heard.address_type);
  Reports& reports = firmware_.bluetooth.reports;
  reports.add(head + gatt::to_hex(heard.data) + "," + tail);
  if (settings.active == 1 && heard.scannable) reports.add(head + "," + gatt::to_hex(heard.response) + tail);
}

Task<void> Scanner::run(Time end, unsigned generation) {
  Air& air = firmware_.board().air;
  while (generation == generation_) {
    const Time now = Clock::now();
    if (now >= end) {
      stop();
      firmware_.bluetooth.reports.add("+BLESCANDONE\r\n");
      co_return;
    }
    Time next = end;
    bool printed = true;
    std::size_t place = 0;
    for (const auto& advertiser : air.advertisers()) {
      const Advertisement* heard = advertiser->advertisement();
      if (heard == nullptr || !wanted(*heard)) continue;
      // The first time soon, but not all at once.
      const Duration first = std::min<Duration>(heard->interval, std::chrono::milliseconds(10 * ++place));
      const auto [due, fresh] = due_.try_emplace(heard->address, now + first);
      if (due->second <= now) {
        report(*heard);
        due->second = now + period(*heard);
        printed = false;
      }
      next = std::min(next, due->second);
    }
    // The host prints before it looks at what the controller hears next: what comes meanwhile is dropped.
    if (printed)
      co_await firmware_.wait(air.changed, next);
    else
      co_await firmware_.bluetooth.reports.said();
  }
}

}  // namespace sim
