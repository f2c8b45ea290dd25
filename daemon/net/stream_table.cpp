#include "net/stream_table.hpp"

#include <algorithm>
#include <utility>

namespace espat::net {

StreamTable::StreamTable(LinkContext& context)
    : context_(context),
      serve_timer_(context.timers, [this](TimePoint) { serve_waiters(); }),
      hold_timer_(context.timers, [this](TimePoint) { end_hold(); }) {}

StreamTable::~StreamTable() {
  links_gone();
}

void StreamTable::open(Stream& stream) {
  enqueue(stream);
}

void StreamTable::open_again(Stream& stream) {
  ++stream.attempt_;
  enqueue(stream);
}

void StreamTable::start_over(Stream& stream) {
  const bool connecting = stream.link_ && stream.link_->state() == TcpLink::State::connecting;
  if (!connecting) release_link(stream);
  drop_spill(stream);
  stream.far_end_gone_ = false;
  stream.half_closed_ = false;
  stream.last_behind_ = {};
  stream.finished_ = false;
  stream.attempt_ = 0;
  if (!stream.link_ && !waiters_.contains(stream)) enqueue(stream);
}

void StreamTable::enqueue(Stream& stream) {
  stream.waiting_since_ = context_.clock.now();
  waiters_.add(stream, stream.local_ ? stream.local_->address : Address{}, stream.target_.remote.address);
}

void StreamTable::serve_waiters() {
  // A served stream may fail at once, which frees its id: one loop at a time.
  if (std::exchange(serving_, true)) {
    serve_again_ = true;
    return;
  }
  do {
    serve_again_ = false;
    if (waiters_.empty()) break;
    const auto now = context_.clock.now();
    std::optional<TimePoint> again;
    const auto look_again_at = [&again](TimePoint when) {
      if (!again || when < *again) again = when;
    };
    if (!context_.pool.available(LinkUse::tcp)) {
      TimePoint waiting_since = now;
      for (const Stream* stream : waiters_.order()) waiting_since = std::min(waiting_since, stream->waiting_since_);
      if (reclaim_one(now, waiting_since)) break;  // its release serves the next
      look_again_at(now + std::chrono::milliseconds(500));
      serve_timer_.set(again);
      break;
    }
    // A connect that hangs silences the others: whether they carry data shows in what they did until it began.
    const TimePoint heard = heard_until(now);
    bool connecting = std::any_of(links_.begin(), links_.end(),
                                  [](const Use& use) { return use.link->state() == TcpLink::State::connecting; });
    for (Stream* stream : waiters_.order()) {
      if (!context_.pool.available(LinkUse::tcp)) {
        serve_again_ = !waiters_.empty();
        break;
      }
      if (stream->is_abandoned(now)) {
        waiters_.remove(*stream);
        stream->abandon();
        continue;
      }
      const bool busy = context_.others_busy(at::LinkId{255}, heard);
      const auto plan = policy_.plan(stream->target_.remote, stream->attempt_, busy, connecting,
                                     context_.channel.dialect().connect_timeout_usable, now);
      switch (plan.action) {
        case ConnectPolicy::Plan::Action::refuse:
          context_.counters.add(Counter::connects_unreachable);
          waiters_.remove(*stream);
          stream->connect_failed({ConnectVerdict::host_unreachable, "the far end did not answer lately"});
          break;
        case ConnectPolicy::Plan::Action::wait:
          stream->waits_for_ = plan.waits_for;
          look_again_at(plan.not_before);
          break;
        case ConnectPolicy::Plan::Action::start:
          if (const auto id = context_.pool.take(LinkUse::tcp)) {
            waiters_.serve(*stream);
            connecting = true;
            start_link(*stream, *id, plan.timeout);
          }
          break;
      }
    }
    serve_timer_.set(again);
  } while (serve_again_);
  serving_ = false;
}

TcpLink& StreamTable::give_link(Stream& stream, at::LinkId id) {
  stream.link_ = std::make_shared<TcpLink>(context_, *this, stream, stream.target_, id);
  links_.push_back({stream.link_, &stream});
  return *stream.link_;
}

void StreamTable::start_link(Stream& stream, at::LinkId id, std::optional<at::Milliseconds> timeout) {
  context_.counters.add(Counter::connects);
  TcpLink& link = give_link(stream, id);
  stream.settle();
  link.connect(timeout);
}

void StreamTable::adopt(Stream& stream, at::LinkId id) {
  context_.pool.claim(id, LinkUse::client);
  give_link(stream, id).adopt();
}

void StreamTable::make_room(TimePoint since) {
  (void)reclaim_one(context_.clock.now(), since);
}

// Somebody waits and no id is free: first a link whose program has said its end and whose far end is silent, then, if
// others have waited for long, one that has carried nothing for a minute.
bool StreamTable::reclaim_one(TimePoint now, TimePoint waiting_since) {
  const InterfaceSettings& settings = context_.settings;
  // An id that is already on its way back serves the first waiter.
  if (std::any_of(links_.begin(), links_.end(), [](const Use& use) { return use.stream == nullptr; })) return false;
  const TimePoint heard = heard_until(now);
  Stream* victim = nullptr;
  for (const Use& use : links_) {
    Stream& stream = *use.stream;
    if (use.link->state() != TcpLink::State::open) continue;
    // What the program has yet to take would be cut off by an end: then it is not the far end that is silent.
    if (stream.half_closed_ && is_behind(stream)) continue;
    const auto idle = heard - silent_since(stream);
    const bool may = stream.half_closed_
                         ? idle >= settings.half_closed_silence_if_scarce
                         : idle >= settings.idle_if_scarce && now - waiting_since >= settings.scarce_after;
    if (!may) continue;
    const bool better =
        victim == nullptr || (stream.half_closed_ && !victim->half_closed_) ||
        (stream.half_closed_ == victim->half_closed_ && use.link->last_activity() < victim->link_->last_activity());
    if (better) victim = &stream;
  }
  if (victim == nullptr) return false;
  if (!victim->half_closed_) {
    victim->reset(Counter::links_reclaimed);
    return true;
  }
  context_.counters.add(Counter::links_reclaimed);
  end(*victim);
  victim->settle();
  return true;
}

void StreamTable::on_readable(Stream& stream) {
  if (stream.link_) stream.link_->on_readable();
}

void StreamTable::on_room(Stream& stream) {
  pour(stream);
  if (stream.link_) stream.link_->on_room();
}

void StreamTable::pour(Stream& stream) {
  const auto now = context_.clock.now();
  if (!stream.spill_.empty()) {
    const std::size_t taken = stream.deliver(stream.spill_.bytes(), true, now);
    stream.spill_.drop(taken);
    spilled_ -= taken;
    let_module_go_on();
  }
  if (stream.far_end_gone_ && stream.spill_.empty() && !std::exchange(stream.finished_, true)) stream.finish(now);
}

void StreamTable::end(Stream& stream) {
  release_link(stream);
  stream.far_end_gone_ = true;
  pour(stream);
}

std::optional<TimePoint> StreamTable::deadline(const Stream& stream) const {
  if (!stream.half_closed_ || !stream.link_) return std::nullopt;
  const InterfaceSettings& settings = context_.settings;
  const auto silence = stream.link_->incoming() ? settings.half_closed_silence_of_client : settings.half_closed_silence;
  const TimePoint due = silent_since(stream) + silence;
  const auto now = context_.clock.now();
  constexpr std::chrono::seconds kLookAgain{1};
  return heard_until(now) == now ? due : std::max(due, now + kLookAgain);
}

TimePoint StreamTable::heard_until(TimePoint now) const {
  for (const Use& use : links_)
    if (use.link->state() == TcpLink::State::connecting) now = std::min(now, use.link->since());
  return now;
}

void StreamTable::note_connect(module::Duration took) {
  constexpr std::chrono::milliseconds kFelt{250};  // shorter ones are answered before a pause is a silence
  if (took >= kFelt) deaf_until_ = context_.clock.now();
}

TimePoint StreamTable::silent_since(const Stream& stream) const {
  return std::max({stream.link_->last_activity(), stream.last_behind_, deaf_until_});
}

void StreamTable::close_if_silent(Stream& stream, TimePoint now) {
  const auto due = deadline(stream);
  if (due && *due <= now && !is_behind(stream)) end(stream);
}

void StreamTable::note_behind(Stream& stream) {
  if (stream.half_closed_ && is_behind(stream)) stream.last_behind_ = context_.clock.now();
}

bool StreamTable::is_behind(const Stream& stream) {
  return stream.backlog() > 0 || (stream.link_ && stream.link_->passive());
}

void StreamTable::release_link(Stream& stream) {
  if (!stream.link_) return;
  for (Use& use : links_)
    if (use.link == stream.link_) use.stream = nullptr;
  stream.link_->detach();
  stream.link_.reset();
}

void StreamTable::drop_spill(Stream& stream) {
  spilled_ -= stream.spill_.size();
  stream.spill_.clear();
  let_module_go_on();
}

void StreamTable::forget(Stream& stream) {
  release_link(stream);
  waiters_.remove(stream);
  drop_spill(stream);
}

void StreamTable::links_gone() {
  for (const Use& use : links_) {
    if (use.stream != nullptr) use.stream->link_.reset();
    use.link->abandon();
  }
  links_.clear();
}

}  // namespace espat::net
