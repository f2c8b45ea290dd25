#include "dbus_json.hpp"

namespace espat::cli {

Json to_json(const sdbus::Variant& value) {
  if (value.isEmpty()) return nullptr;
  const std::string type{value.peekValueType()};
  if (type == "b") return value.get<bool>();
  if (type == "y") return value.get<std::uint8_t>();
  if (type == "n") return value.get<std::int16_t>();
  if (type == "q") return value.get<std::uint16_t>();
  if (type == "i") return value.get<std::int32_t>();
  if (type == "u") return value.get<std::uint32_t>();
  if (type == "x") return value.get<std::int64_t>();
  if (type == "t") return value.get<std::uint64_t>();
  if (type == "d") return value.get<double>();
  if (type == "s") return value.get<std::string>();
  if (type == "o") return static_cast<const std::string&>(value.get<sdbus::ObjectPath>());
  if (type == "as") return value.get<std::vector<std::string>>();
  if (type == "au") return value.get<std::vector<std::uint32_t>>();
  if (type == "ay") return Json::binary(value.get<Bytes>());
  if (type == "a{sv}") return to_json(value.get<Dictionary>());
  if (type == "ao") {
    Json paths = Json::array();
    for (const auto& path : value.get<std::vector<sdbus::ObjectPath>>())
      paths.push_back(static_cast<const std::string&>(path));
    return paths;
  }
  if (type == "a{qv}") {
    Json object = Json::object();
    for (const auto& [number, held] : value.get<std::map<std::uint16_t, sdbus::Variant>>())
      object[std::to_string(number)] = to_json(held);
    return object;
  }
  if (type == "aa{sv}") return to_json(value.get<std::vector<Dictionary>>());
  return nullptr;
}

Json to_json(const Dictionary& dictionary) {
  Json object = Json::object();
  for (const auto& [key, value] : dictionary) object[key] = to_json(value);
  return object;
}

Json to_json(const std::vector<Dictionary>& list) {
  Json array = Json::array();
  for (const Dictionary& dictionary : list) array.push_back(to_json(dictionary));
  return array;
}

Dictionary to_dictionary(const Options& options) {
  Dictionary dictionary;
  for (const auto& [key, value] : options) {
    if (const auto* numbered = std::get_if<std::map<std::uint16_t, Bytes>>(&value)) {
      std::map<std::uint16_t, sdbus::Variant> variants;
      for (const auto& [number, bytes] : *numbered) variants[number] = sdbus::Variant{bytes};
      dictionary.emplace(key, sdbus::Variant{variants});
      continue;
    }
    dictionary.emplace(key, std::visit([](const auto& held) { return sdbus::Variant{held}; }, value));
  }
  return dictionary;
}

}  // namespace espat::cli
