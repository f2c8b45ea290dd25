#include "module/probe.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/this_coro.hpp>

namespace espat::module {
namespace asio = boost::asio;
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// 115200 is what firmware ships with; 74880 and 76800 come from other crystals (quirk 135); the rest are usual
/// targets.
constexpr std::array<std::uint32_t, 11> known_rates{115200,  921600,  460800, 74880, 76800, 230400,
                                                    2000000, 1000000, 57600,  38400, 9600};

constexpr milliseconds settle{20};
constexpr milliseconds line_end_patience{60};
constexpr milliseconds quick_patience{250};
constexpr milliseconds thorough_patience{500};
constexpr seconds write_limit{2};
constexpr milliseconds escape_guard{60};
constexpr milliseconds after_escape{1100};  // quirk 116
/// The slowest restart measured took 5.8 s (I.10).
constexpr seconds boot_patience{8};
constexpr milliseconds after_ready{100};
constexpr int boot_loop = 3;
/// A join that the module began by itself holds it for 15 s and more (quirks 31, 54).
constexpr seconds busy_patience{25};
constexpr milliseconds busy_pause{400};

/// What was seen at all rates together, for the diagnosis.
struct Sightings {
  bool garbage = false, foreign = false, echo = false, prompt = false, booting = false, refused_rate = false,
       busy = false;
  std::string sample;
  std::string refusal;
  int boots = 0;
  std::size_t rates = 0;
};

Error diagnose(const Sightings& seen, const std::string& port) {
  const auto says = [&](std::string text) { return Error{ErrorKind::failed, port + ": " + std::move(text)}; };
  if (seen.boots >= boot_loop) {
    return says("the module restarts again and again: its supply is probably too weak (brown-out)");
  }
  if (seen.booting)
    return says("the module starts but never says `ready`: is ESP-AT flashed, and is its supply strong enough?");
  if (seen.busy) return says("the module answers `busy` and nothing else: reset it");
  if (seen.prompt) return says("the module is in passthrough mode and cannot be brought out of it: reset it");
  if (seen.foreign) return says("something answers, but it is not ESP-AT: `" + seen.sample + "`");
  if (seen.echo) return says("our own bytes come back: RX and TX are connected to each other, or the line echoes");
  if (seen.garbage)
    return says("only garbage at every rate: the module speaks at an unusual rate, or the line is disturbed");
  if (seen.rates == 0 && !seen.refusal.empty()) return says(seen.refusal);
  return says(
      "no answer at any rate: is the module powered, are RX and TX crossed, and is this the AT port (not the log port) "
      "of the module?");
}

/// One attempt at one rate.
class Attempt {
 public:
  Attempt(RawTalk& talk, Wire& wire, Clock& clock, Sightings& seen)
      : talk_(talk), wire_(wire), clock_(clock), seen_(seen) {}

  /// The first rate at which the module answers; nothing if there is none.
  asio::awaitable<std::optional<ProbeFinding>> at_rates(const std::vector<std::uint32_t>& rates, Duration patience,
                                                        bool escape) {
    std::optional<ProbeFinding> finding;
    for (const std::uint32_t rate : rates) {
      if (finding || seen_.boots >= boot_loop || wire_.is_closed()) break;
      finding = co_await at_rate(rate, patience, escape);
    }
    co_return finding;
  }

 private:
  /// Nothing if this is not the rate.
  asio::awaitable<std::optional<ProbeFinding>> at_rate(std::uint32_t baud, Duration patience, bool escape) {
    if (wire_.transport().has_rate()) {
      if (const auto set = wire_.transport().set_rate(baud); !set) {
        seen_.refusal = set.error().message;
        co_return std::nullopt;
      }
    }
    ++seen_.rates;
    co_await pause(clock_, settle);
    wire_.transport().discard_input();
    if (escape) co_await talk_.escape();
    // Ends whatever half line the module has got so far; the ERROR that it may cost is thrown away (quirk 27).
    talk_.evidence().clear();
    if (!co_await talk_.write("\r\n")) co_return std::nullopt;
    Verdict verdict = co_await talk_.listen(line_end_patience, Verdict::ready);
    if (verdict < Verdict::booting) verdict = co_await talk_.ask(patience);
    co_return co_await conclude(baud, verdict);
  }

  /// What an answer of any kind at this rate leads to.
  asio::awaitable<std::optional<ProbeFinding>> conclude(std::uint32_t baud, Verdict verdict) {
    const TimePoint give_up = clock_.now() + busy_patience;
    ProbeFinding finding{baud, false};
    std::optional<ProbeFinding> nothing;
    bool escaped = false;
    while (clock_.now() < give_up && verdict >= Verdict::booting) {
      if (verdict == Verdict::answered) co_return finding;
      if (verdict == Verdict::booting) {
        verdict = co_await talk_.listen(boot_patience, Verdict::ready);
        seen_.boots = talk_.evidence().boots();
        seen_.booting = verdict < Verdict::ready;
        if (seen_.booting || seen_.boots >= boot_loop) co_return nothing;
        continue;
      }
      if (verdict == Verdict::ready) {
        finding.fresh = true;
        co_await pause(clock_, after_ready);
      } else if (verdict == Verdict::prompt) {
        seen_.prompt = true;
        if (escaped) co_return nothing;
        escaped = true;
        co_await talk_.escape();
      } else if (verdict == Verdict::busy) {
        seen_.busy = true;
        co_await pause(clock_, busy_pause);
      }
      verdict = co_await talk_.ask(thorough_patience);
    }
    note(verdict);
    co_return nothing;
  }

  void note(Verdict verdict) {
    seen_.garbage |= verdict == Verdict::garbage;
    seen_.echo |= verdict == Verdict::echo;
    if (verdict == Verdict::foreign) {
      seen_.foreign = true;
      seen_.sample = talk_.evidence().sample();
    }
  }

  RawTalk& talk_;
  Wire& wire_;
  Clock& clock_;
  Sightings& seen_;
};

}  // namespace

RawTalk::RawTalk(Wire& wire, asio::any_io_executor executor, Clock& clock, Wire::Listener also)
    : wire_(wire), clock_(clock), arrival_(clock.make_alarm(std::move(executor))), also_(std::move(also)) {
  wire_.set_listener([this](at::Bytes bytes) {
    evidence_.add(bytes);
    if (also_) also_(bytes);
    arrival_->ring();
  });
}

RawTalk::~RawTalk() {
  wire_.set_listener(std::move(also_));
}

asio::awaitable<bool> RawTalk::write(std::string_view text) {
  const at::Bytes bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  co_return static_cast<bool>(co_await wire_.write(bytes, write_limit));
}

asio::awaitable<Verdict> RawTalk::ask(Duration patience) {
  evidence_.clear();
  const bool written = co_await write("AT\r\n");
  if (!written) co_return Verdict::silent;
  co_return co_await listen(patience, Verdict::refused);
}

asio::awaitable<Verdict> RawTalk::listen(Duration patience, Verdict enough) {
  const TimePoint until = clock_.now() + patience;
  while (evidence_.verdict() < enough && clock_.now() < until) co_await arrival_->wait_until(until);
  co_return evidence_.verdict();
}

asio::awaitable<bool> RawTalk::hear_ready(Duration patience) {
  const TimePoint until = clock_.now() + patience;
  while (!evidence_.has_booted() && clock_.now() < until) co_await arrival_->wait_until(until);
  co_return evidence_.has_booted();
}

asio::awaitable<void> RawTalk::escape() {
  co_await pause(clock_, escape_guard);
  co_await write("+++");
  co_await pause(clock_, after_escape);
  co_await write("\r\n");
  co_await pause(clock_, escape_guard);
}

asio::awaitable<Result<ProbeFinding>> probe(Wire& wire, Clock& clock, std::vector<std::uint32_t> first) {
  RawTalk talk(wire, co_await asio::this_coro::executor, clock);
  Sightings seen;
  Attempt attempt(talk, wire, clock, seen);
  if (!wire.transport().has_rate()) first.assign(1, 0);
  if (wire.transport().has_rate() && first.empty()) first.push_back(known_rates.front());
  std::vector<std::uint32_t> all = first;
  if (wire.transport().has_rate()) {
    for (const std::uint32_t rate : known_rates) {
      if (std::find(all.begin(), all.end(), rate) == all.end()) all.push_back(rate);
    }
  }
  // The likely rates alternately first (quirk 132), then all of them with more patience, then as if in passthrough.
  auto finding = co_await attempt.at_rates(first, quick_patience, false);
  if (!finding) finding = co_await attempt.at_rates(all, thorough_patience, false);
  if (!finding) finding = co_await attempt.at_rates(first, thorough_patience, true);
  if (finding) co_return *finding;
  co_return diagnose(seen, wire.transport().description());
}

asio::awaitable<BootSign> look_for_boot(Wire& wire, Clock& clock, std::uint32_t boot_rate, Duration patience) {
  RawTalk talk(wire, co_await asio::this_coro::executor, clock);
  if (!wire.transport().set_rate(boot_rate)) co_return BootSign::none;
  wire.transport().discard_input();
  Verdict verdict = co_await talk.listen(settle, Verdict::booting);
  if (verdict < Verdict::booting) {
    co_await talk.write("\r\n");
    verdict = co_await talk.listen(line_end_patience, Verdict::booting);
    if (verdict < Verdict::booting || verdict == Verdict::refused) verdict = co_await talk.ask(quick_patience);
    if (verdict == Verdict::refused) verdict = co_await talk.ask(quick_patience);  // of our line end (quirk 27)
    if (verdict == Verdict::answered || verdict == Verdict::busy) co_return BootSign::answered;
  }
  if (verdict < Verdict::ready) verdict = co_await talk.listen(patience, Verdict::ready);
  co_return verdict == Verdict::ready ? BootSign::ready : BootSign::none;
}

asio::awaitable<bool> wait_for_boot(Wire& wire, Clock& clock, std::uint32_t boot_rate, Duration patience) {
  RawTalk talk(wire, co_await asio::this_coro::executor, clock);
  if (wire.transport().has_rate() && !wire.transport().set_rate(boot_rate)) co_return false;
  co_return co_await talk.hear_ready(patience);
}

}  // namespace espat::module
