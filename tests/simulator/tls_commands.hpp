// What AT+CIPSSLC… has set for a link, as options of a connection.
#pragma once

#include "stream.hpp"

namespace sim {

class Firmware;

/// The PEM of a slot, "client_ca" number 0 and the like: what AT+SYSMFG has written, else what the firmware was built
/// with (the world's certificates); "" if there is none.
std::string certificate(Firmware& fw, const std::string& space, int number);

TlsOptions client_tls_options(Firmware& fw, int id);
TlsOptions server_tls_options(Firmware& fw, bool check_client);

}  // namespace sim
