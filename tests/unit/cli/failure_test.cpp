// What each D-Bus error means to a user and to a script.
#include "failure.hpp"

#include <gtest/gtest.h>

namespace espat::cli {
namespace {

TEST(Failure, TheExitStatusFollowsTheErrorName) {
  const std::pair<const char*, ExitStatus> cases[] = {
      {"org.espat1.Error.Failed", ExitStatus::failed},
      {"org.espat1.Error.NotAuthorized", ExitStatus::failed},
      {"org.espat1.Error.InvalidArgument", ExitStatus::failed},
      {"org.espat1.Error.NotFound", ExitStatus::not_found},
      {"org.freedesktop.DBus.Error.UnknownObject", ExitStatus::not_found},
      {"org.freedesktop.DBus.Error.ServiceUnknown", ExitStatus::no_daemon},
      {"org.freedesktop.DBus.Error.NameHasNoOwner", ExitStatus::no_daemon},
      {"org.freedesktop.DBus.Error.Spawn.ExecFailed", ExitStatus::no_daemon},
      {"org.freedesktop.systemd1.NoSuchUnit", ExitStatus::no_daemon},
      {"org.freedesktop.DBus.Error.AccessDenied", ExitStatus::failed},
      {"org.freedesktop.DBus.Error.UnknownMethod", ExitStatus::failed}};
  for (const auto& [name, status] : cases) EXPECT_EQ(from_bus_error(name, "because").status(), status) << name;
}

TEST(Failure, ALostReplyIsATimeoutUnlessTheDaemonLeft) {
  const std::string name = "org.freedesktop.DBus.Error.NoReply";
  EXPECT_EQ(from_bus_error(name, "Method call timed out").status(), ExitStatus::failed);
  EXPECT_EQ(from_bus_error(name, "Message recipient disconnected from message bus without replying").status(),
            ExitStatus::no_daemon);
}

TEST(Failure, TheUserSeesTheSentenceAndNotTheName) {
  const Failure failure = from_bus_error("org.espat1.Error.Module", "the access point refused the passphrase");
  EXPECT_STREQ(failure.what(), "The access point refused the passphrase.");
  EXPECT_EQ(failure.error_name(), "org.espat1.Error.Module");
  EXPECT_STREQ(from_bus_error("org.espat1.Error.Failed", "").what(), "The daemon refused without saying why.");
  EXPECT_STREQ(from_bus_error("org.espat1.Error.Failed", "a\x1b[2Jb").what(), "A\\x1b[2Jb.");
}

TEST(Failure, HintsSayWhatToDo) {
  const auto hint = [](const char* name) { return from_bus_error(name, "no").hint(); };
  EXPECT_NE(hint("org.freedesktop.DBus.Error.ServiceUnknown").find("systemctl start espatd"), std::string::npos);
  EXPECT_NE(hint("org.espat1.Error.NotAuthorized").find("netdev"), std::string::npos);
}

}  // namespace
}  // namespace espat::cli
