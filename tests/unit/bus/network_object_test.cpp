// org.espat1.Network on a real bus: streams, TLS rules and forwards.
#include "service_fixture.hpp"

namespace espat::bus {
namespace {

TEST_F(ServiceTest, AStreamIsADescriptorThatReachesTheDaemonsEnd) {
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  sdbus::UnixFd stream;
  const auto open = [&](const std::string& type, const Dictionary& options) {
    module_proxy_->callMethod("OpenStream")
        .onInterface("org.espat1.Network")
        .withArguments(type, std::string("www.espat.example"), std::uint16_t{8080}, options)
        .storeResultsTo(stream);
  };
  open("udp", {});
  EXPECT_EQ(network_->asked.type, net::StreamType::udp);
  EXPECT_EQ(network_->asked.host, "www.espat.example");
  EXPECT_EQ(network_->asked.port, 8080);
  ASSERT_TRUE(stream.isValid());
  ASSERT_EQ(::send(network_->stream_end.get(), "hello", 5, 0), 5);
  std::array<char, 8> received{};
  EXPECT_EQ(::recv(stream.get(), received.data(), received.size(), MSG_DONTWAIT), 5);
  stream.reset();
  const auto is_closed = [&] {
    return ::recv(network_->stream_end.get(), received.data(), received.size(), MSG_DONTWAIT) == 0;
  };
  EXPECT_TRUE(eventually(is_closed)) << "somebody has kept the program's end";
  EXPECT_EQ(failure([&] { open("sctp", {}); }), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(failure([&] {
              open("tcp", {{"no-such-option", sdbus::Variant(true)}});
            }),
            "org.espat1.Error.InvalidArgument");
}

TEST_F(ServiceTest, TlsRulesAreAddedRemovedAndListedWithoutTheirKeys) {
  std::vector<Dictionary> rules;
  module_proxy_->callMethod("ListTlsRules").onInterface(network_interface).storeResultsTo(rules);
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].at("name").get<std::string>(), "key");
  EXPECT_EQ(rules[0].at("verify").get<bool>(), false);
  EXPECT_EQ(rules[0].at("psk-identity").get<std::string>(), "who");
  EXPECT_EQ(rules[0].size(), 4U) << "name, ports, verify, psk-identity, and no key";
  EXPECT_EQ(rules[1].at("ports").get<std::vector<std::uint32_t>>(), (std::vector<std::uint32_t>{8883, 1883}));
  EXPECT_EQ(rules[1].at("hosts").get<std::vector<std::string>>(), std::vector<std::string>{"*.example.org"});
  EXPECT_EQ(rules[1].at("server-name").get<std::string>(), "s.test");
  EXPECT_EQ(rules[1].at("verify").get<bool>(), true);
  EXPECT_EQ(rules[1].at("ca").get<std::uint32_t>(), 1U);
  EXPECT_EQ(rules[1].at("client-certificate").get<std::uint32_t>(), 2U);
  EXPECT_EQ(rules[1].at("alpn").get<std::vector<std::string>>(), std::vector<std::string>{"mqtt"});
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  Dictionary options;
  options["ports"] = sdbus::Variant(std::vector<std::uint32_t>{8883});
  options["hosts"] = sdbus::Variant(std::vector<std::string>{"*.example.org"});
  const auto add = [&](const char* name) {
    return failure([&] {
      module_proxy_->callMethod("AddTlsRule").onInterface(network_interface).withArguments(std::string(name), options);
    });
  };
  EXPECT_EQ(add("mqtt"), "");
  EXPECT_EQ(registry_.added, "esp0/mqtt");
  EXPECT_EQ(registry_.entry, R"({"hosts":["*.example.org"],"ports":[8883]})");
  EXPECT_EQ(add("old"), "org.espat1.Error.NotSupported");
  module_proxy_->callMethod("RemoveTlsRule")
      .onInterface(network_interface)
      .withArguments(std::string("mqtt"), Dictionary{});
  EXPECT_EQ(registry_.removed_rule, "esp0/mqtt");
}

TEST_F(ServiceTest, TellsWhyAFlowGotNoTls) {
  std::promise<Dictionary> told;
  auto watcher = sdbus::createSystemBusConnection();
  auto proxy = make_proxy(*watcher, "org.espat1", "/org/espat1/module/esp0");
  proxy->uponSignal("TlsFailed").onInterface(network_interface).call([&](const Dictionary& details) {
    told.set_value(details);
  });
#if !ESPAT_SDBUS_2
  proxy->finishRegistration();
#endif
  watcher->enterEventLoopAsync();
  run([this] {
    network_->failed({{net::Address::v4(192, 0, 2, 15), 40000},
                      {net::Address::v4(192, 0, 2, 1), 8883},
                      "mqtt.example.org",
                      "mqtt",
                      "the certificate has expired (0x1)"});
  });
  auto future = told.get_future();
  ASSERT_EQ(future.wait_for(10s), std::future_status::ready);
  const Dictionary details = future.get();
  EXPECT_EQ(details.at("local").get<std::string>(), "192.0.2.15:40000");
  EXPECT_EQ(details.at("remote").get<std::string>(), "192.0.2.1:8883");
  EXPECT_EQ(details.at("name").get<std::string>(), "mqtt.example.org");
  EXPECT_EQ(details.at("rule").get<std::string>(), "mqtt");
  EXPECT_EQ(details.at("reason").get<std::string>(), "the certificate has expired (0x1)");
  watcher->leaveEventLoop();
}

TEST_F(ServiceTest, ForwardsAreAddedListedAndRemoved) {
  std::vector<Dictionary> forwards;
  module_proxy_->callMethod("ListForwards").onInterface(network_interface).storeResultsTo(forwards);
  ASSERT_EQ(forwards.size(), 1U);
  EXPECT_EQ(forwards[0].at("name").get<std::string>(), "web");
  EXPECT_EQ(forwards[0].at("port").get<std::uint32_t>(), 8080U);
  EXPECT_EQ(forwards[0].at("to-port").get<std::uint32_t>(), 80U);
  EXPECT_EQ(forwards[0].at("type").get<std::string>(), "ssl");
  EXPECT_EQ(forwards[0].at("family").get<std::string>(), "ipv4");
  EXPECT_EQ(forwards[0].at("max-clients").get<std::uint32_t>(), 2U);
  EXPECT_EQ(forwards[0].at("state").get<std::string>(), "failed");
  EXPECT_EQ(forwards[0].at("reason").get<std::string>(), "not today \xef\xbf\xbd");
  EXPECT_EQ(forwards[0].at("clients").get<std::uint32_t>(), 1U);
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  Dictionary options;
  options["port"] = sdbus::Variant(std::uint32_t{8080});
  const auto add = [&](const char* name) {
    return failure([&] {
      module_proxy_->callMethod("AddForward").onInterface(network_interface).withArguments(std::string(name), options);
    });
  };
  EXPECT_EQ(add("web"), "");
  EXPECT_EQ(registry_.added, "esp0/web");
  EXPECT_EQ(registry_.entry, R"({"port":8080})");
  EXPECT_EQ(add("second"), "org.espat1.Error.Busy");
  module_proxy_->callMethod("RemoveForward")
      .onInterface(network_interface)
      .withArguments(std::string("web"), Dictionary{});
  EXPECT_EQ(registry_.removed, "esp0/web");
}

}  // namespace
}  // namespace espat::bus
