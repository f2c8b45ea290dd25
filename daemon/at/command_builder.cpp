#include "at/command_builder.hpp"

#include <stdexcept>
#include <utility>

namespace espat::at {
namespace {

/// What no command may hold: it would end the line, or be a second command (AT injection).
std::optional<std::string> forbidden(std::string_view value) {
  for (const char c : value) {
    if (c == '\r' || c == '\n') return "must not contain line breaks";
    if (c == '\0') return "must not contain NUL bytes";
  }
  return std::nullopt;
}

Error invalid(std::string_view parameter, std::string_view reason) {
  return {ErrorKind::invalid_argument, std::string(parameter).append(" ").append(reason)};
}

}  // namespace

CommandBuilder::CommandBuilder(std::string_view name, Form form) {
  command_.text_.append("AT+").append(name);
  if (form == Form::query) command_.text_ += '?';
  if (form == Form::set) command_.text_ += '=';
  const auto timing = timing_of(name);
  command_.deadline_ = timing.deadline;
  command_.holds_ = timing.holds;
}

CommandBuilder CommandBuilder::basic(std::string_view text) {
  CommandBuilder builder;
  builder.command_.text_ = text;
  builder.command_.deadline_ = timing_of({}).deadline;
  return builder;
}

void CommandBuilder::separator() {
  if (!std::exchange(first_parameter_, false)) command_.text_ += ',';
}

CommandBuilder& CommandBuilder::number(std::int64_t value) {
  separator();
  command_.text_ += std::to_string(value);
  return *this;
}

CommandBuilder& CommandBuilder::optional_number(const std::optional<std::int64_t>& value) {
  return value ? number(*value) : skip();
}

CommandBuilder& CommandBuilder::text(std::string_view parameter, std::string_view value, std::size_t longest) {
  separator();
  append_escaped(parameter, value, longest);
  return *this;
}

CommandBuilder& CommandBuilder::optional_text(std::string_view parameter, std::string_view value, std::size_t longest) {
  return value.empty() ? skip() : text(parameter, value, longest);
}

CommandBuilder& CommandBuilder::secret_text(std::string_view parameter, std::string_view value, std::size_t longest) {
  command_.secret_ = true;
  return text(parameter, value, longest);
}

CommandBuilder& CommandBuilder::word(std::string_view constant) {
  return text("word", constant);
}

CommandBuilder& CommandBuilder::skip() {
  separator();
  return *this;
}

CommandBuilder& CommandBuilder::ending(Ending ending) {
  command_.ending_ = ending;
  return *this;
}

CommandBuilder& CommandBuilder::payload(std::size_t length) {
  command_.payload_length_ = length;
  return *this;
}

CommandBuilder& CommandBuilder::deadline(Milliseconds deadline) {
  command_.deadline_ = deadline;
  return *this;
}

CommandBuilder& CommandBuilder::holds(Holds holds) {
  command_.holds_ = holds;
  return *this;
}

CommandBuilder& CommandBuilder::refuse(std::string message) {
  if (!error_) error_ = Error{ErrorKind::invalid_argument, std::move(message)};
  return *this;
}

void CommandBuilder::append_escaped(std::string_view parameter, std::string_view value, std::size_t longest) {
  if (const auto reason = forbidden(value); reason && !error_) error_ = invalid(parameter, *reason);
  if (value.size() > longest && !error_)
    error_ = invalid(parameter, "is longer than " + std::to_string(longest) + " bytes");
  command_.text_ += '"';
  for (const char c : value) {
    if (c == '\\' || c == ',' || c == '"') command_.text_ += '\\';
    command_.text_ += c;
  }
  command_.text_ += '"';
}

Result<Command> CommandBuilder::build() {
  if (error_) return std::move(*error_);
  auto& text = command_.text_;
  while (text.ends_with(',')) text.pop_back();
  if (text.size() > longest_command)
    return Error{ErrorKind::invalid_argument, "AT+" + std::string(command_.name()) + " would be " +
                                                  std::to_string(text.size()) +
                                                  " bytes long; the module takes 254. Use shorter values"};
  return std::move(command_);
}

Command CommandBuilder::build_fixed() {
  auto command = build();
  if (!command) throw std::logic_error("a command without user's strings was refused: " + command.error().message);
  return std::move(*command);
}

Result<Command> CommandBuilder::raw(std::string_view line, std::optional<Milliseconds> deadline) {
  if (const auto reason = forbidden(line)) return invalid("The command", *reason);
  if (line.size() < 2 || (line.substr(0, 2) != "AT" && line.substr(0, 2) != "at"))
    return invalid("The command", "must begin with AT");
  if (line.size() > longest_command)
    return invalid("The command", "is longer than the 254 bytes that the module takes");
  CommandBuilder builder = basic(line);
  // A line that somebody typed may hold a passphrase anywhere.
  builder.command_.secret_ = true;
  const auto name = builder.command_.name();
  const auto timing = timing_of(name);
  builder.command_.deadline_ = deadline.value_or(timing.deadline);
  builder.command_.holds_ = timing.holds;
  if (name == "RST" || name == "RESTORE") builder.command_.ending_ = Ending::restart;
  return std::move(builder.command_);
}

}  // namespace espat::at
