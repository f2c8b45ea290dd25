// AT+CIPSSLCCONF, CN, SNI, ALPN, PSK: what the SSL client of each link checks and shows. Sources: F.1 to F.11.
// Certificates come from the manufacturing area (AT+SYSMFG) or, as those a firmware is built with, from the world file.
#include "tls_commands.hpp"

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

/// [<id>,]… : the links a command is about. False: ERROR.
bool which_links(Firmware& fw, Parameters& p, std::size_t& at, std::vector<int>& links) {
  at = fw.multiple ? 1 : 0;
  const auto id = fw.multiple ? p.integer(0) : 0;
  if (!p.ok() || id < 0 || id > fw.dialect().links) return false;
  for (int link = 0; link < fw.dialect().links; ++link)
    if (link == id || id == fw.dialect().links) links.push_back(link);
  return true;
}

Outcome configure(Firmware& fw, Parameters& p) {
  std::size_t at = 0;
  std::vector<int> links;
  if (!which_links(fw, p, at, links) || p.count() > at + 3) return error;
  const auto mode = p.integer(at), key = p.integer_or(at + 1, 0), ca = p.integer_or(at + 2, 0);
  if (!p.ok() || mode < 0 || mode > 3 || key < 0 || ca < 0) return error;
  if ((mode & 1) != 0) {
    if (certificate(fw, "client_cert", static_cast<int>(key)).empty()) fw.say("NO CERT FOUND\r\n");
    if (certificate(fw, "client_key", static_cast<int>(key)).empty()) fw.say("NO PRVT_KEY FOUND\r\n");
  }
  if ((mode & 2) != 0 && certificate(fw, "client_ca", static_cast<int>(ca)).empty()) fw.say("NO CA FOUND\r\n");
  auto all = fw.get("tls");
  for (const int link : links) all[static_cast<std::size_t>(link)] = {mode, key, ca};
  fw.set("tls", all);
  return ok;
}

Outcome set_text(Firmware& fw, Parameters& p, std::map<int, std::string>& texts) {
  std::size_t at = 0;
  std::vector<int> links;
  if (!which_links(fw, p, at, links) || p.count() != at + 1) return error;
  const std::string text = p.string(at);
  if (!p.ok() || text.size() > 64) return error;
  for (const int link : links) {
    if (text.empty())
      texts.erase(link);
    else
      texts[link] = text;
  }
  return ok;
}

Outcome set_protocols(Firmware& fw, Parameters& p) {
  std::size_t at = 0;
  std::vector<int> links;
  if (!which_links(fw, p, at, links)) return error;
  const auto count = p.integer(at);
  std::vector<std::string> protocols;
  for (std::size_t i = at + 1; i < p.count(); ++i) protocols.push_back(p.string(i));
  if (!p.ok() || count < 0 || count > 5 || static_cast<std::size_t>(count) != protocols.size()) return error;
  for (const int link : links) {
    if (protocols.empty())
      fw.tls.protocols.erase(link);
    else
      fw.tls.protocols[link] = protocols;
  }
  return ok;
}

std::optional<std::string> from_hex(const std::string& text) {
  std::string bytes;
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    char* end = nullptr;
    const std::string pair = text.substr(i, 2);
    bytes += static_cast<char>(std::strtoul(pair.c_str(), &end, 16));
    if (*end != '\0') return std::nullopt;
  }
  return bytes;
}

Outcome set_psk(Firmware& fw, Parameters& p, bool hex) {
  std::size_t at = 0;
  std::vector<int> links;
  if (!which_links(fw, p, at, links) || p.count() != at + 2) return error;
  const std::string key = p.string(at), hint = p.string(at + 1);
  const auto bytes = hex ? from_hex(key) : std::optional(key);
  if (!p.ok() || !bytes || key.size() > 32U * (hex ? 2U : 1U) || hint.size() > 32) return error;
  for (const int link : links) {
    if (key.empty())
      fw.tls.psk.erase(link);
    else
      fw.tls.psk[link] = {*bytes, hint};
  }
  return ok;
}

}  // namespace

std::string certificate(Firmware& fw, const std::string& space, int number) {
  const std::string key = format("%s.%d", space.c_str(), number);
  const auto& area = fw.board().nvs.manufacturing();
  if (area.contains(space) && area.at(space).contains(key))
    return area.at(space).at(key).at("value").get<std::string>();
  const auto& built_in = fw.world().certificates;
  const auto found = built_in.find(key);
  return found == built_in.end() ? std::string() : found->second;
}

TlsOptions client_tls_options(Firmware& fw, int id) {
  const auto settings = fw.get("tls").at(static_cast<std::size_t>(id));
  const int mode = settings.at(0).get<int>();
  TlsOptions options;
  options.verify = (mode & 2) != 0;
  if ((mode & 1) != 0) {
    options.certificate = certificate(fw, "client_cert", settings.at(1));
    options.key = certificate(fw, "client_key", settings.at(1));
  }
  if (options.verify) options.ca = certificate(fw, "client_ca", settings.at(2));
  if (const auto name = fw.tls.common_names.find(id); name != fw.tls.common_names.end())
    options.common_name = options.server_name = name->second;
  if (const auto name = fw.tls.server_names.find(id); name != fw.tls.server_names.end())
    options.server_name = name->second;
  if (const auto protocols = fw.tls.protocols.find(id); protocols != fw.tls.protocols.end())
    options.protocols = protocols->second;
  if (const auto psk = fw.tls.psk.find(id); psk != fw.tls.psk.end())
    std::tie(options.psk, options.psk_identity) = psk->second;
  options.now = fw.now();
  return options;
}

TlsOptions server_tls_options(Firmware& fw, bool check_client) {
  TlsOptions options;
  options.certificate = certificate(fw, "server_cert", 0);
  options.key = certificate(fw, "server_key", 0);
  options.verify = check_client;
  if (check_client) options.ca = certificate(fw, "server_ca", 0);
  options.now = fw.now();
  return options;
}

void add_tls_commands(CommandTable& t) {
  t.query("AT+CIPSSLCCONF", [](Firmware& fw, Parameters&) {
    for (int id = 0; id < (fw.multiple ? fw.dialect().links : 1); ++id) {
      const auto s = fw.get("tls").at(static_cast<std::size_t>(id));
      fw.say(format("+CIPSSLCCONF:%d,%d,%d,%d\r\n", id, s.at(0).get<int>(), s.at(1).get<int>(), s.at(2).get<int>()));
    }
    return ok;
  });
  t.set("AT+CIPSSLCCONF", 4, configure);
  t.query("AT+CIPSSLCCN", [](Firmware& fw, Parameters&) {
    for (const auto& [id, name] : fw.tls.common_names) fw.say(format("+CIPSSLCCN:%d,%s\r\n", id, name.c_str()));
    return ok;
  });
  t.set("AT+CIPSSLCCN", 2, [](Firmware& fw, Parameters& p) { return set_text(fw, p, fw.tls.common_names); });
  t.query("AT+CIPSSLCSNI", [](Firmware& fw, Parameters&) {
    for (const auto& [id, name] : fw.tls.server_names) fw.say(format("+CIPSSLCSNI:%d,%s\r\n", id, name.c_str()));
    return ok;
  });
  t.set("AT+CIPSSLCSNI", 2, [](Firmware& fw, Parameters& p) { return set_text(fw, p, fw.tls.server_names); });
  t.query("AT+CIPSSLCALPN", [](Firmware& fw, Parameters&) {
    for (const auto& [id, protocols] : fw.tls.protocols) {
      std::string text = format("+CIPSSLCALPN:%d", id);
      for (const auto& protocol : protocols) text += "," + protocol;
      fw.say(text + "\r\n");
    }
    return ok;
  });
  t.set("AT+CIPSSLCALPN", 7, set_protocols);
  for (const bool hex : {false, true}) {
    const char* name = hex ? "CIPSSLCPSKHEX" : "CIPSSLCPSK";
    t.query(std::string("AT+") + name, [name, hex](Firmware& fw, Parameters&) {
      for (const auto& [id, psk] : fw.tls.psk) {
        std::string key;
        for (const char byte : psk.first)
          key += hex ? format("%02x", static_cast<unsigned char>(byte)) : std::string(1, byte);
        fw.say(format("+%s:%d,\"%s\",\"%s\"\r\n", name, id, key.c_str(), psk.second.c_str()));
      }
      return ok;
    });
    t.set(std::string("AT+") + name, 3, [hex](Firmware& fw, Parameters& p) { return set_psk(fw, p, hex); });
  }
}

}  // namespace sim
