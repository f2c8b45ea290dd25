// The running firmware, from one boot to the next: settings, the AT interpreter, the station, the links. A restart
// throws the whole object away, as it does on the chip.
//
// Coroutines of a stopped firmware end by the exception Stopped, thrown from sleep(), wait() or check(); spawn() keeps
// the firmware alive until the last of them is gone. After stop() nothing is said any more.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "ble.hpp"
#include "board.hpp"
#include "filters.hpp"
#include "interpreter.hpp"
#include "links.hpp"
#include "mqtt.hpp"
#include "names.hpp"
#include "passthrough.hpp"
#include "receiver.hpp"
#include "server.hpp"
#include "station.hpp"

namespace sim {

struct Stopped {};

class Firmware : public std::enable_shared_from_this<Firmware> {
  Board& board_;  // first: the parts below ask for it while they are made

 public:
  explicit Firmware(Board& board);

  void start();
  void stop();
  bool stopped() const { return stopped_; }

  /// Puts text on the line as one piece.
  void say(std::string_view text);
  /// "n,TEXT" or "TEXT", as AT+CIPMUX says.
  std::string with_id(int id, std::string_view text) const;

  void check() const {
    if (stopped_) throw Stopped{};
  }
  Task<void> sleep(Duration time);
  Task<void> wait(Signal& signal, Time deadline = Time::max());
  void spawn(Task<void> task);

  /// Runs after the final answer of each command: what had to wait for it.
  void after_answer();
  /// Reports that may only follow the next final answer (AT+CWQAP: n,CLOSED after OK).
  std::string after;

  /// A setting that AT+SYSSTORE governs, and one that is always saved.
  void set(const std::string& key, nlohmann::json value);
  void set_always(const std::string& key, nlohmann::json value);
  const nlohmann::json& get(const std::string& key) const { return settings_.at(key); }
  int number(const std::string& key) const { return settings_.at(key).get<int>(); }

  /// Seconds since 1970 by the module's clock, which starts at 0 at boot.
  std::int64_t now() const;
  void set_clock(std::int64_t seconds);

  Board& board() { return board_; }
  World& world() { return board_.world; }
  Line& line() { return board_.line; }
  const Dialect& dialect() const { return board_.dialect; }
  asio::any_io_executor executor() { return board_.executor(); }

  // Volatile settings
  bool echo = true;
  bool error_codes = false;  ///< AT+SYSLOG
  bool store = true;         ///< AT+SYSSTORE
  bool multiple = false;     ///< AT+CIPMUX
  bool show_remote = false;  ///< AT+CIPDINFO
  int sleep_mode = 1;
  int packet_interval = 20;  ///< AT+TRANSINTVL, ms
  struct ModuleClock {
    bool enabled = false;  ///< AT+CIPSNTPCFG
    int zone = 0;          ///< hours, or hhmm
    int interval = 3600;
    std::vector<std::string> servers;
  } clock;
  /// What AT+CIPSSLC… keeps for each link and never saves.
  struct TlsSettings {
    std::map<int, std::string> common_names, server_names;
    std::map<int, std::vector<std::string>> protocols;
    std::map<int, std::pair<std::string, std::string>> psk;  ///< key, identity
  } tls;
  Filters filters;  ///< AT+SYSMSGFILTER
  bool messages(int bit) const { return (number("sysmsg") >> bit & 1) != 0; }

  Interpreter interpreter;
  Station station;
  LinkTable links;
  Receiver receiver;
  Server server;
  Names names;
  Passthrough passthrough;
  Mqtt mqtt;
  Bluetooth bluetooth;

 private:
  Task<void> boot();
  Task<void> run(std::shared_ptr<Firmware> self, Task<void> task);

  bool stopped_ = false;
  bool booted_ = false;
  nlohmann::json settings_;
  Signal stop_;
  Time booted_at_ = Clock::now();
  std::int64_t clock_offset_ = 0;
};

}  // namespace sim
