// Running espatctl as a user does: with arguments and standard input, or on a terminal.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

struct Outcome {
  int status = -1;  ///< exit status; -1 if a signal ended it, -2 if it took longer than 15 s
  std::string output;
  std::string errors;

  nlohmann::json json() const { return nlohmann::json::parse(output); }
};

/// espatctl with `arguments`; `input` is its whole standard input.
Outcome espatctl(const std::vector<std::string>& arguments, const std::string& input = {});

struct Step {
  std::string expect;              ///< wait until this is on the terminal
  std::string type;                ///< then type this
  std::function<void()> act = {};  ///< and do this
};

/// espatctl on a terminal of `width` columns; all that the terminal shows is in `output`.
Outcome espatctl_on_terminal(const std::vector<std::string>& arguments, const std::vector<Step>& steps = {},
                             unsigned short width = 80);
