// The file of known networks: what is kept, who can read it, what happens to a damaged one.
#include "wifi/known_networks.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace espat::wifi {
namespace {

class KnownNetworksTest : public testing::Test {
 protected:
  KnownNetworksTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "espat-known-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    file_ = directory_ / "known-networks.json";
  }
  ~KnownNetworksTest() override { std::filesystem::remove_all(directory_); }
  static KnownNetwork network(std::string ssid, std::string passphrase) {
    KnownNetwork result;
    result.ssid = std::move(ssid);
    result.passphrase = std::move(passphrase);
    return result;
  }
  std::string text() const {
    std::ifstream stream(file_);
    std::ostringstream all;
    all << stream.rdbuf();
    return all.str();
  }
  std::filesystem::path directory_, file_;
};

TEST_F(KnownNetworksTest, KeepsWhatItWasToldIncludingSsidsThatAreNoText) {
  KnownNetworks store(file_);
  ASSERT_TRUE(store.load());
  ASSERT_TRUE(store.remember(network("home", "12345678")));
  auto strange = network("\xff\xfe\x01", "");
  strange.hidden = true;
  strange.autoconnect = false;
  strange.last_connected = 42;
  ASSERT_TRUE(store.remember(strange));
  KnownNetworks again(file_);
  ASSERT_TRUE(again.load());
  ASSERT_EQ(again.all().size(), 2U);
  ASSERT_NE(again.find("home"), nullptr);
  EXPECT_EQ(again.find("home")->passphrase, "12345678");
  const auto* found = again.find("\xff\xfe\x01");
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->hidden);
  EXPECT_FALSE(found->autoconnect);
  EXPECT_EQ(found->last_connected, 42U);
}

TEST_F(KnownNetworksTest, NobodyElseCanReadTheFileWhateverItsModeWas) {
  std::ofstream(file_.string() + ".new") << "left over";
  ASSERT_EQ(::chmod((file_.string() + ".new").c_str(), 0666), 0);
  KnownNetworks store(file_);
  ASSERT_TRUE(store.remember(network("home", "12345678")));
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_FALSE(std::filesystem::exists(file_.string() + ".new"));
}

TEST_F(KnownNetworksTest, ReplacesANetworkOfTheSameName) {
  KnownNetworks store(file_);
  ASSERT_TRUE(store.remember(network("home", "12345678")));
  ASSERT_TRUE(store.remember(network("home", "87654321")));
  ASSERT_EQ(store.all().size(), 1U);
  EXPECT_EQ(store.find("home")->passphrase, "87654321");
  EXPECT_EQ(text().find("12345678"), std::string::npos);
}

TEST_F(KnownNetworksTest, ForgetsOnlyWhatItKnows) {
  KnownNetworks store(file_);
  ASSERT_TRUE(store.remember(network("home", "12345678")));
  EXPECT_TRUE(store.forget("home"));
  EXPECT_EQ(text().find("12345678"), std::string::npos);
  const auto again = store.forget("home");
  ASSERT_TRUE(again.has_error());
  EXPECT_EQ(again.error().kind, ErrorKind::not_found);
}

TEST_F(KnownNetworksTest, DoesNotWriteOverAFileThatItDidNotUnderstandNorQuoteIt) {
  for (const std::string damaged :
       {"{ \"version\": 1, \"networks\": [ { \"ssid\": \"home\", \"passphrase\": \"geheim", "[]",
        "{ \"version\": 2, \"networks\": [] }", "{ \"version\": 1, \"networks\": [ { \"ssid\": 5 } ] }",
        "{ \"version\": 1, \"networks\": [ { \"ssid\": \"home\", \"passphrase\": \"geheim\" } ] }"}) {
    std::ofstream(file_) << damaged;
    KnownNetworks store(file_);
    const auto loaded = store.load();
    ASSERT_TRUE(loaded.has_error()) << damaged;
    EXPECT_NE(loaded.error().message.find(file_.string()), std::string::npos);
    EXPECT_EQ(loaded.error().message.find("geheim"), std::string::npos);
    EXPECT_TRUE(store.remember(network("other", "12345678")).has_error());
    EXPECT_EQ(text(), damaged);
  }
}

}  // namespace
}  // namespace espat::wifi
