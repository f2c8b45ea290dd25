// The module's side of a worked example (tests/conformance/dialogues), as the bytes that a module would print, and the
// events that they must give. Reads the format on its own (FORMAT.md), knowing nothing of the lexer.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "events.hpp"

namespace espat::at::test {

struct Dialogue {
  std::string stream;
  Events expected;
  bool gatt_read_in_hex = false;
};

Dialogue read_dialogue(const std::filesystem::path& file);
std::vector<std::filesystem::path> dialogue_files();

}  // namespace espat::at::test
