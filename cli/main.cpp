// espatctl: the command line tool of espatd. It parses, does the one thing asked for, and turns failures into a
// sentence, a hint and an exit status. It talks to the daemon only through org.espat1 (dbus/*.xml) and needs no
// privileges of its own.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "failure.hpp"
#include "session.hpp"
#include "terminal.hpp"

namespace {

using namespace espat::cli;

int run(const std::vector<std::string>& arguments) {
  const Parsed parsed = parse(arguments);
  if (parsed.answer) {
    std::fputs(parsed.answer->text.c_str(), parsed.answer->status == ExitStatus::success ? stdout : stderr);
    return static_cast<int>(parsed.answer->status);
  }
  const Terminal terminal = look_at_terminal();
  try {
    Session session{parsed.request->options, terminal};
    parsed.request->work(session);
    return static_cast<int>(ExitStatus::success);
  } catch (const Failure& failure) {
    std::fprintf(stderr, "espatctl: %s\n", failure.what());
    if (!failure.hint().empty()) std::fprintf(stderr, "%s\n", failure.hint().c_str());
    return static_cast<int>(failure.status());
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "espatctl: internal error: %s\n", error.what());
    return static_cast<int>(ExitStatus::failed);
  }
}
