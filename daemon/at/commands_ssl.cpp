// Builders of the commands that say how a link does TLS as a client (AT+CIPSSLC…, guide chapter 3.3). Each is for one
// link id and counts from its next connect. Ciphers are never set: twice for all links crashes 5.0.x (quirk 15).
#include <string>

#include "at/command_builder.hpp"
#include "at/commands.hpp"

namespace espat::at::commands {
namespace {

constexpr std::size_t longest_name = 253;      // RFC 1035; the length of the line is checked besides
constexpr std::size_t longest_protocol = 255;  // RFC 7301
constexpr std::size_t most_protocols = 5;
constexpr std::size_t longest_key = 32;  // bytes, as the guide has it for key and identity alike

CommandBuilder setting(std::string_view name, LinkId link) {
  CommandBuilder builder(name, CommandBuilder::Form::set);
  builder.number(link);
  return builder;
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 0x0fU];
  }
  return text;
}

}  // namespace

Command ssl_verification(LinkId link, SslVerification verification, unsigned key_id, unsigned authority_id) {
  return setting("CIPSSLCCONF", link)
      .number(static_cast<int>(verification))
      .number(key_id)
      .number(authority_id)
      .build_fixed();
}

Result<Command> ssl_common_name(LinkId link, std::string_view name) {
  return setting("CIPSSLCCN", link).text("Common name", name, longest_name).build();
}

Result<Command> ssl_server_name(LinkId link, std::string_view name) {
  return setting("CIPSSLCSNI", link).text("Server name", name, longest_name).build();
}

Result<Command> ssl_protocols(LinkId link, const std::vector<std::string>& protocols) {
  auto builder = setting("CIPSSLCALPN", link);
  if (protocols.size() > most_protocols) builder.refuse("At most 5 ALPN protocols");
  builder.number(static_cast<std::int64_t>(protocols.size()));
  for (const auto& protocol : protocols) builder.text("ALPN protocol", protocol, longest_protocol);
  return builder.build();
}

Result<Command> ssl_shared_key(LinkId link, std::string_view key, std::string_view identity) {
  auto builder = setting("CIPSSLCPSKHEX", link);
  if (key.size() > longest_key) builder.refuse("Pre-shared key is longer than 32 bytes");
  return builder.secret_text("Pre-shared key", hexadecimal(key), 2 * longest_key)
      .text("Identity", identity, longest_key)
      .build();
}

}  // namespace espat::at::commands
