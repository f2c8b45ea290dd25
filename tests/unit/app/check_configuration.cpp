// The configuration's reader as a program, for the test that compares it with the schema: exit status 0 or 78
// (EX_CONFIG).
#include <cstdio>

#include "app/configuration.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto configuration = espat::app::read_configuration(argv[1], {});
  if (configuration) return 0;
  std::fprintf(stderr, "%s\n", configuration.error().message.c_str());
  return 78;
}
