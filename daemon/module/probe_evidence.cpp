#include "module/probe_evidence.hpp"

namespace espat::module {
namespace {

constexpr std::size_t longest_line = 256;
constexpr std::size_t longest_sample = 48;

bool is_text(char byte) {
  return (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\r' || byte == '\n' || byte == 0x1b;
}

}  // namespace

void ProbeEvidence::add(at::Bytes bytes) {
  for (const std::uint8_t value : bytes) {
    const char byte = static_cast<char>(value);
    ++(is_text(byte) ? text_bytes_ : binary_bytes_);
    if (byte == '\n') {
      judge_line();
      line_.clear();
      continue;
    }
    if (line_.size() < longest_line) line_ += byte;
    prompt_ = line_ == ">" || line_ == "> ";
  }
}

void ProbeEvidence::judge_line() {
  while (!line_.empty() && line_.back() == '\r') line_.pop_back();  // some end with two (quirk 38)
  prompt_ = false;
  if (line_.empty()) return;
  if (sample_.size() < longest_sample) sample_ += (sample_.empty() ? "" : " ") + line_;
  if (line_ == "OK") {
    answered_ = true;
  } else if (line_ == "ready") {
    ready_ = true;
  } else if (line_.starts_with("busy ")) {
    busy_ = true;
  } else if (line_ == "ERROR" || line_.starts_with("ERR CODE:")) {
    refused_ = true;
  } else if (line_ == "AT" || line_ == "AT\r") {
    echo_ = true;
  } else if (line_.find("rst:0x") != std::string::npos) {
    booting_ = true;
    ++boots_;
  } else if (line_.starts_with("ets ") || line_.starts_with("ESP-ROM:") || line_.starts_with("entry 0x")) {
    booting_ = true;
  } else {
    other_ = true;
  }
}

void ProbeEvidence::clear() {
  const int boots = boots_;
  *this = {};
  boots_ = boots;
}

Verdict ProbeEvidence::verdict() const {
  if (answered_) return Verdict::answered;
  if (ready_) return Verdict::ready;
  if (busy_) return Verdict::busy;
  if (refused_) return Verdict::refused;
  if (prompt_) return Verdict::prompt;
  if (booting_) return Verdict::booting;
  if (text_bytes_ + binary_bytes_ == 0) return Verdict::silent;
  if (binary_bytes_ > 0) return Verdict::garbage;
  if (echo_ && !other_) return Verdict::echo;
  return Verdict::foreign;
}

std::string ProbeEvidence::sample() const {
  std::string clean;
  for (const char byte : (sample_.empty() ? line_ : sample_).substr(0, longest_sample)) {
    clean += byte >= 0x20 && byte < 0x7f ? byte : '.';
  }
  return clean;
}

}  // namespace espat::module
