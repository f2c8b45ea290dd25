// AT+UART, UART_CUR, UART_DEF. The OK goes out at the old rate, then the line switches (QUIRKS 131); the query shows
// the rate that the divider gives (K.6: 115201, 922190).
#include <cmath>

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

/// The divider has a fraction of 1/16 of an 80 MHz clock: 115200 becomes 115201, 921600 becomes 922190.
unsigned real_rate(unsigned rate) {
  const double divider = std::floor(80e6 * 16 / rate) / 16;
  return static_cast<unsigned>(80e6 / divider);
}

std::string text(const char* name, const UartSettings& uart, unsigned rate) {
  return format("+%s:%u,%d,%d,%d,%d\r\n", name, rate, uart.data_bits, uart.stop_bits, uart.parity, uart.flow_control);
}

std::optional<UartSettings> read(Parameters& p) {
  const auto rate = p.integer(0), data = p.integer(1), stop = p.integer(2), parity = p.integer(3), flow = p.integer(4);
  if (!p.ok() || rate < 80 || rate > 5000000 || data < 5 || data > 8 || stop < 1 || stop > 3 || parity < 0 ||
      parity > 2 || flow < 0 || flow > 3)
    return std::nullopt;
  UartSettings uart;
  uart.rate = static_cast<unsigned>(rate);
  uart.data_bits = static_cast<int>(data);
  uart.stop_bits = static_cast<int>(stop);
  uart.parity = static_cast<int>(parity);
  uart.flow_control = static_cast<int>(flow);
  return uart;
}

Task<void> change(Firmware& fw, UartSettings uart) {
  co_await fw.line().drained();
  fw.check();
  fw.line().configure(uart);
}

Outcome set_current(Firmware& fw, Parameters& p) {
  const auto uart = read(p);
  if (!uart) return error;
  fw.spawn(change(fw, *uart));
  return ok;
}

/// Saves for the next boots; the line changes too.
Outcome set_default(Firmware& fw, Parameters& p) {
  const auto uart = read(p);
  if (!uart) return error;
  fw.set_always("uart", {uart->rate, uart->data_bits, uart->stop_bits, uart->parity, uart->flow_control});
  fw.spawn(change(fw, *uart));
  return ok;
}

}  // namespace

void add_uart_commands(CommandTable& t) {
  for (const char* name : {"UART_CUR", "UART"}) {
    t.query(std::string("AT+") + name, [name](Firmware& fw, Parameters&) {
      fw.say(text(name, fw.line().settings(), real_rate(fw.line().settings().rate)));
      return ok;
    });
  }
  t.query("AT+UART_DEF", [](Firmware& fw, Parameters&) {
    const UartSettings uart = fw.board().default_uart();
    fw.say(text("UART_DEF", uart, uart.rate));
    return ok;
  });
  t.set("AT+UART_CUR", 5, set_current);
  t.set("AT+UART_DEF", 5, set_default);
  t.set("AT+UART", 5, set_default);
}

}  // namespace sim
