// What AT+CIPSSLC… has set for a link, as options of a connection.
#pragma once

#include "stream.hpp"

namespace sim {

class Firmware;

TlsOptions client_tls_options(Firmware& fw, int id);
TlsOptions server_tls_options(Firmware& fw, bool check_client);

}  // namespace sim
