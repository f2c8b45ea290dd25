#include "mqtt/message_joiner.hpp"

#include <algorithm>
#include <utility>

namespace espat::mqtt {
namespace {

constexpr std::size_t buffer = 1024;
constexpr std::chrono::milliseconds patience{50};
/// A whole +IPD may stand between two pieces: 2920 bytes at 115200 baud.
constexpr std::chrono::milliseconds longest_patience{350};

/// The header is 1 byte, 2 or 3 of remaining length, 2 and the topic, and from QoS 1 on 2 for the packet's number
/// (MQTT 3.1.1 section 3.3).
bool fills_first_buffer(std::size_t topic, std::size_t length) {
  for (const std::size_t header : {5U, 6U, 7U, 8U})
    if (header + topic + length == buffer) return true;
  return false;
}

}  // namespace

void MessageJoiner::begin(std::string topic, std::size_t length) {
  if (message_ && message_->topic == topic) {
    ++message_->pieces;
    message_->completeness = std::max(message_->completeness, Completeness::presumed);
  } else {
    deliver();  // what comes behind a message of another topic is none of it
    message_.emplace();
    message_->topic = std::move(topic);
    if (std::exchange(broke_off_, false)) message_->completeness = Completeness::presumed;
  }
  deadline_ = module::never;
  length_ = length;
}

void MessageJoiner::add(at::Bytes bytes) {
  if (!message_) return;
  auto& payload = message_->payload;
  const std::size_t kept = std::min(bytes.size(), longest_message - payload.size());
  payload.insert(payload.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(kept));
  if (kept < bytes.size()) message_->completeness = Completeness::cut;
}

void MessageJoiner::end(module::TimePoint now) {
  if (!message_) return;
  const bool full = message_->pieces == 1 ? fills_first_buffer(message_->topic.size(), length_) : length_ == buffer;
  if (!full) return deliver();
  deadline_ = now + patience;
  latest_ = now + longest_patience;
}

void MessageJoiner::note_traffic(module::TimePoint now) {
  if (deadline_ != module::never) deadline_ = std::min(latest_, std::max(deadline_, now + patience));
}

void MessageJoiner::abort() {
  message_.reset();
  broke_off_ = true;
}

void MessageJoiner::expire(module::TimePoint now) {
  if (now < deadline_) return;
  message_->completeness = std::max(message_->completeness, Completeness::presumed);
  deliver();
}

void MessageJoiner::deliver() {
  deadline_ = module::never;
  if (auto message = std::exchange(message_, std::nullopt)) deliver_(std::move(*message));
}

}  // namespace espat::mqtt
