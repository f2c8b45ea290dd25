// What a lexer said, as text that a test can compare: one string per event, the chunks of a payload put together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "at/lexer.hpp"

namespace espat::at::test {

inline Bytes bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

using Events = std::vector<std::string>;

class EventRecorder : public LexerSink {
 public:
  void on_line(std::string_view line) override { events.push_back("line " + std::string(line)); }
  void on_prompt() override { events.emplace_back("prompt"); }
  void on_payload_begin(const Payload& payload) override {
    header_ = "payload " + payload.name;
    if (payload.link) header_ += " link " + std::to_string(*payload.link);
    if (payload.from) header_ += " from " + payload.from->address + " " + std::to_string(payload.from->port);
    if (!payload.arguments.empty()) header_ += " (" + payload.arguments + ")";
    data_.clear();
    expected_ = payload.length;
  }
  void on_payload_bytes(Bytes chunk, std::size_t remaining) override {
    data_.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    counts_right = counts_right && !chunk.empty() && data_.size() + remaining == expected_;
    ++chunks;
  }
  void on_payload_end(bool aborted) override {
    counts_right = counts_right && (aborted || data_.size() == expected_);
    events.push_back(header_ + (aborted ? " aborted: " : ": ") + data_);
  }
  void on_noise(Noise noise, std::size_t count) override {
    events.push_back((noise == Noise::binary ? "binary " : "overlong ") + std::to_string(count));
  }

  Events events;
  bool counts_right = true;  // `remaining` always said what was still to come
  std::size_t chunks = 0;

 private:
  std::string header_, data_;
  std::size_t expected_ = 0;
};

/// The events of an input that comes in pieces of these sizes; the rest in one piece.
inline Events events_of(std::string_view input, const std::vector<std::size_t>& pieces = {},
                        LexerOptions options = {}) {
  EventRecorder recorder;
  Lexer lexer(recorder, options);
  for (const auto size : pieces) {
    lexer.feed(bytes(input.substr(0, size)));
    input.remove_prefix(std::min(size, input.size()));
  }
  lexer.feed(bytes(input));
  if (!recorder.counts_right) recorder.events.emplace_back("WRONG COUNT");
  return recorder.events;
}

inline Events events_byte_by_byte(std::string_view input, LexerOptions options = {}) {
  return events_of(input, std::vector<std::size_t>(input.size(), 1), options);
}

}  // namespace espat::at::test
