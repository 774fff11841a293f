#include "daemon/cli/version.h"

#include <ostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"

namespace remapd::cli {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

class VersionCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    if (json) {
      console.out << nlohmann::ordered_json{{"version", REMAPD_VERSION}, {"compiler", kCompiler}}
                  << "\n";
    } else {
      console.out << version_line() << " (" << kCompiler << ")\n";
    }
    return {};
  }

  bool json = false;
};

}  // namespace

std::string version_line() {
  return "remapd " REMAPD_VERSION;
}

AddedCommand add_version(CLI::App& parent) {
  auto command = std::make_unique<VersionCommand>();
  CLI::App* const app = parent.add_subcommand("version", "Print the version of this build");
  app->add_flag("--json", command->json, "As one JSON object");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
