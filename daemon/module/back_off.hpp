// How long to wait before the next attempt: doubling from `first` to `limit`, each with a share of chance, so that many
// gateways behind one rebooting access point do not all come back in the same moment.
#pragma once

#include <algorithm>
#include <functional>

#include "at/types.hpp"

namespace espat::module {

class BackOff {
 public:
  /// `random` gives numbers in [0, 1).
  BackOff(at::Milliseconds first, at::Milliseconds limit, std::function<double()> random)
      : first_(first), limit_(limit), base_(first), random_(std::move(random)) {}

  /// The next wait: 80 to 120 % of its base.
  at::Milliseconds next() {
    const double share = 0.8 + 0.4 * random_();
    const auto wait = at::Milliseconds(static_cast<at::Milliseconds::rep>(static_cast<double>(base_.count()) * share));
    base_ = std::min(limit_, base_ * 2);
    return wait;
  }
  void reset() { base_ = first_; }

 private:
  at::Milliseconds first_, limit_, base_;
  std::function<double()> random_;
};

}  // namespace espat::module
