// What the tests of the whole interface share: one that is up, and programs that answer while time passes.
#pragma once

#include <deque>
#include <string>

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
  /// So many programs with ports 40000 on, connected one after the other to ports 80 on of 198.51.100.7.
  std::deque<HostProgram> open_several(std::uint16_t count) {
    std::deque<HostProgram> programs;
    for (std::uint16_t i = 0; i < count; ++i) {
      const auto port = static_cast<std::uint16_t>(80 + i);
      programs.emplace_back(*this, static_cast<std::uint16_t>(40000 + i), "198.51.100.7", port);
      (void)open(programs.back(), "198.51.100.7:" + std::to_string(port));
    }
    return programs;
  }
  /// A program with port 41000 that connects to 198.51.100.9:80, where nobody answers.
  std::deque<HostProgram> begin_a_connect_that_hangs() {
    channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
    std::deque<HostProgram> programs;
    programs.emplace_back(*this, std::uint16_t{41000}, "198.51.100.9", std::uint16_t{80});
    programs.back().connect();
    return programs;
  }
  /// The program takes nothing of what the far end sends: returned.
  std::string fall_behind(HostProgram& program, at::LinkId link) {
    program.reading = false;
    std::string sent;
    for (int i = 0; i < 30; ++i) {
      const std::string piece(576, static_cast<char>('a' + i % 26));
      sent += piece;
      channel.far_end_sends(link, piece);
      converse(program, milliseconds(50));
    }
    return sent;
  }
};

}  // namespace espat::net
