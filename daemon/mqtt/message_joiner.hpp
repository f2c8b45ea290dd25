// Puts messages together that the firmware delivers in pieces.
//
// A message over about 1000 bytes comes as several +MQTTSUBRECV, each with its own length, without a total or an end
// mark (measured 33): the first piece fills a buffer of 1024 bytes together with the MQTT header, those behind it are
// 1024 bytes but for the last. So a piece that is not full ends its message; behind a full one, a piece of the same
// topic that follows within 50 ms belongs to it. A message whose pieces were guessed to belong together, or whose only
// piece is exactly full, is presumably complete: two messages in quick succession look the same.
//
// Sans-I/O: the owner tells what arrives and when, and calls expire() at deadline().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "at/types.hpp"
#include "module/clock.hpp"

namespace espat::mqtt {

enum class Completeness : std::uint8_t {
  certain,
  presumed,
  cut,  // longer than longest_message: this is its beginning
};

struct Message {
  std::string topic;  // as the module printed it
  std::vector<std::uint8_t> payload;
  Completeness completeness = Completeness::certain;
  unsigned pieces = 1;
};

class MessageJoiner {
 public:
  /// What is kept of one message, so that a broker cannot fill the host's memory.
  static constexpr std::size_t longest_message = std::size_t{1} << 20U;

  explicit MessageJoiner(std::function<void(Message)> deliver) : deliver_(std::move(deliver)) {}

  /// A piece's header: so many bytes follow.
  void begin(std::string topic, std::size_t length);
  void add(at::Bytes bytes);
  void end(module::TimePoint now);
  /// The rest of the piece will never come: its message is lost.
  void abort();
  /// Other payload of the module has kept the line busy: the next piece may come later for it.
  void note_traffic(module::TimePoint now);

  /// When expire() is due; never if nothing waits.
  module::TimePoint deadline() const { return deadline_; }
  void expire(module::TimePoint now);

 private:
  void deliver();

  std::function<void(Message)> deliver_;
  std::optional<Message> message_;  // being received, or waiting for another piece
  std::size_t length_ = 0;          // of its last piece
  bool broke_off_ = false;          // what comes next may be the rest of a message that is lost
  module::TimePoint deadline_ = module::never;
  module::TimePoint latest_{};  // the deadline moves no further
};

}  // namespace espat::mqtt
