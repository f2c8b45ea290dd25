// What the kernel says through `ip` (iproute2): a second opinion on what the daemon put there.
#pragma once

#include <array>
#include <cstdio>
#include <memory>
#include <string>

namespace espat::test {

/// What `ip <arguments>` prints, errors included.
inline std::string ip(const std::string& arguments) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(("ip " + arguments + " 2>&1").c_str(), "r"),
                                                             ::pclose);
  std::string output;
  std::array<char, 512> piece;
  while (pipe && std::fgets(piece.data(), piece.size(), pipe.get()) != nullptr) output += piece.data();
  return output;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace espat::test
