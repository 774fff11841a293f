// A subcommand of remapd: it declares its options on a CLI11 app, and runs once they are parsed.
//
// One add_...() function and one file for each; cli.cc lists them.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "daemon/cli/console.h"

namespace CLI {
class App;
}

namespace remapd::cli {

class Command {
 public:
  virtual ~Command() = default;
  // The error's code decides the exit code (exit_code.h); its message is printed by the caller.
  virtual Result<void> run(Console& console) = 0;
};

// A command and the part of the command line that is its own; `app` is owned by its parent.
struct AddedCommand {
  CLI::App* app = nullptr;
  std::unique_ptr<Command> command;
};

AddedCommand add_build(CLI::App& parent);
AddedCommand add_check_config(CLI::App& parent);
AddedCommand add_compare(CLI::App& parent);
AddedCommand add_completion(CLI::App& parent);
AddedCommand add_diff(CLI::App& parent);
AddedCommand add_generate(CLI::App& parent);
AddedCommand add_inspect(CLI::App& parent);
AddedCommand add_inspect_events(CLI::App& parent);
AddedCommand add_lookup(CLI::App& parent);
AddedCommand add_manual(CLI::App& parent);
AddedCommand add_run(CLI::App& parent);
AddedCommand add_topics(CLI::App& parent);
AddedCommand add_version(CLI::App& parent);

}  // namespace remapd::cli
