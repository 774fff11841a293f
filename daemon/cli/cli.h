// The command line of remapd: parses it, runs the command it names, reports errors.
#pragma once

#include <memory>
#include <vector>

#include "daemon/cli/command.h"
#include "daemon/cli/console.h"
#include "daemon/cli/exit_code.h"

namespace remapd::cli {

// The whole command line as CLI11 describes it; manual page and completions are made from it too.
struct CommandLine {
  std::unique_ptr<CLI::App> app;
  std::vector<AddedCommand> commands;

  CommandLine();
  ~CommandLine();
};

// No exception leaves it.
ExitCode run_command_line(int argc, const char* const* argv, Console& console);

}  // namespace remapd::cli
