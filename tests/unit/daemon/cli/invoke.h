// The command line in this process: what it prints, and its exit code.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "daemon/cli/cli.h"

namespace remapd::cli {

struct Invocation {
  ExitCode code;
  std::string out;
  std::string err;
};

inline Invocation invoke(std::vector<std::string> arguments, const std::string& input = "",
                         bool terminal = false) {
  arguments.insert(arguments.begin(), "remapd");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err, terminal};
  const ExitCode code = run_command_line(static_cast<int>(argv.size()), argv.data(), console);
  return {code, out.str(), err.str()};
}

}  // namespace remapd::cli
