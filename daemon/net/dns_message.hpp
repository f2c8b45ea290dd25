// As much of DNS (RFC 1035) as a translator needs: the id and the question of any message, and our own address queries.
//
// Sans-I/O, no allocation but for the query and the answer. Everything is bounded: a compression pointer must point
// backwards, so a name ends (RFC 1035 4.1.4 allows nothing else that is sane).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "at/types.hpp"
#include "net/packet_address.hpp"

namespace espat::net {

inline constexpr std::uint16_t kDnsPort = 53;

/// What tells one lookup from another.
struct DnsIdentity {
  std::uint16_t id = 0;
  bool response = false;
  /// Hash of the first question's name (case-blind), type and class; nothing if there is no question (some servers
  /// leave it out of an error).
  std::optional<std::uint64_t> question{};
};

/// Nothing if the bytes are no DNS message.
std::optional<DnsIdentity> identify_dns(at::Bytes message);

/// Precondition: at least two bytes.
void set_dns_id(std::span<std::uint8_t> message, std::uint16_t id);

enum class DnsType : std::uint16_t { a = 1, aaaa = 28 };

/// A recursive query. Nothing if the name cannot be asked for: empty, labels over 63 or names over 253 bytes.
std::optional<std::vector<std::uint8_t>> make_dns_query(std::uint16_t id, std::string_view name, DnsType type);

struct DnsAnswer {
  enum class Status : std::uint8_t {
    ok,         // at least one address
    no_data,    // the name exists, without such an address
    not_found,  // NXDOMAIN
    failed,     // the server could not or would not say
  } status = Status::failed;
  std::vector<Address> addresses{};
  /// The name that was asked for, in small letters, labels joined by dots; empty if `failed`.
  std::string name{};
  /// How long all of the chain may be kept.
  std::chrono::seconds time_to_live{0};
};

/// Which addresses the message asks for, or answers; nothing if it is about something else.
std::optional<DnsType> dns_question_type(at::Bytes message);

/// The addresses at the end of the answer's CNAME chain. Anything malformed is `failed`.
DnsAnswer parse_dns_answer(at::Bytes message, DnsType type);

}  // namespace espat::net
