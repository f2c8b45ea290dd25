// The command line of espatctl as a value: what to do, with which options. Usage errors and `--help` end here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "failure.hpp"
#include "session.hpp"

namespace espat::cli {

struct Request {
  GlobalOptions options;
  std::function<void(Session&)> work;
};

/// Why nothing is to be done: `text` goes to standard output if `status` is success (--help, --version), else to
/// standard error.
struct Answer {
  ExitStatus status;
  std::string text;
};

struct Parsed {
  std::optional<Request> request;  ///< exactly one of the two is there
  std::optional<Answer> answer;
};

/// `arguments` without the program's name.
Parsed parse(const std::vector<std::string>& arguments);

}  // namespace espat::cli
