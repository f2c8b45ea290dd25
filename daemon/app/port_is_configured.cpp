// Asked by the udev rule: does the configuration name this serial port?
//
// Arguments: the device's path, then its other names relative to /dev. Exit status 0 if a configured module has one of
// them, 1 if not, also when the configuration cannot be read: espatd itself says what is wrong with it.
#include <algorithm>
#include <span>
#include <string>

#include "app/configuration.hpp"

int main(int argc, char** argv) {
  const auto configuration = espat::app::read_configuration("/etc/espatd/espatd.json", "/var/lib/espatd/modules.json");
  if (!configuration) return 1;
  const auto names = std::span(argv, static_cast<std::size_t>(argc)).subspan(1);
  const auto is_named = [&](const std::string& port) {
    return std::any_of(names.begin(), names.end(), [&](std::string name) {
      if (!name.starts_with("/")) name.insert(0, "/dev/");
      return name == port;
    });
  };
  const auto& modules = configuration->modules;
  return std::any_of(modules.begin(), modules.end(), [&](const auto& entry) { return is_named(entry.second.port); })
             ? 0
             : 1;
}
