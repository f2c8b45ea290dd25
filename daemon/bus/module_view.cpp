// Turns what module::Module tells into the values that D-Bus shows.
#include "bus/module_view.hpp"

#include <list>
#include <sstream>
#include <utility>

#include "at/commands.hpp"

namespace espat::bus {
namespace {

std::string name_of(at::Family family) {
  switch (family) {
    case at::Family::esp32c61:
      return "esp32c61";
    case at::Family::esp32_v4:
      return "esp32-v4";
    case at::Family::esp32:
      return "esp32";
    case at::Family::esp8266:
      return "esp8266";
    case at::Family::unknown:
      break;
  }
  return "unknown";
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

class DaemonModule final : public ModuleView, public std::enable_shared_from_this<DaemonModule> {
 public:
  explicit DaemonModule(module::Module& module) : module_(module) {}

  void watch() {
    remember_dialect();
    module_.on_change([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->remember_dialect();
      const auto listeners = self->listeners_;  // one of them may end its own subscription
      for (const auto& changed : listeners) changed();
    });
  }

  ModuleStatus status() const override {
    ModuleStatus status;
    status.port = module_.settings().port;
    status.state = module_.state();
    status.reason = module_.reason();
    const bool open = status.state != module::State::offline && status.state != module::State::failed;
    const module::LineRate rate = module_.line_rate();
    if (open) {
      status.baud_rate = rate.baud;
      status.flow_control_verified = rate.flow_control_verified;
      if (rate.flow_control) status.flow_control = "rts-cts";
    }
    if (const auto& identity = module_.identity()) {
      status.firmware = lines_of(identity->firmware_text);
      status.version = identity->version;
      status.chip = identity->chip;
    }
    status.dialect = dialect_;
    status.capabilities = capabilities_;
    return status;
  }

  std::map<std::string, std::uint64_t> counters() const override {
    const module::ModuleCounters counters = module_.counters();
    return {{"bytes-received", counters.wire.bytes_in},
            {"bytes-sent", counters.wire.bytes_out},
            {"commands", counters.channel.commands},
            {"commands-abandoned", counters.channel.abandoned},
            {"busy", counters.channel.busy},
            {"resynchronisations", counters.channel.resyncs},
            {"noise-bytes", counters.channel.noise_bytes},
            {"resets", counters.resets},
            {"recoveries", counters.recoveries}};
  }

  boost::asio::awaitable<Result<void>> reset() override { return module_.reset(); }

  boost::asio::awaitable<Result<void>> restore() override {
    const at::Outcome outcome = co_await module_.channel().run(at::commands::restore());
    if (!outcome.ok()) co_return outcome.error("Restoring the factory settings");
    co_return Result<void>();
  }

  module::Channel& channel() override { return module_.channel(); }

  module::Subscription on_change(std::function<void()> changed) override {
    const auto place = listeners_.insert(listeners_.end(), std::move(changed));
    return module::Subscription([weak = weak_from_this(), place] {
      if (const auto self = weak.lock()) self->listeners_.erase(place);
    });
  }

 private:
  /// A dialect is only told in state ready, but what a module can do does not change while it recovers.
  void remember_dialect() {
    if (module_.state() != module::State::ready) return;
    const at::Dialect& dialect = module_.channel().dialect();
    dialect_ = name_of(dialect.family);
    capabilities_.assign(dialect.commands.begin(), dialect.commands.end());
  }

  module::Module& module_;
  std::string dialect_ = "unknown";
  std::vector<std::string> capabilities_;
  std::list<std::function<void()>> listeners_;
};

}  // namespace

std::shared_ptr<ModuleView> view_of(module::Module& module) {
  auto view = std::make_shared<DaemonModule>(module);
  view->watch();
  return view;
}

}  // namespace espat::bus
