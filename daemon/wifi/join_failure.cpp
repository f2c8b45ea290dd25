// +CWJAP:<n> in words (guide 3.2.7, quirk 122, measured I.8).
#include "wifi/join_failure.hpp"

#include "at/responses.hpp"
#include "wifi/network.hpp"

namespace espat::wifi {

Error join_failure(const at::Outcome& outcome, std::string_view ssid, unsigned samples) {
  const std::string network = "“" + printable(ssid) + "”";
  if (outcome.status != at::Outcome::Status::error) return outcome.error("Joining " + network);
  switch (at::parse_join_error(outcome.responses).value_or(at::JoinError::other)) {
    case at::JoinError::timeout:
      return {ErrorKind::timeout,
              network + " did not answer in time: try again, or move the module closer to the access point."};
    case at::JoinError::wrong_password:
      if (samples > 1) return {ErrorKind::module, network + " did not accept the passphrase: check it."};
      return {ErrorKind::module,
              network + " did not let the module in, most likely because the passphrase is wrong: check it."};
    case at::JoinError::not_found:
      return {ErrorKind::not_found,
              network + " was not found: check its name with a scan; most modules hear only the 2.4 GHz band."};
    case at::JoinError::failed:
      return {ErrorKind::module,
              "Joining " + network +
                  " failed: check the passphrase, and that the network's security is one the module knows."};
    case at::JoinError::other:
      break;
  }
  return {ErrorKind::module, "Joining " + network + " failed, and the module did not say why: try again."};
}

}  // namespace espat::wifi
