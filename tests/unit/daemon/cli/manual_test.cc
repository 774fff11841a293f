#include "daemon/cli/manual.h"

#include <cstdlib>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/daemon/cli/invoke.h"

namespace remapd::cli {
namespace {

using testing::HasSubstr;

TEST(Manual, HasEveryCommandAndOption) {
  const CommandLine line;
  const std::string page = invoke({"manual"}).out;
  const std::string completion = invoke({"completion", "bash"}).out;
  EXPECT_EQ(page, manual_page(line));
  EXPECT_EQ(completion, bash_completion(line));
  const std::string zsh = invoke({"completion", "zsh"}).out;
  const std::string fish = invoke({"completion", "fish"}).out;
  EXPECT_EQ(zsh, zsh_completion(line));
  EXPECT_EQ(fish, fish_completion(line));
  for (const AddedCommand& added : line.commands) {
    const std::string name = added.app->get_name();
    std::string command = name;
    if (const auto hyphen = command.find('-'); hyphen != std::string::npos) {
      command.insert(hyphen, "\\");
    }
    EXPECT_THAT(page, HasSubstr(".SS remapd " + command + "\n"));
    EXPECT_THAT(completion, HasSubstr("    " + name + ") options=\""));
    EXPECT_THAT(zsh, HasSubstr("    " + name + ") options=(\n"));
    EXPECT_THAT(fish, HasSubstr(" -a " + name + " -d "));
    for (const CLI::Option* option : added.app->get_options()) {
      for (const std::string& flag : option->get_lnames()) {
        EXPECT_THAT(completion, HasSubstr("--" + flag));
        EXPECT_THAT(zsh, HasSubstr("'--" + flag + ":"));
        EXPECT_THAT(fish, HasSubstr(" -l " + flag + " "));
        std::string escaped = flag;
        for (std::size_t at = 0; (at = escaped.find('-', at)) != std::string::npos; at += 2) {
          escaped.replace(at, 1, "\\-");
        }
        EXPECT_THAT(page, HasSubstr("\\-\\-" + escaped));
      }
    }
  }
  // No line of text is taken for a request.
  EXPECT_THAT(page, testing::Not(testing::ContainsRegex("\n\\.\\.")));
}

TEST(Completion, CompletesInBash) {
  const test_support::TempDir dir;
  test_support::write_file(dir / "c", invoke({"completion"}).out);
  const auto complete = [&](const std::string& words, int at) {
    const std::string script = ". " + (dir / "c").string() + "; COMP_WORDS=(" + words +
                               "); COMP_CWORD=" + std::to_string(at) +
                               "; _remapd; echo ${COMPREPLY[*]} > " + (dir / "out").string();
    EXPECT_EQ(std::system(("bash -c '" + script + "'").c_str()), 0);
    return test_support::read_file(dir / "out");
  };
  EXPECT_EQ(complete("remapd lo", 1), "lookup\n");
  EXPECT_EQ(complete("remapd lookup --tab", 2), "--table\n");
  EXPECT_EQ(invoke({"completion", "tcsh"}).code, ExitCode::kUsage);
}

}  // namespace
}  // namespace remapd::cli
