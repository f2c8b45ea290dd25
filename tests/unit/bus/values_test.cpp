// What crosses the bus: text, errors, options; and the calls that are open.
#include <set>

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include "bus/errors.hpp"
#include "bus/jobs.hpp"
#include "bus/options.hpp"
#include "bus/text.hpp"

namespace espat::bus {
namespace {

TEST(Text, ReplacesWhatDBusCannotCarry) {
  EXPECT_EQ(valid_text("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(valid_text("a\xff"), "a\xef\xbf\xbd");
  EXPECT_EQ(valid_text(std::string("a\0b", 3)),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(valid_text("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Errors, EveryKindHasANameOfItsOwn) {
  std::set<std::string> names;
  for (const ErrorKind kind :
       {ErrorKind::failed, ErrorKind::busy, ErrorKind::in_progress, ErrorKind::timeout, ErrorKind::not_ready,
        ErrorKind::not_supported, ErrorKind::invalid_argument, ErrorKind::not_found, ErrorKind::not_authorized,
        ErrorKind::cancelled, ErrorKind::module}) {
    names.insert(error_name(kind));
  }
  EXPECT_EQ(names.size(), 11U);
  EXPECT_TRUE(names.contains("org.espat1.Error.NotAuthorized"));
  EXPECT_TRUE(names.contains("org.espat1.Error.InvalidArgument"));
}

TEST(Errors, AMessageIsAlwaysValidTextAndNeverEmpty) {
  EXPECT_EQ(to_dbus(Error{ErrorKind::module, "bad \xff"}).getMessage(), "bad \xef\xbf\xbd");
  EXPECT_FALSE(to_dbus(Error{ErrorKind::module, ""}).getMessage().empty());
}

TEST(Errors, WhatWasThrownIsTranslated) {
  const auto name = [](auto thrown) { return std::string(to_dbus(std::make_exception_ptr(thrown)).getName()); };
  EXPECT_EQ(name(boost::system::system_error(boost::asio::error::operation_aborted)), "org.espat1.Error.Cancelled");
  EXPECT_EQ(name(std::runtime_error("x")), "org.espat1.Error.Failed");
  EXPECT_EQ(name(5), "org.espat1.Error.Failed");
  EXPECT_EQ(name(make_error("org.example.Other", "x")), "org.example.Other");
}

TEST(Options, TakesIntegersOfAnyWidthThatFit) {
  Dictionary values;
  values["a"] = sdbus::Variant(std::int32_t{5000});
  values["b"] = sdbus::Variant(std::uint64_t{5'000'000'000});
  values["c"] = sdbus::Variant(std::int16_t{-1});
  Options options(std::move(values));
  EXPECT_EQ(options.take<std::uint32_t>("a"), 5000U);
  EXPECT_TRUE(options.check().has_error()) << "b and c are not taken yet";
  EXPECT_EQ(options.take<std::uint32_t>("b"), std::nullopt);
  EXPECT_EQ(options.take<std::uint32_t>("c"), std::nullopt);
  EXPECT_EQ(options.check().error().kind, ErrorKind::invalid_argument);
}

TEST(Options, RefusesUnknownKeysAndWrongTypes) {
  Dictionary values;
  values["hidden"] = sdbus::Variant(std::string("yes"));
  Options wrong(values);
  EXPECT_EQ(wrong.take<bool>("hidden"), std::nullopt);
  EXPECT_TRUE(wrong.check().has_error());
  Options unknown(values);
  ASSERT_TRUE(unknown.check().has_error());
  EXPECT_NE(unknown.check().error().message.find("hidden"), std::string::npos);
}

TEST(Options, AnSsidIsTextOrBytesNotBoth) {
  Dictionary values;
  values["ssid-bytes"] = sdbus::Variant(std::vector<std::uint8_t>{0xff, 0x20});
  Options only(values);
  const auto taken = take_ssid("", only);
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, "\xff ");
  Options both(values);
  EXPECT_TRUE(take_ssid("text", both).has_error());
}

TEST(Jobs, ACallerCannotHoldMoreCallsThanTheLimit) {
  boost::asio::io_context io;
  Jobs jobs(io.get_executor(), 2);
  const int object = 0;
  const auto first = jobs.begin(":1.1", &object);
  ASSERT_TRUE(first && jobs.begin(":1.1", &object));
  const auto third = jobs.begin(":1.1", &object);
  ASSERT_TRUE(third.has_error());
  EXPECT_EQ(third.error().kind, ErrorKind::busy);
  EXPECT_TRUE(jobs.begin(":1.2", &object)) << "another caller is not concerned";
  jobs.end(*first);
  EXPECT_TRUE(jobs.begin(":1.1", &object));
}

TEST(Jobs, CancelsWhatBelongsToACallerOrAnObject) {
  boost::asio::io_context io;
  Jobs jobs(io.get_executor());
  const int a = 0, b = 0;
  int cancelled = 0;
  for (const auto& [sender, object] : {std::pair(":1.1", &a), {":1.1", &b}, {":1.2", &a}}) {
    const auto job = jobs.begin(sender, object);
    (*job)->signal.slot().assign([&cancelled](boost::asio::cancellation_type) { ++cancelled; });
  }
  jobs.cancel_sender(":1.2");
  EXPECT_EQ(cancelled, 1);
  jobs.close(&b, {ErrorKind::not_found, "It is gone."});
  EXPECT_EQ(cancelled, 2);
  const auto refused = jobs.begin(":1.3", &b);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::not_found);
  jobs.forget(&b);
  EXPECT_TRUE(jobs.begin(":1.3", &b)) << "another object at the same address";
  jobs.stop();
  EXPECT_EQ(cancelled, 5);
  EXPECT_TRUE(jobs.begin(":1.3", &a).has_error());
}

}  // namespace
}  // namespace espat::bus
