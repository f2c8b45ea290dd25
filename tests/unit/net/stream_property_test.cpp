// What must hold for streams over D-Bus whatever happens and in whatever order: no byte is lost, repeated or exchanged
// without an error, and no link is left. Seeds are fixed; a failure names its seed.
#include <random>

#include "stream_program.hpp"

namespace espat::net {
namespace {

// What the module takes for a link that nobody reads (DESIGN §11).
constexpr std::size_t kWindow = 5760;

struct Life {
  explicit Life(std::uint32_t seed) : engine(seed) {
    world.start();
    program = std::make_unique<StreamProgram>(world, StreamType::tcp, "198.51.100.7", 80);
    world.run(milliseconds(30));
    link = world.channel.link_to("198.51.100.7:80").value_or(99);
  }

  std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(engine()) % below; }
  std::string piece(std::uint32_t at_most) {
    std::string bytes(1 + draw(at_most), '\0');
    for (char& byte : bytes) byte = static_cast<char>(draw(256));
    return bytes;
  }
  bool link_is_open() const { return world.channel.links[link].open; }

  void step() {
    const std::uint32_t what = draw(100);
    if (what < 20)
      write();
    else if (what < 40)
      read();
    else if (what < 60)
      far_end_sends();
    else if (what < 63)
      world.channel.send_hangs = !world.channel.send_hangs;
    else if (what == 63 && draw(3) == 0)
      far_end_closes();
    else if (what == 64 && draw(2) == 0)
      finish();
    else if (what == 65 && draw(2) == 0)
      close();
    else if (what == 66 && draw(6) == 0)
      world.channel.send_fails = broken = true;
    else if (what == 67 && draw(6) == 0)
      lose_network();
    else
      world.run(milliseconds(draw(40)));
  }

  void write() {
    if (finished || closed) return;
    const std::string bytes = piece(draw(8) == 0 ? 40000 : 700);
    written += bytes.substr(0, program->write(bytes));
  }
  void read() {
    if (!closed) program->read(1 + draw(6000));
  }
  void finish() {
    if (closed) return;
    finished = true;
    program->finish();
  }
  void close() {
    if (closed) return;
    program->read();  // else it is an abort
    closed = true;
    program->close();
  }
  void far_end_sends() {
    if (!link_is_open() || far_end_closed) return;
    const std::string bytes = piece(draw(4) == 0 ? 5000 : 700);
    if (world.channel.links[link].buffer.size() + bytes.size() > kWindow) return;  // the module's window is full
    far_end_sent += bytes;
    world.channel.far_end_sends(link, bytes);
  }
  void far_end_closes() {
    if (!link_is_open() || far_end_closed) return;
    far_end_closed = true;
    world.channel.far_end_closes(link);
  }
  void lose_network() {
    broken = true;
    world.channel.report(at::WifiDisconnected{});
  }

  /// A send that hangs keeps the channel from the way to passive receive, so the bound ends the stream.
  bool overran() const { return world.interface->counters()[Counter::resets_backlog] > 0; }

  void come_to_an_end() {
    world.channel.send_hangs = false;
    for (int i = 0; i < 400 && !closed && !program->ended && program->read_error == 0; ++i) {
      program->read();
      world.run(milliseconds(200));
    }
  }

  World world;
  std::unique_ptr<StreamProgram> program;
  at::LinkId link = 99;
  std::string written, far_end_sent;
  bool finished = false, closed = false, far_end_closed = false, broken = false;

 private:
  std::mt19937 engine;
};

bool begins_with(const std::string& whole, const std::string& part) {
  return whole.compare(0, part.size(), part) == 0;
}

TEST(StreamProperties, no_byte_is_lost_or_exchanged_without_an_error_and_no_link_is_left) {
  int clean_ends = 0;
  int broken_ends = 0;
  int closes = 0;
  int overruns = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(seed);
    ASSERT_TRUE(life.program->is_open());
    for (int i = 0; i < 400; ++i) life.step();
    life.come_to_an_end();
    const std::string& taken = life.world.channel.taken["198.51.100.7:80"];
    ASSERT_TRUE(begins_with(life.far_end_sent, life.program->received));
    ASSERT_TRUE(begins_with(life.written, taken)) << taken.size() << " of " << life.written.size();
    if (life.program->ended && life.program->read_error == 0) {
      ++clean_ends;
      EXPECT_TRUE(life.program->received == life.far_end_sent)
          << life.program->received.size() << " of " << life.far_end_sent.size();
      EXPECT_TRUE(taken == life.written) << taken.size() << " of " << life.written.size();
    }
    if (life.program->read_error != 0) {
      ++broken_ends;
      EXPECT_TRUE(life.broken || life.far_end_closed || life.overran()) << "nothing had happened";
    }
    overruns += life.overran() ? 1 : 0;
    if (life.closed && !life.broken && !life.far_end_closed && !life.overran()) {
      ++closes;
      life.world.run(seconds(60));
      EXPECT_TRUE(taken == life.written) << taken.size() << " of " << life.written.size();
    }
    life.program->close();
    life.world.run(seconds(60));
    EXPECT_TRUE(life.world.interface->links().empty());
    for (const auto& link : life.world.channel.links) EXPECT_FALSE(link.open);
    EXPECT_TRUE(life.world.interface->waiters().empty());
  }
  // All of it is exercised.
  EXPECT_GT(clean_ends, 20);
  EXPECT_GT(broken_ends, 20);
  EXPECT_GT(closes, 5);
  EXPECT_LT(overruns, 5);
}

}  // namespace
}  // namespace espat::net
