// What the files of the verb `mqtt` share.
#pragma once

#include "verbs.hpp"

namespace espat::cli {

void add_mqtt_message_verbs(CLI::App& mqtt, Plan& plan);  ///< pub, sub, unsub

}  // namespace espat::cli
