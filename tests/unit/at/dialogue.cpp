#include "dialogue.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <stdexcept>

namespace espat::at::test {
namespace {

using Examples = std::map<std::string, std::string>;

/// A pattern with every variable replaced by its example. `open` is set if it ends in {+}.
std::string render(const std::string& pattern, const Examples& examples, bool& open) {
  std::string text;
  open = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if ((c == '{' || c == '}') && i + 1 < pattern.size() && pattern[i + 1] == c) {
      text += c;
      ++i;
    } else if (c == '{') {
      const auto start = i + 1;
      for (int depth = 1; depth > 0;) {
        if (++i >= pattern.size()) throw std::runtime_error("brace without end: " + pattern);
        if (pattern[i] == '\\') {
          ++i;
        } else if (pattern[i] == '{') {
          ++depth;
        } else if (pattern[i] == '}') {
          --depth;
        }
      }
      const auto variable = pattern.substr(start, i - start);
      if (variable == "+") {
        open = true;
      } else {
        text += examples.at(variable.substr(0, variable.find(':')));
      }
    } else {
      text += c;
    }
  }
  return text;
}

/// `{name} <n> <text>`: a quoted C string, or n bytes of whatever.
std::string render_bytes(const std::string& step) {
  static const std::regex form(R"re(\{\w+\} (\d+) (.*))re");
  std::smatch match;
  if (!std::regex_match(step, match, form)) throw std::runtime_error("not a B step: " + step);
  const auto count = std::stoul(match[1]);
  const auto text = match[2].str();
  std::string out;
  if (text.starts_with('"')) {
    for (std::size_t i = 1; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] != '\\') {
        out += text[i];
        continue;
      }
      switch (text[++i]) {
        case 'r':
          out += '\r';
          break;
        case 'n':
          out += '\n';
          break;
        case 't':
          out += '\t';
          break;
        case '0':
          out += '\0';
          break;
        case 'x':
          out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
          i += 2;
          break;
        default:
          out += text[i];
      }
    }
    if (out.size() != count) throw std::runtime_error("wrong count: " + step);
    return out;
  }
  // Bytes that nobody wrote down: make them as unpleasant for a lexer as possible.
  static const std::string unpleasant = "\r\nOK\r\n>\r\n+IPD,0,9999:\r\nready\r\n";
  while (out.size() < count) out += unpleasant[out.size() % unpleasant.size()];
  return out;
}

/// Counted data in a line: link, length field and data found by the shape the documents show.
struct Counted {
  std::string header;
  std::size_t length = 0;
};
bool find_counted(const std::string& line, Counted& counted) {
  static const std::vector<std::regex> forms{
      std::regex(R"re((\+IPD,(?:\d,)?(\d+)(?:,"?[0-9.]+"?,\d+)?:)[^]*)re"),
      std::regex(R"re((\+CIPRECVDATA:(\d+),)[^]*)re"),
      std::regex(R"re((\+MQTTSUBRECV:\d,"[^"]*",(\d+),)[^]*)re"),
      std::regex(R"re((\+(?:HTTPCLIENT|HTTPCGET|HTTPCPOST|HTTPCPUT|BLUFIDATA|SCRD):(\d+),)[^]*)re"),
      std::regex(R"re((\+(?:WS_DATA|BLEGATTCRD):\d,(\d+),)[^]*)re"),
      std::regex(R"re((\+(?:NOTIFY|INDICATE):\d,\d,\d,(\d+),)[^]*)re"),
      std::regex(R"re((\+WRITE:\d,\d,\d,\d?,(\d+),)[^]*)re"),
  };
  std::smatch match;
  for (const auto& form : forms) {
    if (!std::regex_match(line, match, form)) continue;
    counted.header = match[1];
    counted.length = std::stoul(match[2]);
    return true;
  }
  return false;
}

bool stands_alone(const std::string& line) {
  static const std::regex form("OK|ERROR|SEND OK|SEND FAIL|SET OK|busy p\\.\\.\\.|Recv \\d+ bytes|\\+IPD,.*|ready");
  return std::regex_match(line, form);
}

}  // namespace

Dialogue read_dialogue(const std::filesystem::path& file) {
  Dialogue dialogue;
  dialogue.gatt_read_in_hex = file.filename().string().starts_with("esp32-");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  Examples examples;
  bool open = false;
  const std::string example = "# example: ";
  for (std::string step; std::getline(in, step);) {
    if (step.starts_with(example)) {
      const auto equals = step.find('=');
      examples[step.substr(example.size(), equals - example.size())] = step.substr(equals + 1);
    } else if (step.starts_with("P")) {
      dialogue.stream += "\r\n>";
      dialogue.expected.emplace_back("prompt");
    } else if (step.starts_with("B ")) {
      if (!open) break;  // passthrough: bytes without any framing, outside of the language
      const auto data = render_bytes(step.substr(2));
      dialogue.stream += data;
      dialogue.expected.push_back("data " + data);
      open = false;
    } else if (step.starts_with("M ")) {
      auto line = render(step.substr(2), examples, open);
      dialogue.stream += stands_alone(line) ? "\r\n" + line : line;
      Counted counted;
      if (open) continue;
      if (find_counted(line, counted)) {
        if (dialogue.gatt_read_in_hex && line.starts_with("+BLEGATTCRD")) counted.length *= 2;
        dialogue.expected.push_back("data " + line.substr(counted.header.size(), counted.length));
        line = line.size() > counted.header.size() + counted.length
                   ? line.substr(counted.header.size() + counted.length)
                   : std::string{};
      }
      if (!line.empty()) dialogue.expected.push_back("line " + line);
      dialogue.stream += "\r\n";
    }
  }
  return dialogue;
}

std::vector<std::filesystem::path> dialogue_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(ESPAT_DIALOGUES))
    if (entry.path().extension() == ".dialogue") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace espat::at::test
