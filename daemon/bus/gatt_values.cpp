#include "bus/gatt_values.hpp"

#include <array>
#include <tuple>
#include <utility>

namespace espat::bus {

using bluetooth::ByteVector;
using Owner = std::shared_ptr<bluetooth::Bluetooth>;

std::vector<std::string> flags_of(std::uint8_t properties) {
  constexpr std::array names{"broadcast", "read",     "write-without-response",      "write",
                             "notify",    "indicate", "authenticated-signed-writes", "extended-properties"};
  std::vector<std::string> flags;
  for (std::size_t bit = 0; bit < names.size(); ++bit)
    if ((properties >> bit & 1) != 0) flags.emplace_back(names[bit]);
  return flags;
}

Result<void> check_writable(std::uint8_t properties) {
  constexpr unsigned either = bluetooth::property_write | bluetooth::property_write_without_response;
  if ((properties & either) != 0) return {};
  return Error{ErrorKind::not_supported, "This characteristic cannot be written."};
}

Reply<ByteVector> read_value(Owner bluetooth, std::string address, at::AttributePlace place, SeenValue seen,
                             Options options) {
  const std::uint16_t offset = options.take<std::uint16_t>("offset").value_or(0);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  Result<ByteVector> value = co_await bluetooth->read(std::move(address), place);
  if (value.has_error()) co_return value.error();
  seen(*value);
  if (offset > value->size()) {
    co_return Error{ErrorKind::invalid_argument, "The offset is behind the end of the value, which has " +
                                                     std::to_string(value->size()) + " bytes."};
  }
  value->erase(value->begin(), value->begin() + offset);
  co_return std::tuple(std::move(*value));
}

Reply<> write_value(Owner bluetooth, std::string address, at::AttributePlace place,
                    std::optional<std::uint8_t> properties, ByteVector value, Options options) {
  const std::uint16_t offset = options.take<std::uint16_t>("offset").value_or(0);
  const auto type = properties ? options.take<std::string>("type") : std::nullopt;
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  if (offset != 0) co_return Error{ErrorKind::not_supported, "The module writes a value from its beginning only."};
  if (properties) {
    if (const auto writable = check_writable(*properties); writable.has_error()) co_return writable.error();
  }
  if (type) {
    const bool with_response = (*properties & bluetooth::property_write) != 0;
    if (*type != (with_response ? "request" : "command")) {
      co_return Error{ErrorKind::not_supported,
                      "The module writes with a response where the characteristic has the flag “write”, else without: "
                      "leave the option “type” out."};
    }
  }
  const Result<void> done = co_await bluetooth->write(std::move(address), place, std::move(value));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

}  // namespace espat::bus
