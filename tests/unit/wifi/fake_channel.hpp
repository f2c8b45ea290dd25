// A command channel that answers from a script: the longest prefix of the command that the script knows decides.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "module/channel.hpp"
#include "module/clock.hpp"

namespace espat::test {

/// What the module says to one command, and how long it takes to say it.
struct Answer {
  at::Outcome outcome;
  at::Milliseconds after{0};
  std::string payload{};  // comes with the answer, for those who read one
};

/// OK after responses such as `+CWSTATE:2,"home"`.
inline Answer ok(const std::vector<std::string>& lines = {}, at::Milliseconds after = at::Milliseconds(0)) {
  Answer answer;
  answer.after = after;
  answer.outcome.status = at::Outcome::Status::ok;
  for (const auto& line : lines) {
    const std::size_t colon = line.find(':');
    answer.outcome.responses.push_back({line.substr(1, colon - 1), line.substr(colon + 1)});
  }
  return answer;
}

inline Answer error(const std::vector<std::string>& lines = {}, at::Milliseconds after = at::Milliseconds(0)) {
  Answer answer = ok(lines, after);
  answer.outcome.status = at::Outcome::Status::error;
  return answer;
}

class FakeChannel final : public module::Channel {
 public:
  FakeChannel(boost::asio::io_context& io, module::Clock& clock) : io_(io), clock_(clock) {
    dialect_.family = at::Family::esp32_v4;
    dialect_.commands = {"+CWSTATE", "+CWRECONNCFG", "+CWLAP", "+CWJAP"};
  }

  void script(const std::string& prefix, std::function<Answer(const std::string&)> answer) {
    script_[prefix] = std::move(answer);
  }
  void script(const std::string& prefix, Answer answer) {
    script_[prefix] = [answer = std::move(answer)](const std::string&) { return answer; };
  }
  const std::vector<std::string>& sent() const { return sent_; }
  std::size_t count(const std::string& prefix) const {
    return static_cast<std::size_t>(
        std::count_if(sent_.begin(), sent_.end(), [&](const auto& s) { return s.starts_with(prefix); }));
  }
  void report(const at::Report& report) {
    const auto observers = observers_;
    for (auto* observer : observers) observer->on_report(report);
  }
  void become(module::State state) {
    state_ = state;
    const auto observers = observers_;
    for (auto* observer : observers) observer->on_state(state);
  }

  boost::asio::any_io_executor executor() const override { return io_.get_executor(); }
  module::State state() const override { return state_; }
  module::LineRate line_rate() const override { return {}; }
  const at::Dialect& dialect() const override { return dialect_; }
  /// A payload that nobody asked for, as a whole.
  void payload(at::PayloadKind kind, const std::string& arguments, std::string_view bytes) {
    at::Payload header;
    header.kind = kind;
    header.length = bytes.size();
    header.arguments = arguments;
    const at::Bytes chunk(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    const auto observers = observers_;
    for (auto* observer : observers) observer->on_payload(header, chunk, 0, false);
  }
  /// What happens while the command waits for its turn.
  std::function<void(const std::string& line)> on_turn;
  at::Dialect& spoken() { return dialect_; }
  /// What was written behind the prompt of each command that had one.
  const std::vector<std::string>& payloads() const { return payloads_; }

  boost::asio::awaitable<at::Outcome> run(at::Command command, module::RunOptions options) override {
    at::Outcome not_ready;
    if (state_ != module::State::ready) co_return not_ready;
    if (on_turn) on_turn(command.text());
    if (options.is_wanted && !options.is_wanted()) {
      at::Outcome unwanted;
      unwanted.status = at::Outcome::Status::cancelled;
      co_return unwanted;
    }
    sent_.push_back(command.text());
    if (!options.payload.empty()) payloads_.emplace_back(options.payload.begin(), options.payload.end());
    const std::string* best = nullptr;
    for (const auto& [prefix, ignored] : script_) {
      if (command.text().starts_with(prefix) && (best == nullptr || prefix.size() > best->size())) best = &prefix;
    }
    Answer answer = ok();
    if (best != nullptr) answer = script_.at(*best)(command.text());
    if (answer.after.count() > 0) co_await module::pause(clock_, answer.after);
    answer.outcome.elapsed = answer.after;
    if (options.on_payload && answer.outcome.ok()) {
      const at::Bytes chunk(reinterpret_cast<const std::uint8_t*>(answer.payload.data()), answer.payload.size());
      options.on_payload(at::Payload{}, chunk, 0, false);
    }
    if (state_ != module::State::ready) answer.outcome.status = at::Outcome::Status::reset;
    co_return std::move(answer.outcome);
  }
  boost::asio::awaitable<at::Outcome> send(at::LinkId, module::BlockSource) override { co_return at::Outcome{}; }
  void set_reading(bool) override {}
  bool is_busy() const override { return false; }
  module::Subscription observe(module::Observer& observer) override {
    const auto place = observers_.insert(observers_.end(), &observer);
    return module::Subscription([this, place] { observers_.erase(place); });
  }
  void report_trouble(std::string) override {}

 private:
  boost::asio::io_context& io_;
  module::Clock& clock_;
  at::Dialect dialect_;
  module::State state_ = module::State::ready;
  std::map<std::string, std::function<Answer(const std::string&)>> script_;
  std::vector<std::string> sent_;
  std::vector<std::string> payloads_;
  std::list<module::Observer*> observers_;
};

}  // namespace espat::test
