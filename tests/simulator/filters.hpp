// AT+SYSMSGFILTER: what the module says is held against pairs of POSIX basic regular expressions. Where both match, the
// matching parts are cut out and the rest is said as it is (guide 3.1.17; measured, P.5). A message is what the
// firmware says as one piece; messages are never joined for matching. Volatile, like the firmware it belongs to.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outcome.hpp"

namespace sim {

class Filters {
 public:
  bool enabled = false;

  /// False: an expression is wrong.
  bool add(const std::string& head, const std::string& tail);
  /// False: there is no such filter.
  bool remove(const std::string& head, const std::string& tail);
  void clear() { filters_.clear(); }
  /// The lines of AT+SYSMSGFILTERCFG?.
  std::string list() const;
  /// What is left of a message.
  std::string apply(std::string_view message) const;

 private:
  struct Expression;
  struct Filter {
    std::string head, tail;
    std::shared_ptr<const Expression> head_expression, tail_expression;  ///< absent: always matches, cuts nothing
  };
  std::vector<Filter> filters_;
};

}  // namespace sim
