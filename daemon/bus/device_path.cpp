#include "bus/device_path.hpp"

#include <algorithm>
#include <cctype>

#include "at/fields.hpp"

namespace espat::bus {

std::string device_path(const std::string& module_path, const std::string& address) {
  std::string name = address;
  for (char& c : name) c = c == ':' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return module_path + "/dev_" + name;
}

std::string device_address(const std::string& module_path, const std::string& path) {
  const std::string prefix = module_path + "/dev_";
  if (!path.starts_with(prefix)) return {};
  std::string address = path.substr(prefix.size());
  std::replace(address.begin(), address.end(), '_', ':');
  return at::parse_mac(address);
}

}  // namespace espat::bus
