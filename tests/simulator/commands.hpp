// The table of commands: what each name does in each form. Which of them a module has is the dialect's affair.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "outcome.hpp"
#include "parameters.hpp"
#include "signal.hpp"

namespace sim {

class Firmware;

/// A command that is done at once, and one that takes its time.
using Quick = std::function<Outcome(Firmware&, Parameters&)>;
using Slow = std::function<Task<Outcome>(Firmware&, Parameters&)>;

struct Action {
  Quick quick;
  Slow slow;
  explicit operator bool() const { return quick || slow; }
};

struct CommandEntry {
  Action query, set, execute;
  std::size_t most_parameters = 0;
};

class CommandTable {
 public:
  void query(const std::string& name, Quick quick) { entries_[name].query.quick = std::move(quick); }
  void query(const std::string& name, Slow slow) { entries_[name].query.slow = std::move(slow); }
  void execute(const std::string& name, Quick quick) { entries_[name].execute.quick = std::move(quick); }
  void execute(const std::string& name, Slow slow) { entries_[name].execute.slow = std::move(slow); }
  void set(const std::string& name, std::size_t most, Quick quick) {
    entries_[name].set.quick = std::move(quick);
    entries_[name].most_parameters = most;
  }
  void set(const std::string& name, std::size_t most, Slow slow) {
    entries_[name].set.slow = std::move(slow);
    entries_[name].most_parameters = most;
  }
  const CommandEntry* find(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, CommandEntry> entries_;
};

void add_system_commands(CommandTable& table);
void add_filter_commands(CommandTable& table);
void add_uart_commands(CommandTable& table);
void add_wifi_commands(CommandTable& table);
void add_access_point_commands(CommandTable& table);
void add_address_commands(CommandTable& table);
void add_link_commands(CommandTable& table);
void add_option_commands(CommandTable& table);
void add_server_commands(CommandTable& table);
void add_send_commands(CommandTable& table);
void add_receive_commands(CommandTable& table);
void add_passthrough_commands(CommandTable& table);
void add_name_commands(CommandTable& table);
void add_ping_command(CommandTable& table);
void add_time_commands(CommandTable& table);
void add_tls_commands(CommandTable& table);
void add_mqtt_commands(CommandTable& table);
void add_mqtt_publish_commands(CommandTable& table);
void add_bluetooth_commands(CommandTable& table);
void add_bluetooth_advertising_commands(CommandTable& table);
void add_bluetooth_client_commands(CommandTable& table);
void add_bluetooth_server_commands(CommandTable& table);

/// Every command there is.
const CommandTable& all_commands();

}  // namespace sim
