// Anything that a serial line may bring, through lexer, messages, exchange and answers.
//
// Checked: the events do not depend on how the input is cut; payload counts are right; no line is empty, holds a line
// end or is longer than the bound; nothing crashes or hangs. The first byte chooses options and the cuts.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "at/commands.hpp"
#include "at/exchange.hpp"
#include "at/lexer.hpp"
#include "at/messages.hpp"
#include "at/responses.hpp"

namespace {

using namespace espat::at;

#define REQUIRE(condition)                                                 \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                        \
    }                                                                      \
  } while (false)

/// All events as one text, the chunks of a payload joined.
class Recorder : public LexerSink {
 public:
  explicit Recorder(std::size_t longest_line) : longest_line_(longest_line) {}
  void on_line(std::string_view line) override {
    REQUIRE(!line.empty() && line.size() <= longest_line_);
    REQUIRE(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    text += "L" + std::string(line) + "\n";
    lines.emplace_back(line);
  }
  void on_prompt() override { text += ">\n"; }
  void on_payload_begin(const Payload& payload) override {
    REQUIRE(!in_payload_);
    in_payload_ = true;
    left_ = payload.length;
    text += "P" + payload.name + std::to_string(payload.length) + payload.arguments +
            (payload.link ? std::to_string(*payload.link) : "") + (payload.from ? payload.from->address : "") + ":";
  }
  void on_payload_bytes(Bytes chunk, std::size_t remaining) override {
    REQUIRE(in_payload_ && !chunk.empty() && chunk.size() + remaining == left_);
    left_ = remaining;
    text.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }
  void on_payload_end(bool aborted) override {
    REQUIRE(in_payload_ && (aborted || left_ == 0));
    in_payload_ = false;
    text += aborted ? "!\n" : ".\n";
  }
  void on_noise(Noise noise, std::size_t count) override {
    REQUIRE(count > 0);
    text += (noise == Noise::binary ? "B" : "O") + std::to_string(count) + "\n";
  }

  std::string text;
  std::vector<std::string> lines;

 private:
  std::size_t longest_line_;
  bool in_payload_ = false;
  std::size_t left_ = 0;
};

Recorder run(Bytes input, const LexerOptions& options, std::size_t piece) {
  Recorder recorder(options.longest_line);
  Lexer lexer(recorder, options);
  while (!input.empty()) {
    const auto size = std::min(piece, input.size());
    lexer.feed(input.first(size));
    input = input.subspan(size);
  }
  lexer.abort_payload();
  REQUIRE(!lexer.in_payload());
  return recorder;
}

void answer(Command command, const std::vector<std::string>& lines) {
  Exchange exchange(std::move(command));
  int finishes = 0;
  for (const auto& line : lines) finishes += exchange.on_line(line, classify(line)).finished ? 1 : 0;
  finishes += exchange.expire().finished ? 1 : 0;
  REQUIRE(finishes == 1 && exchange.is_finished());
  (void)exchange.take_outcome(Milliseconds(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const LexerOptions options{.remote_info = (data[0] & 1U) != 0,
                             .gatt_read_in_hex = (data[0] & 2U) != 0,
                             .longest_line = (data[0] & 4U) != 0 ? 32U : 2048U};
  const Bytes input(data + 1, size - 1);
  const auto whole = run(input, options, size);
  REQUIRE(run(input, options, 1).text == whole.text);
  REQUIRE(run(input, options, 1U + (data[0] >> 3U)).text == whole.text);

  std::vector<Response> responses;
  for (const auto& line : whole.lines) {
    const auto message = classify(line);
    if (const auto* response = std::get_if<Response>(&message)) responses.push_back(*response);
    if (std::holds_alternative<PlainLine>(message)) responses.push_back({{}, line});
    if (const auto command = commands::raw(line)) REQUIRE(command->text() == line);
  }
  (void)parse_station_address(responses);
  (void)parse_addresses(responses);
  (void)parse_station_mac(responses);
  (void)parse_scan(responses);
  (void)parse_joined_access_point(responses);
  (void)parse_join_error(responses);
  (void)parse_wifi_state(responses);
  (void)parse_link_list(responses);
  (void)parse_receive_lengths(responses);
  (void)parse_dns(responses);
  (void)parse_ping(responses);
  (void)parse_resolved(responses);
  (void)parse_uart(responses);
  (void)parse_firmware(responses);
  (void)parse_command_list(responses);
  (void)parse_time(responses);
  (void)parse_memory(responses);
  (void)parse_number(responses, "CIPMUX");
  (void)parse_hostname(responses);
  (void)parse_country(responses);
  answer(commands::scan(), whole.lines);
  answer(commands::send(0, 4), whole.lines);
  answer(commands::reset(), whole.lines);
  return 0;
}
