// See logging.hpp.
#include "app/logging.hpp"

#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-journal.h>

namespace espat::app {
namespace {

constexpr const char* kDefaultLogger = "espatd";

int syslog_priority(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical:
      return 2;
    case spdlog::level::err:
      return 3;
    case spdlog::level::warn:
      return 4;
    case spdlog::level::info:
      return 6;
    default:
      return 7;
  }
}

class JournalSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view name(message.logger_name.data(), message.logger_name.size());
    std::string text = "MESSAGE=";
    if (name != kDefaultLogger) text.append(name).append(": ");
    text.append(message.payload.data(), message.payload.size());
    const std::string priority = "PRIORITY=" + std::to_string(syslog_priority(message.level));
    const std::string module = "ESPAT_MODULE=" + std::string(name);
    std::array<iovec, 4> fields{};
    int count = 0;
    const auto add = [&](const std::string& field) {
      fields[static_cast<std::size_t>(count++)] = {const_cast<char*>(field.data()), field.size()};  // sendv only reads
    };
    static const std::string identifier = "SYSLOG_IDENTIFIER=espatd";
    add(text);
    add(priority);
    add(identifier);
    if (name != kDefaultLogger) add(module);
    sd_journal_sendv(fields.data(), count);
  }
  void flush_() override {}
};

/// systemd names the stream it reads in $JOURNAL_STREAM; only if that is still our standard error do messages belong to
/// the journal.
bool standard_error_is_the_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) < 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

}  // namespace

Result<void> set_up_logging(const std::string& level) {
  const auto parsed = spdlog::level::from_str(level == "warning" ? "warn" : level);
  if (parsed == spdlog::level::off && level != "off")
    return Error{ErrorKind::invalid_argument,
                 "unknown log level \"" + level + "\": use trace, debug, info, warning, error or off"};
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (standard_error_is_the_journal()) {
    sink = std::make_shared<JournalSink>();
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_st>();
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %n: %v");
  }
  auto logger = std::make_shared<spdlog::logger>(kDefaultLogger, std::move(sink));
  logger->set_level(parsed);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

}  // namespace espat::app
