#include "at/outcome.hpp"

#include <algorithm>
#include <cstdio>

namespace espat::at {
namespace {

std::string hexadecimal(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(value));
  return text;
}

/// What the parser of the module found wrong, from the layout of ERR CODE (quirk 43).
std::string_view meaning(std::uint32_t code) {
  switch ((code >> 16) & 0xffU) {
    case 0x02:
      return "no end of line";
    case 0x03:
      return "no command, or too long";
    case 0x04:
      return "parameter of the wrong length";
    case 0x05:
      return "parameter of the wrong type";
    case 0x06:
      return "wrong number of parameters";
    case 0x07:
      return "invalid parameter";
    case 0x08:
      return "parameter not understood";
    case 0x09:
      return "command not supported by this firmware";
    case 0x0a:
      return "command failed";
    case 0x0b:
      return "module busy";
    case 0x0c:
      return "operation failed";
    default:
      return {};
  }
}

}  // namespace

const Response* Outcome::find(std::string_view name) const {
  const auto found =
      std::find_if(responses.begin(), responses.end(), [&](const Response& r) { return r.name == name; });
  return found == responses.end() ? nullptr : &*found;
}

Error Outcome::error(std::string_view what) const {
  std::string message(what);
  const auto because = [&](std::string_view text) { message.append(": ").append(text); };
  switch (status) {
    case Status::ok:
      return {ErrorKind::failed, message};
    case Status::error:
      because("the module answered ERROR");
      if (error_code) {
        message.append(" (").append(hexadecimal(*error_code));
        if (const auto text = meaning(*error_code); !text.empty()) message.append(", ").append(text);
        message.append(")");
      }
      if (error_number) message.append(" (errno ").append(std::to_string(*error_number)).append(")");
      return {ErrorKind::module, message};
    case Status::send_failed:
      because("the module could not send all data (SEND FAIL); part of it may have reached the peer");
      return {ErrorKind::module, message};
    case Status::cancelled:
      because("cancelled");
      return {ErrorKind::cancelled, message};
    case Status::timeout:
      because("the module did not answer in time");
      return {ErrorKind::timeout, message};
    case Status::reset:
      because("the module restarted or went away before it answered; try again when it is ready");
      return {ErrorKind::not_ready, message};
    case Status::not_ready:
      because("the module is not ready");
      return {ErrorKind::not_ready, message};
  }
  return {ErrorKind::failed, message};
}

}  // namespace espat::at
