// Passive receive: AT+CIPRECVTYPE, CIPRECVMODE, CIPRECVDATA, CIPRECVLEN?. Sources: D.10, D.12, E.18, F.7, K.1, X.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

Outcome show_types(Firmware& fw, Parameters&) {
  for (int id = 0; id < (fw.multiple ? fw.dialect().links : 1); ++id)
    fw.say(format("+CIPRECVTYPE:%d,%d\r\n", id, fw.links.passive(id) ? 1 : 0));
  return ok;
}

/// Data that wait on a link that turns active come before the OK (D.12).
Task<void> switch_link(Firmware& fw, int id, bool passive) {
  fw.links.set_passive(id, passive);
  const auto link = fw.links.find(id);
  if (!link) co_return;
  if (!passive) co_await fw.receiver.drain(link);
  fw.receiver.wake();
}

Task<Outcome> set_type(Firmware& fw, Parameters& p) {
  const std::size_t at = fw.multiple ? 1 : 0;
  const auto id = fw.multiple ? p.integer(0) : 0;
  const auto passive = p.integer(at);
  if (!p.ok() || p.count() != at + 1 || passive < 0 || passive > 1 || id < 0 || id > fw.dialect().links)
    co_return error;
  for (int link = 0; link < fw.dialect().links; ++link)
    if (link == id || id == fw.dialect().links) co_await switch_link(fw, link, passive == 1);
  co_return ok;
}

Task<Outcome> set_all(Firmware& fw, Parameters& p) {
  const auto passive = p.integer(0);
  if (!p.ok() || passive < 0 || passive > 1) co_return error;
  for (int link = 0; link < fw.dialect().links; ++link) co_await switch_link(fw, link, passive == 1);
  co_return ok;
}

Outcome show_lengths(Firmware& fw, Parameters&) {
  std::string text = "+CIPRECVLEN:";
  for (int id = 0; id < (fw.multiple ? fw.dialect().links : 1); ++id) {
    const auto link = fw.links.find(id);
    text += (id == 0 ? "" : ",") + std::to_string(link ? link->unread_size : 0);
  }
  fw.say(text + "\r\n");
  return ok;
}

Task<Outcome> read(Firmware& fw, Parameters& p) {
  const std::size_t at = fw.multiple ? 1 : 0;
  const auto id = fw.multiple ? p.integer(0) : 0;
  const auto size = p.integer(at);
  if (!p.ok() || p.count() != at + 1 || size < 1 || size > 0x7fffffff) co_return error;
  const auto link = fw.links.find(static_cast<int>(id));
  if (!link || !fw.links.passive(link->id) || link->unread_size == 0) co_return error;
  std::string data = Receiver::take(*link, static_cast<std::size_t>(size));
  std::string text = format("+CIPRECVDATA:%zu,", data.size());
  if (fw.show_remote) text += format("\"%s\",%d,", link->remote.c_str(), link->remote_port);
  co_await fw.line().room_for(std::min(data.size() + 64, Line::transmit_buffer));
  fw.check();
  fw.say(text + data + "\r\n");
  link->announced = link->unread_size > 0;
  // What is left is announced, or the end of the link, right behind the OK.
  if (link->unread_size > 0)
    fw.after += fw.receiver.announcement(*link, link->unread_size);
  else
    fw.receiver.wake();
  co_return ok_without_blank;
}

}  // namespace

void add_receive_commands(CommandTable& t) {
  t.query("AT+CIPRECVTYPE", show_types);
  t.set("AT+CIPRECVTYPE", 2, set_type);
  t.query("AT+CIPRECVMODE", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPRECVMODE:%d\r\n", fw.links.passive(0) ? 1 : 0));
    return ok;
  });
  t.set("AT+CIPRECVMODE", 1, set_all);
  t.query("AT+CIPRECVLEN", show_lengths);
  t.set("AT+CIPRECVDATA", 2, read);
}

}  // namespace sim
