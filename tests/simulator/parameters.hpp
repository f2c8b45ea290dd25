// One command line taken apart: name, form and parameters, as measured in A.7 and A.10 of
// reference/measured-esp32-v4.1.0.0-dev.md. A comma separates parameters even inside quotes unless it is escaped;
// a backslash before any character is that character; a parameter of the wrong type or a missing one is error
// 0x0108000i with i the index of the parameter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

enum class Form { test, query, set, execute };

/// The parameters of a set command. Reading past an error is harmless: the first error sticks and the handler asks
/// ok() once, before it acts.
class Parameters {
 public:
  Parameters() = default;
  explicit Parameters(std::string_view text);

  std::size_t count() const { return raw_.size(); }
  bool given(std::size_t index) const { return index < raw_.size() && !raw_[index].empty(); }
  bool is_string(std::size_t index) const { return given(index) && raw_[index].front() == '"'; }

  /// A parameter that must be there.
  std::int64_t integer(std::size_t index);
  std::string string(std::size_t index);
  /// A parameter that may be left out or empty.
  std::int64_t integer_or(std::size_t index, std::int64_t otherwise);
  std::string string_or(std::size_t index, std::string_view otherwise);

  bool ok() const { return !failed_; }
  /// The code for SYSLOG=1 of the first error.
  std::uint32_t error_code() const { return 0x01080000U + failed_.value_or(0); }

 private:
  void fail(std::size_t index);

  std::vector<std::string> raw_;
  std::optional<std::uint32_t> failed_;
};

struct CommandLine {
  std::string name;  ///< upper case, "AT+CIPSTART", "ATE0"
  Form form = Form::execute;
  Parameters parameters;
};

/// Nothing if the line does not begin with AT (error 0x01030000).
std::optional<CommandLine> parse_command(std::string_view line);

}  // namespace sim
