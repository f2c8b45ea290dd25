// Translates between org.espat1.Manager and the composition root, which checks entries with the reader of the
// configuration.
#include "bus/manager_object.hpp"

#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "bus/dictionary_json.hpp"
#include "bus/text.hpp"

namespace espat::bus {
namespace {

Reply<sdbus::ObjectPath> add_module(ModuleRegistry& registry, std::string name, Options options) {
  const auto entry = to_json(options.rest());
  if (!entry) co_return Error{ErrorKind::invalid_argument, "An option has a type that no setting of a module has."};
  nlohmann::json document = *entry;
  const Result<void> added = co_await registry.add_module(name, std::move(document));
  if (added.has_error()) co_return added.error();
  co_return std::tuple(sdbus::ObjectPath{module_path(name)});
}

Reply<> remove_module(ModuleRegistry& registry, std::string name, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> removed = co_await registry.remove_module(std::move(name));
  if (removed.has_error()) co_return removed.error();
  co_return std::tuple<>();
}

}  // namespace

std::string module_path(const std::string& name) {
  return std::string(root_path) + "/module/" + name;
}

ManagerObject::ManagerObject(Calls& calls, sdbus::IConnection& connection, std::string version,
                             ModuleRegistry& registry)
    : AdaptorInterfaces(connection, ObjectPath{root_path}),
      calls_(calls),
      version_(std::move(version)),
      registry_(registry) {
  registerAdaptor();
}

ManagerObject::~ManagerObject() {
  unregisterAdaptor();
}

void ManagerObject::add(const std::string& name) {
  names_.insert(name);
  emit_changed(calls_, getObject(), org::espat1::Manager_adaptor::INTERFACE_NAME, {"Modules"});
}

void ManagerObject::remove(const std::string& name) {
  names_.erase(name);
  emit_changed(calls_, getObject(), org::espat1::Manager_adaptor::INTERFACE_NAME, {"Modules"});
}

std::vector<sdbus::ObjectPath> ManagerObject::Modules() {
  std::vector<sdbus::ObjectPath> paths;
  for (const auto& name : names_) paths.emplace_back(module_path(name));
  return paths;
}

void ManagerObject::AddModule(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::manage_modules, std::move(options),
         [&registry = registry_, name = std::move(name)](Options given) {
           return add_module(registry, name, std::move(given));
         });
}

void ManagerObject::RemoveModule(sdbus::Result<>&& result, std::string name, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::manage_modules, std::move(options),
         [&registry = registry_, name = std::move(name)](Options given) {
           return remove_module(registry, name, std::move(given));
         });
}

}  // namespace espat::bus
