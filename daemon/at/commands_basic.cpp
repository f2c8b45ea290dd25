// Builders of the basic commands (guide chapter 3.1).
#include "at/command_builder.hpp"
#include "at/commands.hpp"

namespace espat::at::commands {

using enum CommandBuilder::Form;

Command attention() {
  // Answered at once or not at all: it is what finds out whether the module is there.
  return CommandBuilder::basic("AT").deadline(Milliseconds(1000)).build_fixed();
}
Command echo(bool on) {
  return CommandBuilder::basic(on ? "ATE1" : "ATE0").build_fixed();
}
Command reset() {
  return CommandBuilder("RST", execute).ending(Ending::restart).build_fixed();
}
Command restore() {
  return CommandBuilder("RESTORE", execute).ending(Ending::restart).build_fixed();
}
Command version() {
  return CommandBuilder("GMR", execute).build_fixed();
}
Command command_list() {
  return CommandBuilder("CMD", query).build_fixed();
}
Command store(bool in_flash) {
  return CommandBuilder("SYSSTORE", set).number(in_flash ? 1 : 0).build_fixed();
}
Command log(bool error_codes) {
  return CommandBuilder("SYSLOG", set).number(error_codes ? 1 : 0).build_fixed();
}
Command message_mask(unsigned mask) {
  return CommandBuilder("SYSMSG", set).number(mask).build_fixed();
}
Command timestamp(std::int64_t unix_seconds) {
  return CommandBuilder("SYSTIMESTAMP", set).number(unix_seconds).build_fixed();
}
Command query_memory() {
  return CommandBuilder("SYSRAM", query).build_fixed();
}
Command query_uart() {
  return CommandBuilder("UART_CUR", query).build_fixed();
}
Command set_uart(const UartSettings& settings) {
  return CommandBuilder("UART_CUR", set)
      .number(settings.baud)
      .number(settings.data_bits)
      .number(settings.stop_bits)
      .number(settings.parity)
      .number(static_cast<int>(settings.flow_control))
      .build_fixed();
}

}  // namespace espat::at::commands
