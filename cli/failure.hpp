// How a verb fails: a sentence for the user, what to do about it, and the exit status that scripts rely on (DESIGN
// section 8).
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace espat::cli {

enum class ExitStatus : int {
  success = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  no_daemon = 4,
};

class Failure : public std::runtime_error {
 public:
  Failure(ExitStatus status, const std::string& sentence, std::string hint = {}, std::string error_name = {})
      : std::runtime_error{sentence}, status_{status}, hint_{std::move(hint)}, error_name_{std::move(error_name)} {}

  ExitStatus status() const { return status_; }
  /// What the user can do, a sentence; may be empty.
  const std::string& hint() const { return hint_; }
  /// The D-Bus error's name; empty if the failure did not come from the bus.
  const std::string& error_name() const { return error_name_; }

 private:
  ExitStatus status_;
  std::string hint_;
  std::string error_name_;
};

/// The failure that a D-Bus error means to the user. `name` decides status and hint; `message` is the sentence.
Failure from_bus_error(const std::string& name, const std::string& message);

}  // namespace espat::cli
