// See name_server_files.hpp.
#include "net/name_server_files.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "module/state_file.hpp"

namespace espat::net {

NameServerFiles::NameServerFiles(const std::filesystem::path& runtime_directory,
                                 std::vector<std::filesystem::path> programs)
    : directory_(runtime_directory / "name-servers"),
      changed_(runtime_directory / "name-servers.changed"),
      programs_(std::move(programs)) {
  std::error_code absent;  // is how it should be
  if (std::filesystem::remove_all(directory_, absent) > 0 && !absent)
    (void)tell();  // what cannot be told now is told with the next change
}

bool NameServerFiles::are_possible() const {
  std::error_code absent;
  return std::filesystem::is_directory(directory_.parent_path(), absent);
}

bool NameServerFiles::is_resolvconf_there() const {
  std::error_code absent;
  const auto program = std::ranges::find_if(
      programs_, [&](const std::filesystem::path& path) { return std::filesystem::exists(path, absent); });
  // The resolvconf of systemd-resolved speaks to that service only, and the daemon does so itself.
  return program != programs_.end() && std::filesystem::canonical(*program, absent).filename() == program->filename();
}

Result<void> NameServerFiles::write(const std::string& interface, const std::vector<Address>& servers) {
  std::error_code failed;
  std::filesystem::create_directory(directory_, failed);
  if (failed) return Error{ErrorKind::failed, "cannot make " + directory_.string() + ": " + failed.message()};
  std::string text;
  for (const Address& server : servers) text += "nameserver " + server.text() + "\n";
  if (auto written = module::replace_state_file(directory_ / interface, text); !written) return written;
  return tell();
}

Result<void> NameServerFiles::remove(const std::string& interface) {
  std::error_code failed;
  if (!std::filesystem::remove(directory_ / interface, failed)) {
    if (!failed || failed == std::errc::no_such_file_or_directory) return {};
    return Error{ErrorKind::failed, "cannot remove " + (directory_ / interface).string() + ": " + failed.message()};
  }
  return tell();
}

Result<void> NameServerFiles::tell() {
  return module::replace_state_file(changed_, "");
}

}  // namespace espat::net
