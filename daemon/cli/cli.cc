#include "daemon/cli/cli.h"

#include <algorithm>
#include <exception>
#include <new>
#include <ostream>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "daemon/cli/version.h"
#include "daemon/config/closest_name.h"

namespace remapd::cli {
namespace {

constexpr std::string_view kDescription =
    "remapd turns a stream of access events into mappings from categorical ids to embedding rows,\n"
    "and keeps them fresh: frequent ids get a row of their own, the others share rows with ids "
    "that\n"
    "behave alike.";

constexpr std::string_view kFooter =
    "Try it:\n"
    "  remapd generate --out events.tsv.gz --samples 500000\n"
    "  remapd build --events events.tsv.gz --features user,item,category --rows 10% --out "
    "mappings\n"
    "  remapd inspect mappings\n"
    "  remapd compare --events events.tsv.gz --features user,item,category\n"
    "\n"
    "Exit codes: 0 done; 1 failed; 64 wrong use of the command line; 74 a file cannot be read or\n"
    "written; 75 failed for now, try again; 78 the configuration must be changed.\n"
    "\n"
    "remapd COMMAND --help tells more of each command.";

ExitCode report(const Error& error, std::string_view command, Console& console) {
  // Problems of a configuration stand at the places they are about, one a line, as a compiler's do.
  const bool listing = error.message.find('\n') != std::string::npos;
  console.err << "remapd " << command << ": "
              << (listing ? "the configuration has several problems:\n" : "") << error.message
              << "\n";
  return exit_code(error);
}

ExitCode dispatch(int argc, const char* const* argv, Console& console) {
  CommandLine line;
  if (argc > 1 && argv[1][0] != '-') {
    std::vector<std::string> names;
    for (const AddedCommand& added : line.commands) names.push_back(added.app->get_name());
    if (std::find(names.begin(), names.end(), argv[1]) == names.end()) {
      const auto meant = config::closest_name(argv[1], names);
      console.err << "remapd: there is no command \"" << argv[1] << "\""
                  << (meant ? "; did you mean " + *meant + "?" : "")
                  << "\nRun \"remapd --help\" for more.\n";
      return ExitCode::kUsage;
    }
  }
  try {
    line.app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for_help = line.app->exit(error, console.out, console.err) == 0;
    console.out.flush();
    return asked_for_help ? ExitCode::kOk : ExitCode::kUsage;
  }
  for (const AddedCommand& added : line.commands) {
    if (!added.app->parsed()) continue;
    const auto done = added.command->run(console);
    console.out.flush();
    if (!done) return report(done.error(), added.app->get_name(), console);
    if (!console.out) {
      console.err << "remapd " << added.app->get_name() << ": cannot write to standard output\n";
      return ExitCode::kIo;
    }
    return ExitCode::kOk;
  }
  console.err << "remapd: no command given\n";
  return ExitCode::kUsage;
}

}  // namespace

CommandLine::CommandLine() : app(std::make_unique<CLI::App>(std::string(kDescription), "remapd")) {
  app->footer(std::string(kFooter));
  app->set_version_flag("--version", version_line());
  app->set_help_flag("-h,--help", "Print this help and exit");
  app->require_subcommand(1);
  app->failure_message([](const CLI::App* failed, const CLI::Error& error) {
    // The help is asked of the command that was being read.
    const CLI::App* at = failed;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    const std::string name = at == failed ? "remapd" : "remapd " + at->get_name();
    return name + ": " + error.what() + "\nRun \"" + name + " --help\" for more.\n";
  });
  for (const auto add :
       {add_run, add_check_config, add_inspect_events, add_build, add_inspect, add_lookup, add_diff,
        add_compare, add_generate, add_topics, add_version, add_manual, add_completion}) {
    commands.push_back(add(*app));
  }
}

CommandLine::~CommandLine() = default;

ExitCode run_command_line(int argc, const char* const* argv, Console& console) {
  try {
    return dispatch(argc, argv, console);
  } catch (const std::bad_alloc&) {
    console.err << "remapd: out of memory\n";
    return ExitCode::kTemporary;
  } catch (const std::exception& error) {
    console.err << "remapd: " << error.what() << "\n";
  }
  return ExitCode::kFailure;
}

}  // namespace remapd::cli
