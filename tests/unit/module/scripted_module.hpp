// A module made of a few rules, behind a transport made of memory: enough ESP-AT to be brought up, and a test's own
// rules on top.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "transport/transport.hpp"
#include "virtual_clock.hpp"

namespace espat::module::test {

class ScriptedModule {
 public:
  ScriptedModule(boost::asio::any_io_executor executor, VirtualClock& clock);

  /// One more opening of the port.
  std::unique_ptr<transport::Transport> open();

  // What the test does to the host's ear.
  void say(std::string_view text);
  /// As a flash of the supply does: boot text, silence, `ready`, everything forgotten, at the boot rate.
  void restart(Duration boot_time = std::chrono::milliseconds(500));
  /// AT+RST is taken, but its OK and the boot text come only after so long.
  void delay_restart(Duration delay);
  void unplug();
  /// The next bytes are a payload, whatever led to that.
  void expect_payload(std::size_t length) { payload_wanted_ = length; }
  /// It was not to be: the next bytes are commands again.
  void leave_payload() {
    payload_wanted_ = 0;
    payload_.clear();
  }
  std::size_t payload_received() const { return payload_.size(); }

  /// Asked first for every line; a value is said instead of the usual answer ("" = silence).
  std::function<std::optional<std::string>(const std::string& line)> rule;
  /// Called whenever bytes of a payload have come: so many so far. Says what the module reports (AT+CIPSENDL).
  std::function<std::string(std::size_t received)> on_payload_bytes;
  /// Called for each complete payload, says what follows.
  std::function<std::string(const std::string& payload)> on_payload;

  std::string version_text =
      "AT version:4.1.0.0-dev(s-b1dca01 - ESP32 - Jul 10 2025 11:41:05)\r\nSDK version:v5.4-1386-g8ad0d3d8f2-dirty\r\n"
      "compile time(4b00c3d4):Jul 30 2025 17:17:20\r\nBin version:v4.1.0.0-dev(WROOM-32)\r\n";
  /// Of AT+CMD?, shortened to what matters here; empty: ERROR.
  std::string command_list =
      "+CMD:0,\"AT\",0,0,0,1\r\n+CMD:1,\"ATE0\",0,0,0,1\r\n+CMD:3,\"AT+RST\",0,0,0,1\r\n+CMD:4,\"AT+GMR\",0,0,0,1\r\n"
      "+CMD:5,\"AT+CMD\",0,1,0,0\r\n+CMD:8,\"AT+SYSTIMESTAMP\",0,1,1,0\r\n+CMD:20,\"AT+SYSLOG\",0,1,1,0\r\n"
      "+CMD:21,\"AT+SYSMSG\",0,1,1,0\r\n+CMD:22,\"AT+SYSSTORE\",0,1,1,0\r\n+CMD:23,\"AT+UART_CUR\",0,1,1,0\r\n"
      "+CMD:31,\"AT+CWAUTOCONN\",0,1,1,0\r\n+CMD:32,\"AT+CWRECONNCFG\",0,1,1,0\r\n+CMD:50,\"AT+CIPMUX\",0,1,1,0\r\n"
      "+CMD:51,\"AT+CIPMODE\",0,1,1,0\r\n+CMD:52,\"AT+CIPDINFO\",0,1,1,0\r\n+CMD:53,\"AT+CIPRECVTYPE\",0,1,1,0\r\n"
      "+CMD:54,\"AT+CIPTCPOPT\",0,1,1,0\r\n+CMD:55,\"AT+CIPV6\",0,1,1,0\r\n+CMD:56,\"AT+CIPSTATE\",0,1,0,0\r\n"
      "+CMD:60,\"AT+CIPRECVDATA\",0,0,1,0\r\n"
      "+CMD:57,\"AT+CIPSEND\",0,0,1,1\r\n+CMD:58,\"AT+CIPSENDL\",0,0,1,0\r\n";
  std::uint32_t boot_rate = 115200;
  std::uint32_t rate = 115200;           // the module's
  std::uint32_t fastest_rate = 5000000;  // above it the host cannot understand its answers
  bool switches_rate = true;             // else AT+UART_CUR is OK and changes nothing (quirk 133)
  bool silent = false;                   // does not even boot
  bool echo = true;
  bool has_modem_lines = false;
  bool honours_rts = true;
  bool own_flow_control = false;
  bool has_rate = true;
  bool escapes = false;                        // `+++` ends a payload phase (quirk 74)
  std::size_t lose_payload_bytes = 0;          // so many bytes of the next payload get lost on the line
  std::map<std::string, std::string> answers;  // by line: complete text

  // What the test sees of the host.
  std::vector<std::string> lines;     // complete command lines, in order
  std::vector<std::string> payloads;  // complete ones
  std::string raw;                    // every byte
  std::size_t lines_lost = 0;         // that came between a restart and its `ready`
  std::uint32_t host_rate = 115200;
  bool host_flow_control = false;
  bool request_to_send = true;
  int opened = 0;

  std::size_t count(std::string_view line) const;

 private:
  friend class ScriptedTransport;
  void hear(at::Bytes bytes);
  void take_line(const std::string& line);
  bool rates_match() const { return !has_rate || rate == host_rate; }
  void deliver(std::string bytes);

  boost::asio::any_io_executor executor_;
  VirtualClock& clock_;
  std::string half_line_;
  std::string payload_;
  std::size_t payload_wanted_ = 0;
  bool restarting_ = false;
  std::string held_;  // while RTS is off
  class ScriptedTransport* port_ = nullptr;
};

}  // namespace espat::module::test
