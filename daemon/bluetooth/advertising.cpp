// Advertising, as users ask for it; the keeper tells the module.
#include <utility>

#include "bluetooth/bluetooth.hpp"

namespace espat::bluetooth {

using boost::asio::awaitable;

awaitable<Result<void>> Bluetooth::start_advertising(AdvertisingRequest request) {
  const auto self = shared_from_this();
  if (auto checked = at::commands::advertising_parameters(request.parameters); checked.has_error())
    co_return checked.error();
  if (auto checked = at::commands::advertising_data(request.data); checked.has_error()) co_return checked.error();
  if (auto checked = at::commands::scan_response_data(request.scan_response); checked.has_error())
    co_return checked.error();
  if (const auto on = co_await until_on(); on.has_error()) co_return on.error();
  if (advertising_) {
    // The module takes other parameters only while it is silent.
    advertisement_.reset();
    co_await settled();
  }
  advertisement_ = std::move(request);
  advertising_refused_ = false;
  advertising_error_.reset();
  co_await settled();
  if (!advertising_error_) co_return Result<void>();
  advertisement_.reset();
  co_return *advertising_error_;
}

awaitable<Result<void>> Bluetooth::stop_advertising() {
  const auto self = shared_from_this();
  if (!advertisement_) co_return Error{ErrorKind::failed, "Nothing is being advertised."};
  advertisement_.reset();
  co_await settled();
  co_return Result<void>();
}

}  // namespace espat::bluetooth
