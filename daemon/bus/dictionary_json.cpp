// See dictionary_json.hpp.
#include "bus/dictionary_json.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "bus/integers.hpp"

namespace espat::bus {
namespace {

// A name of its own: to_json() here would hide the other, and a dictionary would turn into a variant and back for ever.
std::optional<nlohmann::json> value_to_json(const sdbus::Variant& value) {
  std::optional<nlohmann::json> result;
  const auto as = [&]<class T>(T) {
    if (!result && value.containsValueOfType<T>()) result = value.get<T>();
  };
  as(bool{});
  as(std::string{});
  as(double{});
  with_integer(value, [&result](auto held) { result = held; });
  as(std::vector<std::string>{});
  as(std::vector<std::uint16_t>{});
  as(std::vector<std::uint32_t>{});
  if (!result && value.containsValueOfType<Dictionary>()) result = to_json(value.get<Dictionary>());
  return result;
}

}  // namespace

std::optional<nlohmann::json> to_json(const Dictionary& dictionary) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [key, value] : dictionary) {
    auto converted = value_to_json(value);
    if (!converted) return std::nullopt;
    object[key] = std::move(*converted);
  }
  return object;
}

}  // namespace espat::bus
