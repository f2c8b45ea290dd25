// An exchange as a test drives it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "at/exchange.hpp"
#include "events.hpp"

namespace espat::at::test {

/// An exchange behind a real lexer, as the channel drives it; remembers what it was told to do.
class Driver : public LexerSink {
 public:
  explicit Driver(Command command, Exchange::Options options = {}) : exchange(std::move(command), options) {}

  Driver& module_says(std::string_view text) {
    lexer_.feed(bytes(text));
    return *this;
  }
  void on_line(std::string_view line) override { note(exchange.on_line(line, classify(line)), std::string(line)); }
  void on_prompt() override { note(exchange.on_prompt(), ">"); }
  void on_payload_begin(const Payload& payload) override {
    (exchange.on_payload(payload) ? own_payloads : foreign_payloads).push_back(payload.name);
  }
  void on_payload_bytes(Bytes, std::size_t) override {}
  void on_payload_end(bool) override {}
  void on_noise(Noise, std::size_t) override {}

  void note(const Reaction& reaction, const std::string& line) {
    if (reaction.report) reports.push_back(line);
    if (reaction.write_payload) ++prompts;
    if (reaction.busy) ++busy;
    if (reaction.unexpected_echo) ++echoes;
    if (reaction.unexpected_prompt) ++stray_prompts;
    if (reaction.finished) ++finishes;
    if (!reaction.consumed && !reaction.report && !reaction.unexpected_prompt) strangers.push_back(line);
  }
  Outcome outcome() { return exchange.take_outcome(Milliseconds(7)); }

  Exchange exchange;
  std::vector<std::string> reports, strangers, own_payloads, foreign_payloads;
  int prompts = 0, busy = 0, echoes = 0, stray_prompts = 0, finishes = 0;

 private:
  Lexer lexer_{*this};
};

using Lines = std::vector<std::string>;

}  // namespace espat::at::test
