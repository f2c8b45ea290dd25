// A ring of bytes of fixed size: a flow's upload and download buffer.
//
// Memory is taken once, by allocate(); a held SYN has none. Reads are views of up to two pieces, so data is copied once
// in and never out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "at/types.hpp"

namespace espat::net {

/// Bytes that lie in a ring: `second` follows `first` and is empty unless they wrap.
struct RingBytes {
  at::Bytes first;
  at::Bytes second;
  std::size_t size() const { return first.size() + second.size(); }
  bool empty() const { return first.empty(); }
  /// Precondition: offset + length <= size().
  RingBytes part(std::size_t offset, std::size_t length) const {
    if (offset >= first.size()) return {second.subspan(offset - first.size(), length), {}};
    const std::size_t head = std::min(length, first.size() - offset);
    return {first.subspan(offset, head), second.first(length - head)};
  }
};

class ByteRing {
 public:
  void allocate(std::size_t capacity) {
    bytes_ = std::make_unique<std::uint8_t[]>(capacity);
    capacity_ = capacity;
    begin_ = 0;
  }
  void release() {
    bytes_.reset();
    capacity_ = 0;
  }
  std::size_t capacity() const { return capacity_; }

  /// Copies in at `offset` from the front. Precondition: offset + data.size() <= capacity().
  void write(std::size_t offset, at::Bytes data) {
    if (data.empty()) return;
    const std::size_t at = position(offset);
    const std::size_t head = std::min(data.size(), capacity_ - at);
    std::copy_n(data.data(), head, bytes_.get() + at);
    std::copy_n(data.data() + head, data.size() - head, bytes_.get());
  }

  /// Precondition: offset + length <= capacity().
  RingBytes read(std::size_t offset, std::size_t length) const {
    if (length == 0) return {};
    const std::size_t at = position(offset);
    const std::size_t head = std::min(length, capacity_ - at);
    return {{bytes_.get() + at, head}, {bytes_.get(), length - head}};
  }

  /// Moves the front. Precondition: length <= capacity().
  void drop(std::size_t length) {
    if (length != 0) begin_ = position(length);
  }

 private:
  std::size_t position(std::size_t offset) const { return (begin_ + offset) % capacity_; }

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
};

}  // namespace espat::net
