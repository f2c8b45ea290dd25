#include "firmware.hpp"

#include "text.hpp"

namespace sim {
namespace {

nlohmann::json factory_settings(const Board& board) {
  using nlohmann::json;
  json settings = json::object();
  settings["cwmode"] = board.dialect.default_mode;
  settings["join"] = nullptr;
  settings["autoconn"] = 1;
  settings["reconnect"] = {1, 0};
  settings["dhcp"] = 3;
  settings["dhcps"] = {120, "192.168.4.2", "192.168.4.101"};
  settings["station-address"] = nullptr;
  settings["soft-ap"] = {{"ssid", "ESP_" + upper(board.world.access_point_mac.substr(9, 2)) +
                                      upper(board.world.access_point_mac.substr(12, 2)) +
                                      upper(board.world.access_point_mac.substr(15, 2))},
                         {"password", ""},
                         {"channel", 1},
                         {"encryption", 0},
                         {"most", 10},
                         {"hidden", 0}};
  settings["soft-ap-address"] = {"192.168.4.1", "192.168.4.1", "255.255.255.0"};
  settings["station-mac"] = board.world.station_mac;
  settings["soft-ap-mac"] = board.world.access_point_mac;
  settings["sysmsg"] = 0;
  settings["ipv6"] = 0;
  settings["dns"] = {{"manual", 0}, {"servers", json::array()}};
  settings["bandwidth"] = {2, 2};
  settings["config"] = {0, 6, 3};
  settings["station-protocol"] = settings["soft-ap-protocol"] = 7;
  settings["reconnect-interval"] = 1;
  settings["ble-name"] = board.dialect.ble_name;
  settings["ble-address-type"] = 0;
  settings["translink"] = nullptr;
  settings["tcp-options"] = json::array();
  settings["tls"] = json::array();
  for (int id = 0; id < board.dialect.links; ++id) {
    settings["tcp-options"].push_back({-1, 0, 0, 0});
    settings["tls"].push_back({0, 0, 0});
  }
  return settings;
}

}  // namespace

Firmware::Firmware(Board& hardware)
    : board_(hardware),
      interpreter(*this),
      station(*this),
      links(*this),
      receiver(*this),
      server(*this),
      names(*this),
      passthrough(*this),
      mqtt(*this),
      bluetooth(*this),
      settings_(factory_settings(hardware)),
      stop_(hardware.executor()) {
  for (const auto& [key, value] : hardware.nvs.settings().items()) settings_[key] = value;
}

void Firmware::start() {
  spawn(boot());
}

Task<void> Firmware::boot() {
  if (!world().rom_text.empty() || board_.faults.brown_outs > 0) {
    const std::string rom =
        world().rom_text.empty() ? "ESP-ROM:esp32c61-20240923\r\nrst:0xf (BROWNOUT_RST)\r\n" : world().rom_text;
    line().send(rom);
    if (board_.faults.brown_outs > 0) {
      --board_.faults.brown_outs;
      co_await sleep(world().timing.boot);
      asio::post(executor(), [&board = board_] { board.restart(); });
      co_return;
    }
  }
  booted_ = true;
  receiver.start();
  mqtt.start();
  bluetooth.start();
  station.start();
  co_await sleep(world().timing.boot);
  passthrough.start_saved();
  say("\r\nready\r\n");
  co_await interpreter.run();
}

void Firmware::stop() {
  stopped_ = true;
  server.stop();
  links.abandon();
  mqtt.abandon();
  bluetooth.stop();
  stop_.notify();
  line().wake();
}

void Firmware::say(std::string_view text) {
  if (stopped_ || board_.faults.hang) return;
  if (filters.enabled)
    line().send(filters.apply(text));
  else
    line().send(text);
}

std::string Firmware::with_id(int id, std::string_view text) const {
  return multiple ? format("%d,", id) + std::string(text) : std::string(text);
}

Task<void> Firmware::sleep(Duration time) {
  check();
  if (time <= Duration::zero() || !line().paced()) {
    if (time < std::chrono::milliseconds(20)) co_return;  // without pacing turn-arounds cost nothing
  }
  const Time end = Clock::now() + time;
  while (Clock::now() < end) co_await wait(stop_, end);
}

Task<void> Firmware::wait(Signal& signal, Time deadline) {
  check();
  co_await signal.wait(deadline);
  check();
}

Task<void> Firmware::run(std::shared_ptr<Firmware> self, Task<void> task) {
  try {
    // Never at once: what spawns a task first finishes what it is doing (an answer before the switch of AT+UART_CUR,
    // the rest of a burst before the command in it).
    co_await asio::post(executor(), asio::use_awaitable);
    co_await std::move(task);
  } catch (const Stopped&) {
  }
  (void)self;
}

void Firmware::spawn(Task<void> task) {
  asio::co_spawn(executor(), run(shared_from_this(), std::move(task)), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

void Firmware::after_answer() {
  if (after.empty()) return;
  std::string text;
  text.swap(after);
  say(text);
}

void Firmware::set(const std::string& key, nlohmann::json value) {
  settings_[key] = value;
  if (store) board_.nvs.set(key, std::move(value));
}

void Firmware::set_always(const std::string& key, nlohmann::json value) {
  settings_[key] = value;
  board_.nvs.set(key, std::move(value));
}

std::int64_t Firmware::now() const {
  return clock_offset_ + std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - booted_at_).count();
}

void Firmware::set_clock(std::int64_t seconds) {
  clock_offset_ = 0;
  clock_offset_ = seconds - now();
}

}  // namespace sim
