// What the module delivered and a flow had no room for yet. Grows when needed and gives everything back when empty:
// it is empty almost always, because the link is switched to passive receive (tcp_link.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "at/types.hpp"

namespace espat::net {

class SpillBuffer {
 public:
  bool empty() const { return begin_ == bytes_.size(); }
  std::size_t size() const { return bytes_.size() - begin_; }
  at::Bytes bytes() const { return at::Bytes(bytes_).subspan(begin_); }
  void append(at::Bytes data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }
  /// Precondition: length <= size().
  void drop(std::size_t length) {
    begin_ += length;
    if (empty()) clear();
  }
  void clear() {
    std::vector<std::uint8_t>().swap(bytes_);
    begin_ = 0;
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t begin_ = 0;
};

}  // namespace espat::net
