#include "filters.hpp"

#include <optional>
#include <utility>

#include <regex.h>

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {

struct Filters::Expression {
  explicit Expression(const std::string& text) : good(regcomp(&compiled, text.c_str(), 0) == 0) {}
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;
  ~Expression() {
    if (good) regfree(&compiled);
  }

  /// Begin and end of the first match.
  std::optional<std::pair<std::size_t, std::size_t>> find(std::string_view message) const {
    // The message may hold any byte, so it is not a C string: its ends are handed over in the match.
    regmatch_t match{0, static_cast<regoff_t>(message.size())};
    if (regexec(&compiled, message.data(), 1, &match, REG_STARTEND) != 0) return std::nullopt;
    return std::pair(static_cast<std::size_t>(match.rm_so), static_cast<std::size_t>(match.rm_eo));
  }

  regex_t compiled{};
  bool good;
};

bool Filters::add(const std::string& head, const std::string& tail) {
  Filter filter{head, tail, nullptr, nullptr};
  for (const auto& [text, expression] :
       {std::pair(&head, &filter.head_expression), std::pair(&tail, &filter.tail_expression)}) {
    if (text->empty()) continue;
    const auto compiled = std::make_shared<const Expression>(*text);
    if (!compiled->good) return false;
    *expression = compiled;
  }
  filters_.push_back(std::move(filter));
  return true;
}

bool Filters::remove(const std::string& head, const std::string& tail) {
  return std::erase_if(filters_, [&](const auto& filter) { return filter.head == head && filter.tail == tail; }) > 0;
}

std::string Filters::list() const {
  std::string text;
  for (std::size_t i = 0; i < filters_.size(); ++i)
    text += format("+SYSMSGFILTERCFG:%zu,\"%s\",\"%s\"\r\n", i, filters_[i].head.c_str(), filters_[i].tail.c_str());
  return text;
}

std::string Filters::apply(std::string_view message) const {
  for (const auto& filter : filters_) {
    std::size_t begin = 0, end = message.size();
    if (filter.tail_expression) {
      const auto match = filter.tail_expression->find(message);
      if (!match) continue;
      end = match->first;
    }
    std::string rest(message.substr(0, end));
    if (filter.tail_expression) rest += message.substr(filter.tail_expression->find(message)->second);
    if (filter.head_expression) {
      const auto match = filter.head_expression->find(rest);
      if (!match) continue;
      begin = match->first;
      rest.erase(begin, match->second - begin);
    }
    return rest;
  }
  return std::string(message);
}

namespace {

constexpr std::int64_t longest_expression = 64;

Task<Outcome> finish(Firmware& fw, bool add, std::size_t head_size, std::string text) {
  const std::string head = text.substr(0, head_size), tail = text.substr(head_size);
  co_return (add ? fw.filters.add(head, tail) : fw.filters.remove(head, tail)) ? ok : error;
}

Outcome configure(Firmware& fw, Parameters& p) {
  const auto operation = p.integer(0);
  if (p.ok() && operation == 0 && p.count() == 1) {
    fw.filters.clear();
    return ok;
  }
  const auto head = p.integer(1), tail = p.integer(2);
  if (!p.ok() || operation < 1 || operation > 2 || head < 0 || head > longest_expression || tail < 0 ||
      tail > longest_expression || head + tail == 0)
    return error;
  fw.say("\r\nOK\r\n\r\n>");
  fw.interpreter.expect({.size = static_cast<std::size_t>(head + tail),
                         .done = [&fw, add = operation == 1, head = static_cast<std::size_t>(head)](std::string text) {
                           return finish(fw, add, head, std::move(text));
                         }});
  return nothing;
}

}  // namespace

void add_filter_commands(CommandTable& t) {
  t.query("AT+SYSMSGFILTER", [](Firmware& fw, Parameters&) {
    fw.say(format("+SYSMSGFILTER:%d\r\n", fw.filters.enabled ? 1 : 0));
    return ok;
  });
  t.set("AT+SYSMSGFILTER", 1, [](Firmware& fw, Parameters& p) {
    const auto on = p.integer(0);
    if (!p.ok() || on < 0 || on > 1) return error;
    fw.filters.enabled = on == 1;
    return ok;
  });
  t.query("AT+SYSMSGFILTERCFG", [](Firmware& fw, Parameters&) {
    fw.say(fw.filters.list());
    return ok;
  });
  t.set("AT+SYSMSGFILTERCFG", 3, configure);
}

}  // namespace sim
