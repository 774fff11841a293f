#include "daemon/cli/cli.h"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/cli/invoke.h"

namespace remapd::cli {
namespace {

using testing::HasSubstr;

TEST(CommandLine, HelpAndVersionAreNoErrors) {
  const auto help = invoke({"--help"});
  EXPECT_EQ(help.code, ExitCode::kOk);
  EXPECT_THAT(help.out, HasSubstr("Exit codes:"));
  const auto version = invoke({"--version"});
  EXPECT_EQ(version.code, ExitCode::kOk);
  EXPECT_THAT(version.out, testing::StartsWith("remapd "));
}

TEST(CommandLine, EveryCommandHasHelpWithExamples) {
  const CommandLine line;
  for (const AddedCommand& added : line.commands) {
    const std::string name = added.app->get_name();
    const auto help = invoke({name, "--help"});
    EXPECT_EQ(help.code, ExitCode::kOk) << name;
    EXPECT_THAT(help.out, HasSubstr(added.app->get_description()));
    if (name != "version") {
      EXPECT_THAT(help.out, testing::ContainsRegex("Examples:\n.*remapd " + name)) << name;
    }
    EXPECT_THAT(line.app->help(), HasSubstr("\n  " + name));
    for (const CLI::Option* option : added.app->get_options()) {
      EXPECT_NE(option->get_description(), "") << name << " " << option->get_name();
    }
  }
}

TEST(CommandLine, WrongUseSaysWhatToDo) {
  const auto nothing = invoke({});
  EXPECT_EQ(nothing.code, ExitCode::kUsage);
  EXPECT_THAT(nothing.err, HasSubstr("remapd --help"));
  const auto typo = invoke({"lokup", "x"});
  EXPECT_EQ(typo.code, ExitCode::kUsage);
  EXPECT_THAT(typo.err, HasSubstr("no command \"lokup\"; did you mean lookup?"));
  const auto flag = invoke({"lookup", "x", "--nope"});
  EXPECT_EQ(flag.code, ExitCode::kUsage);
  EXPECT_THAT(flag.err, HasSubstr("--nope"));
  EXPECT_THAT(flag.err, HasSubstr("remapd lookup --help"));
  EXPECT_EQ(flag.out, "");
}

TEST(CommandLine, AFullDiskUnderStandardOutputIsAnError) {
  std::istringstream in;
  std::ostringstream err;
  std::ostream out(nullptr);  // every write to it fails
  Console console{in, out, err, false};
  const char* const arguments[] = {"remapd", "version"};
  EXPECT_EQ(run_command_line(2, arguments, console), ExitCode::kIo);
  EXPECT_THAT(err.str(), HasSubstr("standard output"));
}

}  // namespace
}  // namespace remapd::cli
