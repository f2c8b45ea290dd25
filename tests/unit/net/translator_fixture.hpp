// What the tests of the whole interface share: one that is up, and programs that answer while time passes.
#pragma once

#include <gtest/gtest.h>

#include "translator_world.hpp"

namespace espat::net {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Translator : testing::Test, World {
  void SetUp() override { start(); }
  /// Lets time pass while the program answers.
  void converse(HostProgram& program, module::Duration duration, milliseconds step = milliseconds(5)) {
    for (module::Duration passed{}; passed < duration; passed += step) {
      run(step);
      program.poll();
    }
  }
  at::LinkId open(HostProgram& program, const std::string& remote) {
    program.connect();
    converse(program, milliseconds(50));
    EXPECT_TRUE(program.established);
    return channel.link_to(remote).value_or(99);
  }
};

}  // namespace espat::net
