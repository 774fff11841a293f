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
    const CommandLine line;
    console.out << (shell == "zsh"    ? zsh_completion(line)
                    : shell == "fish" ? fish_completion(line)
                                      : bash_completion(line));
    return {};
  }
  std::string shell = "bash";
};

// Text between single quotes, in zsh and fish alike but for what they escape inside.
std::string quoted(std::string_view text, std::string_view escape_with) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += escape_with;
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out + "'";
}

// The name and the meaning of something that _describe shows: colons end the name.
std::string zsh_item(const std::string& name, const std::string& meaning) {
  std::string text = name + ":";
  for (const char c : meaning) text += c == ':' ? std::string("\\:") : std::string(1, c);
  return quoted(text, "'\\''");
}

std::string zsh_items(const CLI::App& app, const char* indent) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_snames()) {
      out += indent + zsh_item("-" + name, option->get_description()) + "\n";
    }
    for (const std::string& name : option->get_lnames()) {
      out += indent + zsh_item("--" + name, option->get_description()) + "\n";
    }
  }
  return out;
}

std::string fish_options(const CLI::App& app, const std::string& condition) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) continue;
    out += "complete -c remapd -n " + quoted(condition, "\\'");
    for (const std::string& name : option->get_snames()) out += " -s " + name;
    for (const std::string& name : option->get_lnames()) out += " -l " + name;
    if (option->get_type_size() > 0) out += " -r";
    out += " -d " + quoted(option->get_description(), "\\'") + "\n";
  }
  return out;
}

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

std::string zsh_completion(const CommandLine& line) {
  std::string commands;
  std::string cases;
  for (const AddedCommand& added : line.commands) {
    commands += "    " + zsh_item(added.app->get_name(), added.app->get_description()) + "\n";
    cases += fmt::format("    {}) options=(\n{}    ) ;;\n", added.app->get_name(),
                         zsh_items(*added.app, "      "));
  }
  return fmt::format(
      R"(#compdef remapd
# Completion of remapd for zsh; made by "remapd completion zsh".
_remapd() {{
  local -a commands options
  commands=(
{}  )
  if ((CURRENT == 2)); then
    options=(
{}    )
    if [[ $PREFIX == -* ]]; then
      _describe option options
    else
      _describe command commands
    fi
    return
  fi
  case $words[2] in
{}  esac
  if [[ $PREFIX == -* ]]; then
    _describe option options
  else
    _files
  fi
}}
# Autoloaded from $fpath it is the function's first call; sourced, it only defines.
if [[ $funcstack[1] == _remapd ]]; then
  _remapd "$@"
else
  compdef _remapd remapd
fi
)",
      commands, zsh_items(*line.app, "      "), cases);
}

std::string fish_completion(const CommandLine& line) {
  std::string out =
      "# Completion of remapd for fish; made by \"remapd completion fish\".\n"
      "complete -c remapd -n __fish_use_subcommand -f\n";
  out += fish_options(*line.app, "__fish_use_subcommand");
  for (const AddedCommand& added : line.commands) {
    out += fmt::format("complete -c remapd -n __fish_use_subcommand -f -a {} -d {}\n",
                       added.app->get_name(), quoted(added.app->get_description(), "\\'"));
  }
  for (const AddedCommand& added : line.commands) {
    out += fish_options(*added.app, "__fish_seen_subcommand_from " + added.app->get_name());
  }
  return out;
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
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app->footer(
      "The package installs them for all three.\n"
      "\n"
      "Examples:\n"
      "  . <(remapd completion bash)\n"
      "  remapd completion zsh > ~/.zsh/functions/_remapd\n"
      "  remapd completion fish > ~/.config/fish/completions/remapd.fish");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
