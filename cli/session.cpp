#include "session.hpp"

#include <cstdio>

#include "failure.hpp"
#include "interrupt.hpp"
#include "text.hpp"

namespace espat::cli {

void Session::show(const Table& table) const {
  if (json()) return show(to_json(table));
  write_out(render(table, look()), terminal_, options_.pager);
}

void Session::show(const Sheet& sheet) const {
  if (json()) return show(to_json(sheet));
  write_out(render(sheet, look()), terminal_, options_.pager);
}

void Session::show(const Json& json) const {
  write_out(render(json, options_.json), terminal_, options_.pager);
}

void Session::line(std::string_view text) const {
  write_out(std::string{text} + "\n", terminal_, false);
}

void Session::object(const Json& json) const {
  write_out(render(json, options_.json), terminal_, false);
}

void Session::progress(std::string_view text) const {
  if (!terminal_.cursor || !terminal_.input || json()) return;
  std::fprintf(stderr, "%s", printable(text).c_str());
}

void Session::progress_done() const {
  if (!terminal_.cursor || !terminal_.input || json()) return;
  std::fputs("\r\x1b[K", stderr);
}

void Session::warn(std::string_view sentence) {
  std::fprintf(stderr, "espatctl: %s\n", printable(sentence).c_str());
}

Client& Session::client() {
  if (!client_) {
    client_ = std::make_unique<Client>(ClientSettings{options_.timeout, terminal_.input && terminal_.output, -1});
  }
  return *client_;
}

void Session::until_interrupted(const std::function<void()>& work) {
  Client& waiting = client();
  const Interrupt interrupt;
  waiting.interrupt_with(interrupt.descriptor());
  try {
    work();
  } catch (const Interrupted&) {
  } catch (...) {
    waiting.interrupt_with(-1);
    throw;
  }
  waiting.interrupt_with(-1);
}

ModuleView Session::module() {
  std::vector<ModuleView> views = client().modules();
  if (!options_.module.empty()) {
    for (ModuleView& view : views) {
      if (view.name == options_.module) return std::move(view);
    }
    throw Failure{ExitStatus::not_found, "There is no module '" + printable(options_.module) + "'.",
                  "'espatctl list' shows the modules there are."};
  }
  if (views.empty()) {
    throw Failure{
        ExitStatus::not_found, "There is no module.",
        "Name its port in /etc/espatd/espatd.json (see espatd.json(5)), or 'espatctl modules add esp0 PORT'."};
  }
  if (views.size() > 1) {
    std::string names;
    for (const ModuleView& view : views) names += (names.empty() ? "" : ", ") + view.name;
    throw Failure{ExitStatus::usage, "There are several modules: " + names + ".", "Name one with -m."};
  }
  return std::move(views.front());
}

}  // namespace espat::cli
