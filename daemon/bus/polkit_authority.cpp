// CheckAuthorization of org.freedesktop.PolicyKit1.Authority. The actions name user espatd as their owner: that is why
// polkit answers a daemon that is not root (reference systemd-notes section 4).
#include "bus/polkit_authority.hpp"

#include <map>
#include <utility>

#include <spdlog/spdlog.h>

#include "bus/outbound_call.hpp"

namespace espat::bus {
namespace {

constexpr const char* authority_interface = "org.freedesktop.PolicyKit1.Authority";
using Strings = std::map<std::string, std::string>;
using Answer = sdbus::Struct<bool, bool, Strings>;

/// Errors that mean that there is no polkit here; every other one means no.
bool is_absent(const std::string& name) {
  const std::string prefix = "org.freedesktop.DBus.Error.";
  return name == prefix + "ServiceUnknown" || name == prefix + "NameHasNoOwner" ||
         name.rfind(prefix + "Spawn.", 0) == 0;
}

}  // namespace

PolkitAuthority::PolkitAuthority(boost::asio::io_context& io, Pump& pump, sdbus::IConnection& connection)
    : io_(io),
      pump_(pump),
      polkit_(make_proxy(connection, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority")) {}

boost::asio::awaitable<Verdict> PolkitAuthority::check(std::string sender, Action action, bool interactive) {
  const std::string cancellation = "espat-" + std::to_string(++asked_);
  Dictionary details;
  details.emplace("name", sdbus::Variant(sender));
  const sdbus::Struct<std::string, Dictionary> subject(std::string("system-bus-name"), details);
  const Strings no_details;
  const std::uint32_t flags = interactive ? 1 : 0;
  OutboundCall what;
  what.interface = authority_interface;
  what.method = "CheckAuthorization";
  what.timeout = std::chrono::seconds(interactive ? 120 : 20);
  try {
    std::tuple<Answer> answer = co_await call<Answer>(io_, pump_, *polkit_, std::move(what), subject,
                                                      std::string(action_id(action)), no_details, flags, cancellation);
    const Answer& decision = std::get<0>(answer);
    if (std::get<0>(decision)) co_return Verdict::yes;
    co_return std::get<1>(decision) ? Verdict::challenge : Verdict::no;
  } catch (const sdbus::Error& error) {
    if (is_absent(error.getName())) co_return Verdict::absent;
    spdlog::warn("polkit did not decide: {}", error.getMessage());
    withdraw(cancellation);
    co_return Verdict::no;
  } catch (const boost::system::system_error&) {
    withdraw(cancellation);  // the caller left: polkit need not go on asking
    throw;
  }
}

void PolkitAuthority::withdraw(const std::string& cancellation) {
  try {
    (void)polkit_->callMethodAsync("CancelCheckAuthorization")
        .onInterface(authority_interface)
        .withArguments(cancellation)
        .uponReplyInvoke([](ErrorArgument) {});
    pump_.kick();
  } catch (const sdbus::Error&) {  // the bus is gone
  }
}

}  // namespace espat::bus
