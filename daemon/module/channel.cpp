#include "module/channel.hpp"

#include <spdlog/spdlog.h>

namespace espat::module {

spdlog::logger& Channel::log() const {
  return *spdlog::default_logger_raw();
}

}  // namespace espat::module
