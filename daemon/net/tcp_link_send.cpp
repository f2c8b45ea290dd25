// TcpLink's sending half: what the program wrote, block by block.
//
// While one block is in flight the next one already waits for its turn, so that the channel goes on without asking
// anybody. A block is made when its turn has come, of everything that is readable then: small writes are joined as long
// as they wait anyhow, and no longer. Bytes stay with the stream's end until the module has passed them on; a failed
// block is never repeated, and nothing is sent behind it (quirks 64 to 66). A program that sends as fast as it can may
// be given an open send, which takes what there is portion by portion (module/channel_open_send.cpp).
#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/commands.hpp"
#include "module/long_sends.hpp"
#include "net/tcp_link.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace {

// One in flight, one that waits.
constexpr int kMostSends = 2;

// Below this a long send's reports cost more than its parallelism saves.
constexpr std::size_t kSmallestLongSend = 1024;

}  // namespace

void TcpLink::on_readable() {
  upload_alarm_->ring();
}

asio::awaitable<void> TcpLink::upload(std::shared_ptr<TcpLink> self) {
  TcpLink& link = *self;
  while (link.can_send()) {
    if (link.unsent() > 0 && link.sends_ < kMostSends && !link.send_waits_) {
      ++link.sends_;
      link.send_waits_ = true;
      asio::co_spawn(link.context_->channel.executor(), send_block(self), asio::detached);
      continue;
    }
    const bool all_taken = link.sends_ == 0 && link.end_->readable().empty();
    if (all_taken && link.end_->app_finished() && !link.all_sent_) {
      link.all_sent_ = true;
      link.owner_->link_sent_all(link);
      continue;
    }
    co_await link.upload_alarm_->wait_until(module::never);
  }
  while (link.sends_ > 0) co_await link.upload_alarm_->wait_until(module::never);
  link.uploading_ = false;
  link.alarm_->ring();
}

asio::awaitable<void> TcpLink::send_block(std::shared_ptr<TcpLink> self) {
  TcpLink& link = *self;
  // A copy, because the stream's end may go, and its buffers with it, while the module still takes the block.
  std::vector<std::uint8_t> bytes;
  bool begun = false;
  std::size_t taken = 0;
  std::size_t passed = 0;
  module::BlockSource source = [&](std::size_t limit) {
    link.send_waits_ = false;
    auto block = link.next_block(bytes, limit);
    if (!block) return block;
    begun = true;
    if (block->payload.empty()) {
      block->next_portion = [&link, &taken](std::span<std::uint8_t> portion) {
        if (!link.can_send() || link.unsent() < portion.size()) return false;
        link.hand_over(portion);
        taken += portion.size();
        return true;
      };
    }
    taken = bytes.size();
    block->on_progress = [&link, &passed](std::size_t total) {
      link.passed_on(total - passed);
      passed = total;
    };
    // The next one queues up while this one is in flight.
    link.upload_alarm_->ring();
    return block;
  };
  at::Outcome outcome;  // not_ready
  if (link.context_ != nullptr) outcome = co_await link.context_->channel.send(link.id_, std::move(source));
  if (!begun) {
    link.send_waits_ = false;  // cancelled in the queue
    // Nothing was left to send, or the block before it failed; else the module has gone.
    if (outcome.status != at::Outcome::Status::cancelled) link.send_failed_ = true;
  } else if (outcome.ok()) {
    link.passed_on(taken - passed);
  } else {
    link.send_failed_ = true;  // part of it may be out: the stream is broken
  }
  --link.sends_;
  link.upload_alarm_->ring();
}

std::optional<module::SendBlock> TcpLink::next_block(std::vector<std::uint8_t>& bytes, std::size_t limit) {
  if (!can_send() || unsent() == 0) return std::nullopt;
  if (limit == module::open_ended && unsent() >= context_->channel.dialect().send_block_limit)
    return module::SendBlock{at::commands::send_long(id_, module::open_send_length), {}};
  const std::size_t wanted = std::min(unsent(), limit);
  const std::size_t long_send = std::min(wanted, context_->longest_long_send());
  const bool is_long = long_send >= kSmallestLongSend;
  const std::size_t length = is_long ? long_send : std::min(wanted, context_->channel.dialect().send_block_limit);
  bytes.resize(length);
  hand_over(bytes);
  return module::SendBlock{is_long ? at::commands::send_long(id_, length) : at::commands::send(id_, length), bytes};
}

/// The next bytes that are unsent, as many as fit; they must be there.
void TcpLink::hand_over(std::span<std::uint8_t> bytes) {
  const RingBytes part = end_->readable().part(handed_over_, bytes.size());
  std::copy(part.second.begin(), part.second.end(), std::copy(part.first.begin(), part.first.end(), bytes.begin()));
  handed_over_ += bytes.size();
}

void TcpLink::passed_on(std::size_t length) {
  handed_over_ -= length;
  if (context_ == nullptr || length == 0) return;
  last_activity_ = context_->clock.now();
  context_->carried(id_, last_activity_);
  bytes_sent_ += length;
  meter_.add(length, last_activity_);
  if (end_ != nullptr) owner_->link_sent(*this, length);
}

}  // namespace espat::net
