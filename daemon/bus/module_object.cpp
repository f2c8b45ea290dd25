// Translates between org.espat1.Module and the module.
#include "bus/module_object.hpp"

#include <algorithm>
#include <cctype>
#include <tuple>
#include <utility>

#include "at/commands.hpp"
#include "bus/report_details.hpp"
#include "bus/text.hpp"

namespace espat::bus {
namespace {

constexpr std::uint32_t shortest_timeout = 100, longest_timeout = 600'000;  // ms, of a raw command
constexpr std::uint32_t default_timeout = 5000;

const char* name_of(module::State state) {
  switch (state) {
    case module::State::offline:
      return "offline";
    case module::State::probing:
      return "probing";
    case module::State::ready:
      return "ready";
    case module::State::recovering:
      return "recovering";
    case module::State::sleeping:
      return "sleeping";
    case module::State::failed:
      break;
  }
  return "failed";
}

/// `GMR` is not taken for a command: only "AT…", and "+…" or "E0" for short.
std::string with_prefix(std::string line) {
  const bool has_it = line.size() >= 2 && std::toupper(static_cast<unsigned char>(line[0])) == 'A' &&
                      std::toupper(static_cast<unsigned char>(line[1])) == 'T';
  return has_it ? line : "AT" + line;
}

std::vector<std::string> lines_of(const at::Outcome& outcome) {
  std::vector<std::string> lines;
  for (const auto& response : outcome.responses) {
    lines.push_back(
        valid_text(response.name.empty() ? response.arguments : "+" + response.name + ":" + response.arguments));
  }
  return lines;
}

Reply<std::vector<std::string>, std::string> run_raw(std::shared_ptr<ModuleView> module, std::string line,
                                                     Options options) {
  const bool force = options.take<bool>("force").value_or(false);
  const std::uint32_t timeout = options.take<std::uint32_t>("timeout").value_or(default_timeout);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  if (timeout < shortest_timeout || timeout > longest_timeout) {
    co_return Error{ErrorKind::invalid_argument, "The time-out must be from 100 to 600000 ms."};
  }
  line = with_prefix(std::move(line));
  if (!force) {
    if (const auto reason = at::unsafe_reason(line)) co_return Error{ErrorKind::invalid_argument, *reason};
  }
  Result<at::Command> command = at::commands::raw(line, at::Milliseconds(timeout));
  if (command.has_error()) co_return command.error();
  const at::Outcome outcome = co_await module->channel().run(std::move(*command));
  if (!outcome.ok() && outcome.status != at::Outcome::Status::error) co_return outcome.error("The command");
  co_return std::tuple(lines_of(outcome), std::string(outcome.ok() ? "OK" : "ERROR"));
}

Reply<> restart(std::shared_ptr<ModuleView> module, bool factory, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  Result<void> done;
  if (factory) {
    done = co_await module->restore();
  } else {
    done = co_await module->reset();
  }
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

}  // namespace

ModuleObject::ModuleObject(Calls& calls, sdbus::IConnection& connection, const std::string& path, std::string name,
                           std::shared_ptr<ModuleView> module)
    : BusObject(calls, connection, path),
      name_(std::move(name)),
      module_(std::move(module)),
      shown_(module_->status()) {
  changes_ = module_->on_change([this] { show(); });
  reports_ = module_->channel().observe(*this);
}

void ModuleObject::announce(const std::vector<InterfaceName>& interfaces) {
  emit_added(calls_, getObject(), interfaces);
}

void ModuleObject::withdraw(const std::vector<InterfaceName>& interfaces) {
  emit_removed(calls_, getObject(), interfaces);
}

void ModuleObject::show() {
  const ModuleStatus before = std::exchange(shown_, module_->status());
  std::vector<std::string> changed;
  if (before.port != shown_.port) changed.emplace_back("Port");
  if (before.state != shown_.state) changed.emplace_back("State");
  if (before.reason != shown_.reason) changed.emplace_back("Reason");
  if (before.firmware != shown_.firmware) changed.emplace_back("Firmware");
  if (before.version != shown_.version) changed.emplace_back("Version");
  if (before.chip != shown_.chip) changed.emplace_back("Chip");
  if (before.dialect != shown_.dialect) changed.emplace_back("Dialect");
  if (before.baud_rate != shown_.baud_rate) changed.emplace_back("BaudRate");
  if (before.flow_control != shown_.flow_control) changed.emplace_back("FlowControl");
  if (before.flow_control_verified != shown_.flow_control_verified) changed.emplace_back("FlowControlVerified");
  if (before.capabilities != shown_.capabilities) changed.emplace_back("Capabilities");
  tell_changed(changed);
}

void ModuleObject::on_report(const at::Report& report) {
  if (subscribers_.empty()) return;
  const auto [name, details] = describe(report);
  emit_to(calls_, getObject(), INTERFACE_NAME, "Report", {subscribers_.begin(), subscribers_.end()}, name, details);
}

std::string ModuleObject::Port() {
  return valid_text(shown_.port);
}
std::string ModuleObject::State() {
  return name_of(shown_.state);
}
std::string ModuleObject::Reason() {
  return valid_text(shown_.reason);
}
std::vector<std::string> ModuleObject::Firmware() {
  return valid_text(shown_.firmware);
}
std::string ModuleObject::Version() {
  return valid_text(shown_.version);
}
std::string ModuleObject::Chip() {
  return valid_text(shown_.chip);
}
std::vector<std::string> ModuleObject::Capabilities() {
  return valid_text(shown_.capabilities);
}

void ModuleObject::GetCounters(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) {
  answer(calls_, getObject(), std::move(result), [module = module_]() -> Reply<std::map<std::string, std::uint64_t>> {
    co_return std::tuple(module->counters());
  });
}

void ModuleObject::Reset(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [module = module_](Options given) { return restart(module, false, std::move(given)); });
}

void ModuleObject::Restore(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::restore, std::move(options),
         [module = module_](Options given) { return restart(module, true, std::move(given)); });
}

void ModuleObject::Command(sdbus::Result<std::vector<std::string>, std::string>&& result, std::string line,
                           Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::raw_command, std::move(options),
         [module = module_, line = std::move(line)](Options given) { return run_raw(module, line, std::move(given)); });
}

void ModuleObject::Subscribe(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::monitor, std::move(options),
         [this, sender = sender_of(getObject())](Options given) -> Reply<> {
           if (const auto checked = given.check(); checked.has_error()) co_return checked.error();
           subscribers_.insert(sender);
           co_return std::tuple<>();
         });
}

void ModuleObject::Unsubscribe(sdbus::Result<>&& result) {
  answer(calls_, getObject(), std::move(result), [this, sender = sender_of(getObject())]() -> Reply<> {
    subscribers_.erase(sender);
    co_return std::tuple<>();
  });
}

}  // namespace espat::bus
