#include "at/command.hpp"

#include <utility>

namespace espat::at {

std::string_view Command::name() const {
  std::string_view text = text_;
  if (!text.starts_with("AT+") && !text.starts_with("at+")) return {};
  text.remove_prefix(3);
  return text.substr(0, text.find_first_of("=?"));
}

Command&& Command::with_deadline(Milliseconds deadline) && {
  deadline_ = deadline;
  return std::move(*this);
}

}  // namespace espat::at
