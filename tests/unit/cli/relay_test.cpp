// The relay between input, output and a stream, with real descriptors.
#include "relay.hpp"

#include <array>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace espat::cli {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe(ends.data()), 0); }
  ~Pipe() {
    close_read();
    close_write();
  }
  void close_read() { close(0); }
  void close_write() { close(1); }
  void close(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  int read_end() const { return ends[0]; }
  int write_end() const { return ends[1]; }
  std::array<int, 2> ends{};
};

std::string read_all(int descriptor) {
  std::string all;
  std::array<char, 5000> piece{};
  for (ssize_t size = 0; (size = ::read(descriptor, piece.data(), piece.size())) > 0;)
    all.append(piece.data(), static_cast<std::size_t>(size));
  return all;
}

void write_all(int descriptor, const std::string& data) {
  for (std::size_t at = 0; at < data.size();) {
    const ssize_t size = ::write(descriptor, data.data() + at, data.size() - at);
    if (size <= 0) return;
    at += static_cast<std::size_t>(size);
  }
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13U);
  return bytes;
}

struct Relay : testing::Test {
  void open(int type) { ASSERT_EQ(::socketpair(AF_UNIX, type, 0, stream.data()), 0); }
  void TearDown() override {
    if (stream[0] >= 0) ::close(stream[0]);
    close_far_end();
  }
  void close_far_end() {
    if (stream[1] >= 0) ::close(stream[1]);
    stream[1] = -1;
  }
  RelayEnd run(bool datagrams = false) { return relay(input.read_end(), output.write_end(), stream[0], datagrams); }
  int far_end() const { return stream[1]; }

  Pipe input, output;
  std::array<int, 2> stream{-1, -1};
};

TEST_F(Relay, CarriesAnyBytesBothWaysAtOnceAndPassesTheEndOfTheInputOn) {
  open(SOCK_STREAM);
  const std::string data = pattern(1'000'000);
  std::thread writer([&] {
    write_all(input.write_end(), data);
    input.close_write();
  });
  std::string echoed;
  std::thread far([&] {  // an echo that ends after the end of what it gets
    std::array<char, 3000> piece{};
    for (ssize_t size = 0; (size = ::read(far_end(), piece.data(), piece.size())) > 0;)
      write_all(far_end(), std::string(piece.data(), static_cast<std::size_t>(size)));
    close_far_end();
  });
  std::thread reader([&] { echoed = read_all(output.read_end()); });
  EXPECT_EQ(run(), RelayEnd::finished);
  output.close_write();
  writer.join();
  far.join();
  reader.join();
  EXPECT_TRUE(echoed == data) << echoed.size();
}

TEST_F(Relay, EndsWhenTheFarEndClosesAlthoughTheInputGoesOn) {
  open(SOCK_STREAM);
  write_all(far_end(), "answer");
  close_far_end();
  EXPECT_EQ(run(), RelayEnd::finished);
  output.close_write();
  EXPECT_EQ(read_all(output.read_end()), "answer");
}

TEST_F(Relay, TellsABrokenStreamFromOneThatEndedAfterWritingAllThatCame) {
  open(SOCK_STREAM);
  write_all(far_end(), "half");
  write_all(stream[0], "x");  // lies unread at the far end when that closes
  close_far_end();
  EXPECT_EQ(run(), RelayEnd::broken);
  output.close_write();
  EXPECT_EQ(read_all(output.read_end()), "half");
}

TEST_F(Relay, TellsThatNotEverythingWasSent) {
  open(SOCK_STREAM);
  write_all(input.write_end(), "too late");
  input.close_write();
  close_far_end();
  EXPECT_EQ(run(), RelayEnd::cut);
}

TEST_F(Relay, EachReadOfTheInputIsADatagram) {
  open(SOCK_SEQPACKET);
  std::vector<std::string> received;
  std::array<char, 5000> piece{};
  std::thread far([&] {
    for (const std::string line : {"one\n", "two\n"}) {
      write_all(input.write_end(), line);
      const ssize_t size = ::recv(far_end(), piece.data(), piece.size(), 0);
      received.emplace_back(piece.data(), static_cast<std::size_t>(size));
    }
    write_all(input.write_end(), pattern(2000));
    const ssize_t size = ::recv(far_end(), piece.data(), piece.size(), 0);
    EXPECT_EQ(size, 1472) << "no larger than a network carries in one piece";
    EXPECT_EQ(::recv(far_end(), piece.data(), piece.size(), 0), 2000 - 1472);
    close_far_end();
  });
  EXPECT_EQ(run(true), RelayEnd::finished);
  far.join();
  EXPECT_EQ(received, (std::vector<std::string>{"one\n", "two\n"}));
}

}  // namespace
}  // namespace espat::cli
