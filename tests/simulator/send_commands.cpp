// Sending: AT+CIPSEND, CIPSENDEX, CIPSENDL, CIPSENDLCFG. Sources: C of the measured notes, E.4 and E.15 for remotes.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

constexpr std::int64_t largest_block = 8192;
/// The UART driver hands bytes on in steps of this size (C.1: 2944 = 23 * 128).
constexpr std::size_t uart_step = 128;

struct Sending {
  std::shared_ptr<Link> link;
  std::int64_t length = 0;
  bool lost = false;  ///< UDP with a remote but no port: accepted, then lost (E.15)
};

/// [<id>,]<length>[,<remote>[,<port>]]. Nothing: ERROR.
Task<std::optional<Sending>> read_sending(Firmware& fw, Parameters& p, std::int64_t most) {
  const std::size_t at = fw.multiple ? 1 : 0;
  const auto id = fw.multiple ? p.integer(0) : 0;
  Sending sending;
  sending.length = p.integer(at);
  const std::string remote = p.string_or(at + 1, "");
  const auto port = p.integer_or(at + 2, 0);
  if (!p.ok() || p.count() > at + 3 || sending.length < 1 || sending.length > most || port < 0 || port > 65535)
    co_return std::nullopt;
  sending.link = fw.links.find(static_cast<int>(id));
  if (!sending.link || fw.passthrough.wanted) co_return std::nullopt;
  Link& link = *sending.link;
  if (remote.empty() || link.transport != Transport::udp) co_return sending;
  const auto address = co_await fw.names.resolve(remote, link.v6 ? Names::Family::only_v6 : Names::Family::only_v4);
  if (!address || link.closed) co_return std::nullopt;
  sending.lost = port == 0;
  if (port != 0) {
    // The link speaks to this remote from now on (E.4, E.15).
    link.remote = link.v6 ? ipv6_text(*address) : *address;
    link.remote_port = static_cast<std::uint16_t>(port);
  }
  co_return sending;
}

Task<Outcome> transmit(Firmware& fw, Sending sending, std::string bytes) {
  fw.say(format("\r\nRecv %zu bytes\r\n", bytes.size()));
  fw.interpreter.deaf(true);
  const bool sent = sending.lost ? !sending.link->closed : co_await fw.links.write(sending.link, std::move(bytes));
  if (sent && fw.board().faults.missing_send_ok > 0) {
    --fw.board().faults.missing_send_ok;
    co_return nothing;
  }
  fw.say(sent ? "\r\nSEND OK\r\n" : "\r\nSEND FAIL\r\n");
  co_return nothing;
}

Task<Outcome> send_block(Firmware& fw, Parameters& p, bool escapes) {
  auto sending = co_await read_sending(fw, p, largest_block);
  if (!sending) co_return error;
  co_await fw.interpreter.prompt();
  fw.interpreter.expect(
      {.size = static_cast<std::size_t>(sending->length),
       .escapes = escapes,
       .done = [&fw, sending = *sending](std::string bytes) { return transmit(fw, sending, std::move(bytes)); },
       .cancelled = "\r\nSEND Canceled\r\n"});
  co_return nothing;
}

/// AT+CIPSENDL: sends while it receives and reports both counts. Once a write has failed (the link is closed, or
/// so_sndtimeo has passed) nothing more is sent nor reported, but data mode goes on to the announced end or to +++
/// (guide 3.3.9, QUIRKS 78).
class LongSend {
 public:
  LongSend(Firmware& fw, Sending sending)
      : fw_(fw),
        sending_(std::move(sending)),
        report_size_(static_cast<std::size_t>(fw.passthrough.report_size)),
        transmit_size_(static_cast<std::size_t>(fw.passthrough.transmit_size)) {}

  Task<bool> take(std::string bytes) {
    const auto length = static_cast<std::size_t>(sending_.length);
    if (bytes.empty()) {
      if (waiting_ == "+++" && received_ < length && Interpreter::sees_escape(fw_.line().settings().rate)) {
        fw_.say("\r\nSEND CANCELLED\r\n");
        co_return false;
      }
      co_await pass(waiting_.size());
      step_ = 0;
    }
    for (const char byte : bytes) {
      if (received_ == length) break;  // the rest would be busy p...
      waiting_ += byte;
      ++received_;
      const bool stepped = ++step_ == uart_step || received_ == length;
      if (!stepped) continue;
      step_ = 0;
      while (waiting_.size() >= transmit_size_) co_await pass(transmit_size_);
      if (received_ == length) co_await pass(waiting_.size());
    }
    if (received_ < length) co_return true;
    auto& missing = fw_.board().faults.missing_send_ok;
    if (!failed_ && missing > 0)
      --missing;
    else
      fw_.say(failed_ ? "\r\nSEND FAIL\r\n" : "\r\nSEND OK\r\n");
    co_return false;
  }

 private:
  Task<void> pass(std::size_t size) {
    if (size == 0) co_return;
    std::string block = waiting_.substr(0, size);
    waiting_.erase(0, size);
    if (!failed_) failed_ = !co_await fw_.links.write(sending_.link, std::move(block));
    if (failed_) co_return;
    sent_ += size;
    const auto length = static_cast<std::size_t>(sending_.length);
    while (reported_ + report_size_ <= sent_) report(reported_ + report_size_);
    if (sent_ == length && reported_ < sent_) report(sent_);
  }
  void report(std::size_t sent) {
    reported_ = sent;
    fw_.say(format("+CIPSENDL:%zu,%zu\r\n", sent, received_));
  }

  Firmware& fw_;
  Sending sending_;
  std::size_t report_size_, transmit_size_;
  std::string waiting_;
  std::size_t received_ = 0, sent_ = 0, reported_ = 0, step_ = 0;
  bool failed_ = false;
};

Task<Outcome> send_long(Firmware& fw, Parameters& p) {
  auto sending = co_await read_sending(fw, p, 0x7fffffff);
  if (!sending) co_return error;
  co_await fw.interpreter.prompt();
  auto send = std::make_shared<LongSend>(fw, *sending);
  fw.interpreter.stream({.silence = [] { return Duration(std::chrono::milliseconds(20)); },
                         .take = [send](std::string bytes) { return send->take(std::move(bytes)); }});
  co_return nothing;
}

Outcome set_sizes(Firmware& fw, Parameters& p) {
  const auto report = p.integer(0), transmit = p.integer_or(1, 2920);
  if (!p.ok() || report < 100 || report > 1048576 || transmit < 100 || transmit > 2920) return error;
  fw.passthrough.report_size = static_cast<int>(report);
  fw.passthrough.transmit_size = static_cast<int>(transmit);
  return ok;
}

}  // namespace

void add_send_commands(CommandTable& t) {
  t.set("AT+CIPSEND", 4, [](Firmware& fw, Parameters& p) { return send_block(fw, p, false); });
  t.set("AT+CIPSENDEX", 4, [](Firmware& fw, Parameters& p) { return send_block(fw, p, true); });
  t.set("AT+CIPSENDL", 4, send_long);
  t.query("AT+CIPSENDLCFG", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPSENDLCFG:%d,%d\r\n", fw.passthrough.report_size, fw.passthrough.transmit_size));
    return ok;
  });
  t.set("AT+CIPSENDLCFG", 2, set_sizes);
  t.execute("AT+CIPSEND", [](Firmware& fw, Parameters&) {
    if (!fw.passthrough.can_begin()) return error;
    fw.say("\r\nOK\r\n\r\n>");
    fw.passthrough.begin();
    return nothing;
  });
}

}  // namespace sim
