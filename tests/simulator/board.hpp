// The hardware: what stays when the firmware restarts. It owns the line, the flash and the world, and starts a fresh
// Firmware at every boot. Sockets of the old firmware are not closed by a restart: a peer hears nothing until it speaks
// (measured, I.10), so they lie in a graveyard and answer the first byte with RST.
#pragma once

#include <memory>
#include <string>

#include "ble_air.hpp"
#include "dialect.hpp"
#include "faults.hpp"
#include "line.hpp"
#include "nvs.hpp"
#include "world.hpp"

namespace sim {

class Firmware;

class Board {
 public:
  Board(asio::any_io_executor executor, const Dialect& dialect, World world, Nvs& nvs, Line& line, unsigned rate,
        std::uint64_t seed);
  ~Board();

  /// Power on. `pause` is how long nothing answers; the configured boot time if not given.
  void boot();
  /// Everything volatile is lost, then the firmware starts again.
  void restart();
  void stop();

  void bury(asio::ip::tcp::socket socket);

  asio::any_io_executor executor() const { return executor_; }
  Firmware* firmware() const { return firmware_.get(); }
  /// The rate of AT+UART_DEF.
  UartSettings default_uart() const;

  const Dialect& dialect;
  World world;
  Nvs& nvs;
  Line& line;
  Faults faults;
  Air air;
  std::uint64_t commands_seen = 0;
  std::uint64_t boots = 0;
  std::mt19937_64 random;
  /// True if an address belongs to this machine, so a socket can be bound to it.
  static bool is_local(const asio::ip::address& address);
  static bool is_local(const std::string& address);

 private:
  asio::any_io_executor executor_;
  unsigned first_rate_;
  std::shared_ptr<Firmware> firmware_;
};

}  // namespace sim
