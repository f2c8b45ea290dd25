#include "scripted_module.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace espat::module::test {
namespace asio = boost::asio;

class ScriptedTransport final : public transport::Transport {
 public:
  ScriptedTransport(ScriptedModule& module, asio::any_io_executor executor)
      : module_(module), arrived_(std::move(executor), asio::steady_timer::time_point::max()) {}
  ~ScriptedTransport() override { close(); }

  asio::awaitable<Result<std::size_t>> read_some(std::span<std::uint8_t> buffer) override {
    while (incoming.empty() && is_open) co_await arrived_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!is_open) co_return Error{ErrorKind::not_found, "the scripted port has vanished"};
    const std::size_t count = std::min(buffer.size(), incoming.size());
    std::memcpy(buffer.data(), incoming.data(), count);
    incoming.erase(0, count);
    co_return count;
  }
  asio::awaitable<Result<void>> write(at::Bytes bytes) override {
    if (!is_open) co_return Error{ErrorKind::not_found, "the scripted port has vanished"};
    module_.hear(bytes);
    co_return Result<void>();
  }
  bool has_rate() const override { return module_.has_rate; }
  Result<void> set_rate(std::uint32_t baud) override {
    module_.host_rate = baud;
    return {};
  }
  Result<void> set_flow_control(bool rts_cts) override {
    module_.host_flow_control = rts_cts;
    return {};
  }
  bool has_own_flow_control() const override { return module_.own_flow_control; }
  bool has_modem_lines() const override { return module_.has_modem_lines; }
  Result<void> set_request_to_send(bool asserted) override {
    module_.request_to_send = asserted;
    if (asserted) module_.deliver(std::exchange(module_.held_, {}));
    return {};
  }
  Result<void> set_data_terminal_ready(bool) override { return {}; }
  Result<bool> clear_to_send() const override { return true; }
  void discard_input() override { incoming.clear(); }
  void discard_output() override {}
  bool is_drained() const override { return true; }
  const std::string& description() const override { return name_; }
  void close() noexcept override {
    is_open = false;
    arrived_.cancel();
    if (module_.port_ == this) module_.port_ = nullptr;
  }
  void receive(const std::string& bytes) {
    incoming += bytes;
    arrived_.cancel();
  }

  std::string incoming;
  bool is_open = true;

 private:
  ScriptedModule& module_;
  asio::steady_timer arrived_;
  std::string name_ = "scripted";
};

ScriptedModule::ScriptedModule(asio::any_io_executor executor, VirtualClock& clock)
    : executor_(std::move(executor)), clock_(clock) {}

std::unique_ptr<transport::Transport> ScriptedModule::open() {
  auto port = std::make_unique<ScriptedTransport>(*this, executor_);
  port_ = port.get();
  host_rate = 115200;
  ++opened;
  return port;
}

void ScriptedModule::unplug() {
  if (port_ != nullptr) port_->close();
}

std::size_t ScriptedModule::count(std::string_view line) const {
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
}

void ScriptedModule::say(std::string_view text) {
  std::string bytes(text);
  if (has_rate && (rate != host_rate || rate > fastest_rate)) {
    for (char& byte : bytes) byte = static_cast<char>(byte | 0x80);  // framing errors, more or less
  }
  if (!request_to_send && honours_rts) {
    held_ += bytes;
  } else {
    deliver(std::move(bytes));
  }
}

void ScriptedModule::deliver(std::string bytes) {
  if (port_ != nullptr && !bytes.empty()) port_->receive(bytes);
}

void ScriptedModule::restart(Duration boot_time) {
  rate = boot_rate;
  echo = true;
  payload_wanted_ = 0;
  half_line_.clear();
  restarting_ = true;
  say("ets Jun  8 2016 00:22:57\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n");
  clock_.after(boot_time, [this] {
    restarting_ = false;
    half_line_.clear();
    say("\r\nready\r\n");
  });
}

void ScriptedModule::delay_restart(Duration delay) {
  restarting_ = true;
  clock_.after(delay, [this] {
    say("\r\nOK\r\n");
    restart();
  });
}

void ScriptedModule::hear(at::Bytes bytes) {
  raw.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (restarting_) lines_lost += static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  if (silent || restarting_) return;
  if (escapes && payload_wanted_ > 0 && bytes.size() == 3 && bytes[0] == '+') {
    payload_wanted_ = 0;
    payload_.clear();
    say("\r\nSEND Canceled\r\n");
    return;
  }
  for (const std::uint8_t byte : bytes) {
    if (payload_wanted_ > 0 && lose_payload_bytes > 0) {
      --lose_payload_bytes;
      continue;
    }
    if (!rates_match()) {
      half_line_ += '\xff';
      continue;
    }
    if (payload_wanted_ > 0) {
      payload_ += static_cast<char>(byte);
      if (--payload_wanted_ > 0) continue;
      payloads.push_back(std::exchange(payload_, {}));
      say(on_payload ? on_payload(payloads.back())
                     : "\r\nRecv " + std::to_string(payloads.back().size()) + " bytes\r\n\r\nSEND OK\r\n");
      continue;
    }
    half_line_ += static_cast<char>(byte);
    if (!half_line_.ends_with("\r\n")) continue;
    const std::string line = half_line_.substr(0, half_line_.size() - 2);
    half_line_.clear();
    take_line(line);
  }
  if (payload_wanted_ > 0 && on_payload_bytes && !payload_.empty()) say(on_payload_bytes(payload_.size()));
}

void ScriptedModule::take_line(const std::string& line) {
  lines.push_back(line);
  if (echo) say(line + "\r\n");
  const auto answer = [&]() -> std::string {
    if (rule) {
      if (auto own = rule(line)) return *own;
    }
    if (const auto known = answers.find(line); known != answers.end()) return known->second;
    if (line == "AT+GMR") return version_text + "\r\nOK\r\n";
    if (line == "AT+CMD?") return command_list.empty() ? "\r\nERROR\r\n" : command_list + "\r\nOK\r\n";
    if (line == "AT+CWAUTOCONN?") return "+CWAUTOCONN:1\r\nOK\r\n";
    if (line.empty() || !line.starts_with("AT")) return "\r\nERROR\r\n";
    return "\r\nOK\r\n";
  }();
  if (line == "AT+RST" && !restarting_) {
    say("\r\nOK\r\n");
    restart();
    return;
  }
  say(answer);
  if (answer.ends_with(">")) {
    // AT+CIPSEND=<link>,<length>[,…]: the second number.
    const auto comma = line.find(',');
    payload_wanted_ = static_cast<std::size_t>(std::strtoul(line.c_str() + comma + 1, nullptr, 10));
  }
  if (line == "ATE0" && answer == "\r\nOK\r\n") echo = false;
  if (switches_rate && line.starts_with("AT+UART_CUR=") && answer == "\r\nOK\r\n") {
    rate = static_cast<std::uint32_t>(std::strtoul(line.c_str() + std::strlen("AT+UART_CUR="), nullptr, 10));
  }
}

}  // namespace espat::module::test
