// Who is admitted to what, with a bus and a polkit that only pretend.
#include "bus/access.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace espat::bus {
namespace {

constexpr std::uint32_t netdev = 104;

struct FakeCallers final : CallerSource {
  Result<Credentials> answer = Credentials{};
  boost::asio::awaitable<Result<Credentials>> credentials(std::string) override { co_return answer; }
};

struct FakeAuthority final : Authority {
  Verdict verdict = Verdict::absent;
  int asked = 0;
  bool interactive = false;
  boost::asio::awaitable<Verdict> check(std::string, Action, bool may_ask) override {
    ++asked;
    interactive = may_ask;
    co_return verdict;
  }
};

struct Case {
  const char* what;
  std::uint32_t user;
  std::optional<std::vector<std::uint32_t>> groups;
  Action action;
  Verdict verdict;
  bool admitted;
  int asked;
};

Result<void> admit(Access& access, Action action, bool interactive = false) {
  boost::asio::io_context io;
  Result<void> result = Error{ErrorKind::failed, "not answered"};
  boost::asio::co_spawn(io, access.admit(":1.1", action, interactive),
                        [&](std::exception_ptr, Result<void> r) { result = std::move(r); });
  io.run();
  return result;
}

TEST(Access, AdmitsRootAndNetdevByCredentialsAndAsksPolkitForTheRest) {
  const std::vector<std::uint32_t> member{1000, netdev}, stranger{1000};
  const Case cases[] = {
      {"root", 0, std::nullopt, Action::raw_command, Verdict::no, true, 0},
      {"netdev", 1000, member, Action::control, Verdict::no, true, 0},
      {"netdev restores", 1000, member, Action::restore, Verdict::no, true, 0},
      {"netdev sends raw commands", 1000, member, Action::raw_command, Verdict::no, false, 1},
      {"netdev sends raw commands, polkit agrees", 1000, member, Action::raw_command, Verdict::yes, true, 1},
      {"stranger, polkit agrees", 1000, stranger, Action::control, Verdict::yes, true, 1},
      {"stranger, polkit refuses", 1000, stranger, Action::control, Verdict::no, false, 1},
      {"stranger, polkit would ask", 1000, stranger, Action::control, Verdict::challenge, false, 1},
      {"stranger, no polkit", 1000, stranger, Action::control, Verdict::absent, false, 1},
      {"groups unknown, no polkit", 1000, std::nullopt, Action::control, Verdict::absent, false, 1},
  };
  for (const Case& c : cases) {
    FakeCallers callers;
    callers.answer = Credentials{c.user, c.groups};
    FakeAuthority authority;
    authority.verdict = c.verdict;
    Access access(callers, authority, netdev);
    const Result<void> result = admit(access, c.action);
    EXPECT_EQ(result.has_value(), c.admitted) << c.what;
    EXPECT_EQ(authority.asked, c.asked) << c.what;
    if (result.has_error()) {
      EXPECT_EQ(result.error().kind, ErrorKind::not_authorized) << c.what;
    }
  }
}

TEST(Access, WithoutGroupNetdevOnlyRootIsAdmittedByCredentials) {
  EXPECT_TRUE(admitted_by_credentials({0, std::nullopt}, Action::control, std::nullopt));
  EXPECT_FALSE(admitted_by_credentials({1000, std::vector<std::uint32_t>{netdev}}, Action::control, std::nullopt));
}

TEST(Access, RefusesACallerWhomTheBusDoesNotKnow) {
  FakeCallers callers;
  callers.answer = Error{ErrorKind::not_authorized, "gone"};
  FakeAuthority authority;
  authority.verdict = Verdict::yes;
  Access access(callers, authority, netdev);
  EXPECT_TRUE(admit(access, Action::control).has_error());
  EXPECT_EQ(authority.asked, 0);
}

TEST(Access, PolkitMayAskTheUserOnlyIfTheCallerSaidSo) {
  FakeCallers callers;
  callers.answer = Credentials{1000, std::vector<std::uint32_t>{}};
  FakeAuthority authority;
  Access access(callers, authority, netdev);
  (void)admit(access, Action::control, false);
  EXPECT_FALSE(authority.interactive);
  (void)admit(access, Action::control, true);
  EXPECT_TRUE(authority.interactive);
}

TEST(Access, EveryActionIsInThePolkitFileWithItsOwner) {
  std::ifstream stream(std::filesystem::path(ESPAT_DBUS_XML) / "org.espat1.policy");
  std::ostringstream all;
  all << stream.rdbuf();
  const std::string text = all.str();
  for (const Action action :
       {Action::control, Action::manage_modules, Action::monitor, Action::restore, Action::raw_command}) {
    const std::size_t at = text.find("<action id=\"" + std::string(action_id(action)) + "\">");
    ASSERT_NE(at, std::string::npos) << action_id(action);
    const std::string entry = text.substr(at, text.find("</action>", at) - at);
    EXPECT_NE(entry.find("org.freedesktop.policykit.owner\">unix-user:espatd<"), std::string::npos)
        << action_id(action);
  }
}

}  // namespace
}  // namespace espat::bus
