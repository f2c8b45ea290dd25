// Reads and writes known-networks.json:
//
//   { "version": 1, "networks": [ { "ssid": "home", "passphrase": "…", "hidden": false, "autoconnect": true,
//   "last-connected": 0 } ] }
//
// An SSID that is not UTF-8 is written as "ssid-hex" instead, since JSON text cannot carry it.
#include "wifi/known_networks.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

#include <nlohmann/json.hpp>

#include "module/state_file.hpp"
#include "wifi/network.hpp"

namespace espat::wifi {
namespace {

using nlohmann::json;

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 0xf];
  }
  return text;
}

std::optional<std::string> from_hexadecimal(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

bool is_text(std::string_view bytes) {
  try {
    (void)json(std::string(bytes)).dump();
    return true;
  } catch (const json::exception&) {  // type_error.316: not UTF-8
    return false;
  }
}

json to_json(const KnownNetwork& network) {
  json entry;
  if (is_text(network.ssid)) {
    entry["ssid"] = network.ssid;
  } else {
    entry["ssid-hex"] = hexadecimal(network.ssid);
  }
  if (!network.passphrase.empty()) entry["passphrase"] = network.passphrase;
  entry["hidden"] = network.hidden;
  entry["autoconnect"] = network.autoconnect;
  entry["last-connected"] = network.last_connected;
  return entry;
}

/// Throws json::exception for a wrong type; empty if the SSID or the passphrase cannot be.
std::optional<KnownNetwork> from_json(const json& entry) {
  KnownNetwork network;
  if (const auto found = entry.find("ssid-hex"); found != entry.end()) {
    const auto bytes = from_hexadecimal(found->get<std::string>());
    if (!bytes) return std::nullopt;
    network.ssid = *bytes;
  } else {
    network.ssid = entry.at("ssid").get<std::string>();
  }
  network.passphrase = entry.value("passphrase", "");
  network.hidden = entry.value("hidden", false);
  network.autoconnect = entry.value("autoconnect", true);
  network.last_connected = entry.value("last-connected", std::uint64_t{0});
  if (check_ssid(network.ssid).has_error() || check_passphrase(network.passphrase).has_error()) return std::nullopt;
  return network;
}

Error io_error(const std::string& what, const std::filesystem::path& file, int code) {
  return {ErrorKind::failed, what + " " + file.string() + ": " + std::generic_category().message(code) + "."};
}

}  // namespace

Result<void> KnownNetworks::load() {
  networks_.clear();
  damaged_ = false;
  std::error_code code;
  if (!std::filesystem::exists(file_, code)) {
    if (code) return io_error("Cannot look for the known networks in", file_, code.value());
    return {};
  }
  std::ifstream stream(file_);
  if (!stream) return io_error("Cannot read the known networks from", file_, errno);
  damaged_ = true;  // until it is seen not to be
  // What a parser would say about the place could quote a passphrase, so the message only counts bytes and entries.
  const auto broken = [this](const std::string& where) {
    return Error{ErrorKind::failed, "The known networks in " + file_.string() + " cannot be understood (" + where +
                                        "): repair the file, or remove it to begin with none."};
  };
  std::vector<KnownNetwork> networks;
  try {
    const json document = json::parse(stream);
    if (document.at("version").get<int>() != 1) return broken("version is not 1");
    for (const json& entry : document.at("networks")) {
      auto network = from_json(entry);
      if (!network) return broken("entry " + std::to_string(networks.size() + 1));
      networks.push_back(std::move(*network));
    }
  } catch (const json::parse_error& error) {
    return broken("byte " + std::to_string(error.byte));
  } catch (const json::exception&) {
    return broken("entry " + std::to_string(networks.size() + 1));
  }
  networks_ = std::move(networks);
  damaged_ = false;
  return {};
}

const KnownNetwork* KnownNetworks::find(std::string_view ssid) const {
  const auto found = std::find_if(networks_.begin(), networks_.end(), [&](const auto& n) { return n.ssid == ssid; });
  return found == networks_.end() ? nullptr : &*found;
}

Result<void> KnownNetworks::remember(KnownNetwork network) {
  std::erase_if(networks_, [&](const auto& known) { return known.ssid == network.ssid; });
  networks_.push_back(std::move(network));
  return save();
}

Result<void> KnownNetworks::forget(std::string_view ssid) {
  if (std::erase_if(networks_, [&](const auto& known) { return known.ssid == ssid; }) == 0) {
    return Error{ErrorKind::not_found,
                 "“" + printable(ssid) + "” is not a known network: `espatctl networks` lists them."};
  }
  return save();
}

Result<void> KnownNetworks::save() const {
  if (damaged_) {
    return Error{ErrorKind::failed, "The known networks are not saved, because " + file_.string() +
                                        " holds something that could not be understood: repair or remove it."};
  }
  json document{{"version", 1}, {"networks", json::array()}};
  for (const auto& network : networks_) document["networks"].push_back(to_json(network));
  const std::string text = document.dump(2) + "\n";
  return module::replace_state_file(file_, text);
}

}  // namespace espat::wifi
