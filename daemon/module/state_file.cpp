// See state_file.hpp.
#include "module/state_file.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace espat::module {
namespace {

/// Closes a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return number_; }
  bool close() { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<void> replace_state_file(const std::filesystem::path& file, std::string_view text) {
  const std::filesystem::path beside = file.string() + ".new";
  const auto failed = [&] {
    const int code = errno;
    ::unlink(beside.c_str());
    return Error{ErrorKind::failed, "cannot write " + file.string() + ": " + std::generic_category().message(code)};
  };
  Descriptor descriptor(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (descriptor.get() < 0) return failed();
  // A file left over from before may have had another mode.
  if (::fchmod(descriptor.get(), S_IRUSR | S_IWUSR) != 0 || !write_all(descriptor.get(), text) ||
      ::fsync(descriptor.get()) != 0 || !descriptor.close() || ::rename(beside.c_str(), file.c_str()) != 0)
    return failed();
  // The rename itself is only safe from a power failure once the directory is written; where it cannot be, so be it.
  const std::filesystem::path directory = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const Descriptor parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) (void)::fsync(parent.get());
  return {};
}

}  // namespace espat::module
