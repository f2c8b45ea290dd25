// How long a command may take, and what it holds up inside the module meanwhile: the one table of both.
//
// Sources: measured-datapath, measured points 11-15, quirks 47-59, and the catalogue's own limits. A deadline is the
// longest time in which the module can still answer, and a margin: past it the answer is given up, not the module.
#include <algorithm>
#include <array>
#include <chrono>

#include "at/command_builder.hpp"

namespace espat::at {
namespace {

using namespace std::chrono_literals;

struct Entry {
  std::string_view name;
  Timing timing;
};

constexpr std::array timings{
    Entry{"BLECONN", {36s, Holds::channel}},          // its own time-out, at most 30 s (guide 3.4.13)
    Entry{"BLEGATTCCHAR", {36s, Holds::channel}},     // some round trips on the air; ATT gives up after 30 s
    Entry{"BLEGATTCPRIMSRV", {36s, Holds::channel}},  //
    Entry{"BLEGATTCRD", {36s, Holds::nothing}},       // one round trip
    Entry{"BLEGATTCWR", {36s, Holds::nothing}},       //
    Entry{"BLEGATTSIND", {36s, Holds::nothing}},      // until the peer has confirmed
    Entry{"CIPCLOSE", {10s, Holds::nothing}},         // up to so_linger, which stays off (quirk 55)
    Entry{"CIPDOMAIN", {30s, Holds::channel}},        // 20-21 s when no server answers (measured 14)
    Entry{"CIPRECVDATA", {5s, Holds::nothing}},       //
    Entry{"CIPSEND", {20s, Holds::nothing}},          // so_sndtimeo, and what is queued before it (measured 12)
    Entry{"CIPSENDEX", {20s, Holds::nothing}},        //
    Entry{"CIPSENDL", {14s, Holds::nothing}},         // without progress: so_sndtimeo and a margin
    Entry{"CIPSERVER", {10s, Holds::nothing}},        // closes links before its OK (measured 23)
    Entry{"CIPSTART", {75s, Holds::reception}},    // 15 s TCP, 10 s SSL (measured 13); 60 s limit since 4.1 (quirk 53)
    Entry{"CIPSTARTEX", {75s, Holds::reception}},  //
    Entry{"CIUPDATE", {300s, Holds::channel}},     //
    Entry{"CMD", {10s, Holds::nothing}},           // 4-6 kB: 0.6 s at 115200
    Entry{"CWJAP", {25s, Holds::channel}},         // 15-16 s by default (measured 15, quirk 54)
    Entry{"CWLAP", {20s, Holds::channel}},         // 2 s; dual band 10 s (quirk 59)
    Entry{"CWMODE", {10s, Holds::nothing}},        // writes flash, disconnects
    Entry{"CWQAP", {10s, Holds::nothing}},         //
    Entry{"HTTPCGET", {30s, Holds::channel}},      // its whole body
    Entry{"HTTPCLIENT", {30s, Holds::channel}},    //
    Entry{"HTTPCPOST", {30s, Holds::channel}},     //
    Entry{"HTTPCPUT", {30s, Holds::channel}},      //
    Entry{"HTTPGETSIZE", {30s, Holds::channel}},   //
    Entry{"MDNS", {15s, Holds::channel}},          //
    Entry{"MQTTCLEAN", {15s, Holds::channel}},     // 1.5-4.7 s (measured 33)
    Entry{"MQTTCONN", {40s, Holds::channel}},      // 5-15 s when it fails, and a name before it
    Entry{"MQTTPUB", {25s, Holds::channel}},       // 10 + 5 s of silence
    Entry{"MQTTPUBRAW", {18s, Holds::channel}},  // below silence_of_a_hold: a question would become payload (quirk 73)
    Entry{"MQTTSUB", {25s, Holds::channel}},     //
    Entry{"MQTTUNSUB", {25s, Holds::channel}},   //
    Entry{"PING", {30s, Holds::channel}},        // 1.0 s by address; a name takes 21 s (measured 14, 15)
    Entry{"RESTORE", {15s, Holds::reception}},   // erases flash, restarts
    Entry{"RST", {10s, Holds::reception}},       //
    Entry{"UART_CUR", {2s, Holds::nothing}},  // answered at the old rate (quirk 131): silence soon means a wrong rate
};
static_assert(std::is_sorted(timings.begin(), timings.end(),
                             [](const Entry& a, const Entry& b) { return a.name < b.name; }));

}  // namespace

Timing timing_of(std::string_view name) {
  const auto found = std::lower_bound(timings.begin(), timings.end(), name,
                                      [](const Entry& entry, std::string_view wanted) { return entry.name < wanted; });
  return found != timings.end() && found->name == name ? found->timing : Timing{};
}

}  // namespace espat::at
