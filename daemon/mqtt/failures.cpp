#include "mqtt/failures.hpp"

#include <array>
#include <chrono>
#include <string>

namespace espat::mqtt {
namespace {

using namespace std::chrono_literals;

/// A connect that fails says ERROR 5 s after its +MQTTDISCONNECTED (measured H.6): sooner than this there was an
/// answer, later there was none for 10 s (measured M.5).
constexpr auto answered_within = 9s;

struct Meaning {
  std::uint32_t first, last;
  ErrorKind kind;
  const char* sentence;
};
constexpr std::array meanings{
    Meaning{0x010a601d, 0x010a601e, ErrorKind::not_found,
            "The firmware has no certificate of its own with this number: most have number 0 only."},
    Meaning{0x010a601f, 0x010a6020, ErrorKind::not_found,
            "The firmware has no CA certificate with this number: most have number 0 only."},
    Meaning{0x010a6021, 0x010a6022, ErrorKind::not_found,
            "The module has no CA certificate for MQTT to check the broker's with: put one into its mqtt_ca."},
    Meaning{0x010a6023, 0x010a6026, ErrorKind::not_found,
            "The module has no certificate of its own for MQTT: put one into its mqtt_cert, and the key into its "
            "mqtt_key."},
};

}  // namespace

Error setting_failure(const at::Outcome& outcome, std::string_view what) {
  if (outcome.error_code) {
    for (const auto& [first, last, kind, sentence] : meanings)
      if (*outcome.error_code >= first && *outcome.error_code <= last) return {kind, sentence};
  }
  return outcome.error(what);
}

Error connect_failure(const at::Outcome& outcome, at::MqttTransport transport) {
  if (outcome.status != at::Outcome::Status::error) return outcome.error("Connecting to the broker");
  constexpr std::uint32_t wrong_name = 0x010a6052;  // AT_MQTT_HOSTNAME_VERIFY_FAILED (guide 3.5.15)
  if (outcome.error_code == wrong_name) {
    return {ErrorKind::failed, "The broker's certificate is made for another name: check host and server name."};
  }
  if (outcome.elapsed >= answered_within) {
    return {ErrorKind::timeout, "The broker does not answer: check address and port, and that it speaks MQTT there."};
  }
  std::string reason = "The broker refused the connection or the session: check port, ";
  if (is_web(transport)) reason += "path, ";
  if (is_secure(transport)) reason += "the certificates in the module, ";
  return {ErrorKind::failed, reason + "user name and password."};
}

Error subscribe_failure(const at::Outcome& outcome, std::string_view topic, std::size_t subscribed) {
  constexpr std::size_t most_topics = 10;  // guide 3.5.12
  Error error = outcome.error("Subscribing to " + std::string(topic));
  if (outcome.status == at::Outcome::Status::error && subscribed >= most_topics)
    error.message += ". The module has " + std::to_string(subscribed) + " topics: most firmware takes no more than 10.";
  return error;
}

}  // namespace espat::mqtt
