// Parameters of the MQTT commands. These do not answer with the parser's codes but with codes of their own (guide
// 3.5.15; 0x010a6011, 6013 and others are measured, A.9, H.10): one for a parameter that cannot be read, next to it one
// for a string that is missing, then one for a value out of its range or too long.
#pragma once

#include <optional>
#include <string>

#include "outcome.hpp"
#include "parameters.hpp"
#include "signal.hpp"

namespace sim {

enum class MqttError : std::uint32_t {
  not_configured = 0x6001,
  not_in_configured_state = 0x6002,
  already_clean = 0x6003,
  already_connected = 0x6004,
  out_of_memory = 0x6005,
  no_client = 0x6006,
  wrong_count = 0x6008,
  publish_failed = 0x600c,
  subscribe_failed = 0x600d,
  unsubscribe_failed = 0x600e,
  link = 0x6010,  ///< from here on: the code for "cannot be read" of each parameter
  scheme = 0x6012,
  client_id = 0x6014,
  username = 0x6017,
  password = 0x601a,
  key_slot = 0x601d,
  ca_slot = 0x601f,
  no_ca = 0x6021,
  no_certificate = 0x6023,
  no_key = 0x6025,
  path = 0x6027,
  keep_alive = 0x602b,
  clean_session = 0x602e,
  will_topic = 0x6030,
  will_message = 0x6033,
  will_qos = 0x6036,
  will_retain = 0x6038,
  host = 0x603a,
  port = 0x603d,
  reconnect = 0x603f,
  topic = 0x6041,
  data = 0x6044,
  qos = 0x6047,
  retain = 0x6049,
  length = 0x604b,
  disconnected = 0x6051
};

constexpr Outcome mqtt_error(MqttError code, unsigned further = 0) {
  return {.kind = Outcome::Kind::error, .code = 0x010a0000U + static_cast<std::uint32_t>(code) + further};
}

/// Reads one parameter after another. The first error sticks; the rest are then empty.
class MqttParameters {
 public:
  /// A command of `least` to `most` parameters, the first of which is the link, always 0.
  MqttParameters(const Parameters& parameters, std::size_t least, std::size_t most) : parameters_(parameters) {
    if (parameters.count() < least || parameters.count() > most) fail(MqttError::wrong_count, 0);
    integer(MqttError::link, 0, 0);
  }

  /// `wrong`: how far the code for a value out of its range is from that for one that cannot be read.
  int integer(MqttError code, std::int64_t low, std::int64_t high, unsigned wrong = 1) {
    Parameters one = parameters_;
    const auto value = one.integer(at_++);
    if (!one.ok())
      fail(code, 0);
    else if (value < low || value > high)
      fail(code, wrong);
    return ok() ? static_cast<int>(value) : 0;
  }
  /// One that may be empty.
  int integer_or(MqttError code, std::int64_t low, std::int64_t high, int otherwise) {
    if (parameters_.given(at_)) return integer(code, low, high);
    ++at_;
    return otherwise;
  }
  std::string string(MqttError code, std::size_t longest) {
    Parameters one = parameters_;
    const bool given = one.given(at_);
    std::string value = one.string(at_++);
    if (!given)
      fail(code, 1);
    else if (!one.ok())
      fail(code, 0);
    else if (value.size() > longest)
      fail(code, 2);
    return ok() ? value : std::string();
  }
  /// One of at least a byte.
  std::string name(MqttError code, std::size_t longest) {
    std::string value = string(code, longest);
    if (ok() && value.empty()) fail(code, 1);
    return value;
  }
  /// <timeout_ms>, 3 to 60 s. The guide names no code for it.
  Duration time_limit(Duration otherwise) {
    if (!parameters_.given(at_)) return otherwise;
    Parameters one = parameters_;
    const auto value = one.integer(at_++);
    if (ok() && (!one.ok() || value < 3000 || value > 60000)) failed_ = error;
    return std::chrono::milliseconds(value);
  }

  std::size_t left() const { return parameters_.count() > at_ ? parameters_.count() - at_ : 0; }
  bool ok() const { return !failed_; }
  const Outcome& outcome() const { return *failed_; }

 private:
  void fail(MqttError code, unsigned further) {
    if (!failed_) failed_ = mqtt_error(code, further);
  }

  Parameters parameters_;
  std::size_t at_ = 0;
  std::optional<Outcome> failed_;
};

}  // namespace sim
