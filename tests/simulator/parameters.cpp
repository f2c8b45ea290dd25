#include "parameters.hpp"

#include <charconv>

#include "text.hpp"

namespace sim {

Parameters::Parameters(std::string_view text) {
  if (text.empty()) return;
  std::string current;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      current += text[i];
      current += text[++i];
    } else if (text[i] == ',') {
      raw_.push_back(std::move(current));
      current.clear();
    } else {
      current += text[i];
    }
  }
  raw_.push_back(std::move(current));
}

void Parameters::fail(std::size_t index) {
  if (!failed_) failed_ = static_cast<std::uint32_t>(index);
}

std::int64_t Parameters::integer(std::size_t index) {
  if (!given(index)) {
    fail(index);
    return 0;
  }
  std::string_view text = raw_[index];
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) fail(index);
  return negative ? -value : value;
}

std::string Parameters::string(std::size_t index) {
  if (!given(index)) {
    fail(index);
    return {};
  }
  const std::string& text = raw_[index];
  std::string value;
  bool closed = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (closed || text.front() != '"') break;
    if (text[i] == '\\' && i + 1 < text.size())
      value += text[++i];
    else if (text[i] == '"')
      closed = i + 1 == text.size() ? true : (fail(index), true);
    else
      value += text[i];
  }
  if (!closed) fail(index);
  return value;
}

std::int64_t Parameters::integer_or(std::size_t index, std::int64_t otherwise) {
  return given(index) ? integer(index) : otherwise;
}

std::string Parameters::string_or(std::size_t index, std::string_view otherwise) {
  return given(index) ? string(index) : std::string(otherwise);
}

std::optional<CommandLine> parse_command(std::string_view line) {
  if (line.size() < 2 || upper(line.substr(0, 2)) != "AT") return std::nullopt;
  CommandLine command;
  const auto end = line.find_first_of("=?");
  command.name = upper(line.substr(0, end));
  if (end == std::string_view::npos) return command;
  const std::string_view rest = line.substr(end);
  if (rest == "?") {
    command.form = Form::query;
  } else if (rest == "=?") {
    command.form = Form::test;
  } else if (rest.front() == '=') {
    command.form = Form::set;
    command.parameters = Parameters(rest.substr(1));
  } else {
    command.name = upper(line);  // "AT+X?rest" is no command that exists
  }
  return command;
}

}  // namespace sim
