// Who can add and remove modules, and what belongs to them, while the daemon runs: the composition root, which reads
// entries and keeps them.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json_fwd.hpp>

#include "at/types.hpp"

namespace espat::bus {

class ModuleRegistry {
 public:
  virtual ~ModuleRegistry() = default;
  /// `entry` is a module's entry as in espatd.json, not checked yet. When it is done, the module is on D-Bus.
  virtual boost::asio::awaitable<Result<void>> add_module(std::string name, nlohmann::json entry) = 0;
  /// When it is done, the module is gone from D-Bus and from the state directory.
  virtual boost::asio::awaitable<Result<void>> remove_module(std::string name) = 0;

  /// `entry` is that of a TLS rule as in espatd.json, not checked yet. When it is done, flows that begin follow it.
  virtual boost::asio::awaitable<Result<void>> add_tls_rule(std::string module, std::string name,
                                                            nlohmann::json entry) = 0;
  /// When it is done, flows that begin do not follow it any more. Error for one that a configuration file names.
  virtual boost::asio::awaitable<Result<void>> remove_tls_rule(std::string module, std::string name) = 0;
  /// `entry` is that of a forward as in espatd.json, not checked yet. When it is done, the forward is wanted; whether
  /// the module listens, NetworkView::forwards() tells.
  virtual boost::asio::awaitable<Result<void>> add_forward(std::string module, std::string name,
                                                           nlohmann::json entry) = 0;
  /// When it is done, nobody else is let in. Error for one that a configuration file names.
  virtual boost::asio::awaitable<Result<void>> remove_forward(std::string module, std::string name) = 0;
};

}  // namespace espat::bus
