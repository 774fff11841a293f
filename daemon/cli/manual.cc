#include "daemon/cli/manual.h"

#include <ostream>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "daemon/cli/command.h"
#include "daemon/cli/version.h"

namespace remapd::cli {
namespace {

// Text in which no character has a meaning to roff.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

// Blocks of text as they stand: paragraphs, and examples with their line breaks.
std::string verbatim(std::string_view text) {
  return fmt::format(".PP\n.nf\n{}\n.fi\n", roff(text));
}

std::string names_of(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += ", -" + name;
  for (const std::string& name : option.get_lnames()) names += ", --" + name;
  return names.empty() ? option.get_name(true) : names.substr(2);
}

std::string describe(const CLI::Option& option) {
  std::string out = ".TP\n\\fB" + roff(names_of(option)) + "\\fR";
  if (!option.get_positional() && option.get_type_size() > 0) {
    out += " \\fI" + roff(option.get_type_name()) + "\\fR";
  }
  out += "\n" + roff(option.get_description());
  if (!option.get_default_str().empty()) {
    out += roff(" (default: " + option.get_default_str() + ")");
  }
  if (option.get_required()) out += " (required)";
  return out + ".\n";
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

class ManualCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    console.out << manual_page(CommandLine());
    return {};
  }
};

class CompletionCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    console.out << bash_completion(CommandLine());
    return {};
  }
  std::string shell = "bash";
};

}  // namespace

std::string manual_page(const CommandLine& line) {
  std::string out = fmt::format(".TH REMAPD 1 \"\" \"{}\" \"User Commands\"\n", version_line());
  out +=
      ".SH NAME\nremapd \\- streaming online remapping of categorical ids to embedding rows\n"
      ".SH SYNOPSIS\n.B remapd\n.I COMMAND\n[\\fIOPTION\\fR...]\n";
  out += ".SH DESCRIPTION\n" + roff(line.app->get_description()) + "\n";
  out += ".SH COMMANDS\n";
  for (const AddedCommand& added : line.commands) {
    const CLI::App& app = *added.app;
    out += fmt::format(".SS remapd {}\n{}.\n", roff(app.get_name()), roff(app.get_description()));
    for (const CLI::Option* option : app.get_options()) out += describe(*option);
    if (!app.get_footer().empty()) out += verbatim(app.get_footer());
  }
  out += ".SH EXIT STATUS AND EXAMPLES\n" + verbatim(line.app->get_footer());
  out +=
      ".SH FILES\n.TP\n.I /etc/remapd/remapd.toml\nThe configuration of the service; every key is "
      "explained in it.\n.TP\n.I /etc/default/remapd\nIts environment.\n.TP\n.I "
      "/var/lib/remapd\nIts state: checkpoints, dead letters, and mappings where they go to a "
      "directory.\n";
  return out;
}

std::string bash_completion(const CommandLine& line) {
  std::vector<std::string> commands;
  std::string cases;
  for (const AddedCommand& added : line.commands) {
    commands.push_back(added.app->get_name());
    cases += fmt::format("    {}) options=\"{}\" ;;\n", added.app->get_name(),
                         joined(flags_of(*added.app)));
  }
  return fmt::format(
      R"(# Completion of remapd for bash; made by "remapd completion bash".
_remapd() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" options=""
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "{} {}" -- "$current")
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
  if [[ "$current" == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  else
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -F _remapd remapd
)",
      joined(commands), joined(flags_of(*line.app)), cases);
}

AddedCommand add_manual(CLI::App& parent) {
  CLI::App* const app = parent.add_subcommand("manual", "Print the manual page, for man(1)");
  app->footer("Examples:\n  remapd manual | man -l -");
  return {app, std::make_unique<ManualCommand>()};
}

AddedCommand add_completion(CLI::App& parent) {
  auto command = std::make_unique<CompletionCommand>();
  CLI::App* const app =
      parent.add_subcommand("completion", "Print the completion script of a shell");
  app->add_option("shell", command->shell, "The shell")
      ->capture_default_str()
      ->check(CLI::IsMember({"bash"}));
  app->footer("Examples:\n  . <(remapd completion bash)");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
