// Whose turn it is on the command channel: one command at a time, many who want it (DESIGN section 5).
//
// Sans-I/O: entries go in, the owner asks next() whenever the channel is free. Order: setup, control, data, background.
// Data is shared between links by deficit round robin over bytes, and a block is sized only when its link's turn has
// come. Commands that hold the channel or stop reception, and were not asked for by a user, wait for a quiet moment;
// they and background work have a patience, after which they go like control: nobody waits for ever behind a long
// upload.
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
    std::size_t sole_block = 5760;
  };
  /// About 100 ms and 500 ms of line rate.
  static Limits limits_for(const LineRate& rate);

  struct Turn {
    Ticket ticket = 0;
    /// For a send: longest block. For a command: 0.
    std::size_t limit = 0;
  };

  /// `setup`: the module's own bring-up and recovery, before everything.
  Ticket add_command(bool setup, Urgency urgency, at::Holds holds, bool asked_for, TimePoint now);
  Ticket add_send(at::LinkId link, TimePoint now);
  /// True if it was still waiting.
  bool remove(Ticket ticket);

  /// The next one, removed from the schedule; nothing if there is none that may start now. `last_payload`: when payload
  /// last moved.
  /// `without_holders`: none that holds the channel.
  std::optional<Turn> next(TimePoint now, TimePoint last_payload, bool without_holders = false);
  /// When next() may answer differently although nothing was added; never if only an addition can change it.
  TimePoint next_change(TimePoint now, TimePoint last_payload) const;
  /// The link's block has been sent, with so many bytes.
  void charge(at::LinkId link, std::size_t bytes);

  void set_limits(const Limits& limits) { limits_ = limits; }
  bool is_empty() const { return waiting_.empty() && queued_sends_ == 0; }
  bool is_setup(Ticket ticket) const;
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
  struct Link {
    std::deque<Ticket> sends;
    std::ptrdiff_t deficit = 0;
    bool in_rotation = false;
  };

  static int rank(const Waiting& entry, TimePoint now);
  static TimePoint patience_ends(const Waiting& entry);
  bool may_start(const Waiting& entry, TimePoint now, TimePoint last_payload) const;
  std::optional<Turn> next_send();

  Limits limits_;
  Ticket last_ticket_ = 0;
  std::deque<Waiting> waiting_;  // commands, by arrival
  std::map<at::LinkId, Link> links_;
  std::deque<at::LinkId> rotation_;
  std::size_t queued_sends_ = 0;
};

}  // namespace espat::module
