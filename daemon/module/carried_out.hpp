// Work for a user that is carried to its end also when the user leaves in the middle: what has been told to the module
// cannot be taken back, and others may depend on what comes of it.
#pragma once

#include <chrono>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "at/types.hpp"
#include "module/clock.hpp"

namespace espat::module {

/// What a user waits for a reply, at most; what takes longer would have to be a job (DESIGN section 7).
inline constexpr std::chrono::seconds longest_reply{19};

/// Runs the work on its own. Its result; nothing if it was not there at `limit`. Throws operation_aborted when
/// cancelled. The clock outlives the work.
boost::asio::awaitable<std::optional<Result<void>>> carried_out(Clock& clock, boost::asio::any_io_executor executor,
                                                                boost::asio::awaitable<Result<void>> work,
                                                                TimePoint limit = never);

}  // namespace espat::module
