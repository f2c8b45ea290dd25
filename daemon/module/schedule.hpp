// Whose turn it is on the command channel: one command at a time, many who want it (DESIGN section 5).
//
// Sans-I/O: entries go in, the owner asks next() whenever the channel is free. Order: setup, control, data, background.
// Commands that hold the channel or stop reception, and were not asked for by a user, wait for a quiet moment; they and
// background work have a patience, after which they go like control: nobody waits for ever behind a long upload.
//
// Sends are shared between links by deficit round robin over bytes. A link that begins to send is *fresh*: it goes
// before those that send all the time, with at most one quantum in each of their rounds, so that a keystroke waits for
// the block in flight and for nothing else, and nobody gets more than an equal share by it.
//
// A block is sized when its link's turn has come: 100 ms of the line if others wait, or may speak any moment (they did
// so lately, see Link::speaks_until); else as much as is worth while.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "at/command.hpp"
#include "at/types.hpp"
#include "module/channel.hpp"
#include "module/clock.hpp"

namespace espat::module {

/// What holds up what: how a command is planned by what it stops inside the module (measured-datapath).
struct HoldingRule {
  /// How long no payload must have moved before such a command starts by itself.
  std::chrono::milliseconds quiet;
  /// How long it waits for that at most.
  std::chrono::milliseconds patience;
};
const HoldingRule& holding_rule(at::Holds holds);

class Schedule {
 public:
  using Ticket = std::uint64_t;

  struct Limits {
    /// A block while somebody else waits; also the quantum of the round robin.
    std::size_t shared_block = 1152;
    /// A block while nobody does.
    std::size_t sole_block = 8640;
  };
  /// About 100 ms and 750 ms of line rate: at 115200 baud the latter is a full block of 8192.
  static Limits limits_for(const LineRate& rate);

  struct Turn {
    Ticket ticket = 0;
    /// For a send: longest block. For a command: 0.
    std::size_t limit = 0;
    /// A send while nobody else speaks.
    bool alone = false;
  };

  /// `setup`: the module's own bring-up and recovery, before everything.
  Ticket add_command(bool setup, Urgency urgency, at::Holds holds, bool asked_for, TimePoint now);
  Ticket add_send(at::LinkId link);
  /// True if it was still waiting.
  bool remove(Ticket ticket);

  /// The next one, removed from the schedule; nothing if there is none that may start now. `last_payload`: when payload
  /// last moved.
  /// `without_holders`: none that holds the channel.
  std::optional<Turn> next(TimePoint now, TimePoint last_payload, bool without_holders = false);
  /// When next() may answer differently although nothing was added; never if only an addition can change it.
  TimePoint next_change(TimePoint now, TimePoint last_payload) const;
  /// The link's block has been sent, with so many bytes.
  void charge(at::LinkId link, std::size_t bytes, TimePoint now);

  void set_limits(const Limits& limits) { limits_ = limits; }
  bool is_empty() const { return waiting_.empty() && queued_sends_ == 0; }
  bool is_setup(Ticket ticket) const;
  bool has_send(at::LinkId link) const;
  /// Whether anybody but this link would have a turn now.
  bool is_wanted_by_others(at::LinkId link, TimePoint now, TimePoint last_payload) const;
  /// Something waits that is not of class background.
  bool has_foreground() const;

 private:
  struct Waiting {
    Ticket ticket;
    bool setup;
    Urgency urgency;
    at::Holds holds;
    bool asked_for;
    TimePoint since;
  };
  enum class Place : std::uint8_t { none, fresh, rotation };
  struct Link {
    std::deque<Ticket> sends;
    Place place = Place::none;
    std::ptrdiff_t deficit = 0;  // bytes it may still send in its round; negative: it took more than its share
    std::int64_t round = -1;     // of its last quantum
    std::optional<TimePoint> last_sent{};
    TimePoint speaks_until{};  // until then it is expected to send again
  };

  static int rank(const Waiting& entry, TimePoint now);
  static TimePoint patience_ends(const Waiting& entry);
  bool may_start(const Waiting& entry, TimePoint now, TimePoint last_payload) const;
  bool is_older_send_than(Ticket ticket) const;
  std::optional<Turn> next_send(TimePoint now, bool holder_waits);
  Turn turn_of(Link& link, bool alone);
  bool is_alone(at::LinkId id, TimePoint now) const;
  std::ptrdiff_t quantum() const { return static_cast<std::ptrdiff_t>(limits_.shared_block); }
  /// A smaller rest of a share is kept for the next round: small blocks cost more than they carry.
  std::ptrdiff_t smallest_share() const { return quantum() / 2; }
  void give_quantum(Link& link);
  void append(at::LinkId id, Link& link);

  Limits limits_;
  Ticket last_ticket_ = 0;
  std::deque<Waiting> waiting_;  // commands, by arrival
  std::map<at::LinkId, Link> links_;
  std::deque<at::LinkId> fresh_;
  std::deque<at::LinkId> rotation_;
  std::int64_t round_ = 0;  // of the link in the rotation that is furthest
  std::size_t queued_sends_ = 0;
  TimePoint reads_until_{};  // data commands were run lately: more are expected until then
};

}  // namespace espat::module
