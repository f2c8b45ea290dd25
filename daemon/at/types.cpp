#include "at/types.hpp"

#include <stdexcept>

namespace espat::at {

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  throw std::logic_error("value taken from an error at " + std::string(where.file_name()) + ":" +
                         std::to_string(where.line()) + ": " + error.message);
}

}  // namespace espat::at
