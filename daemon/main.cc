#include <iostream>

#include <unistd.h>

#include "daemon/cli/cli.h"

int main(int argc, char** argv) {
  remapd::cli::Console console{std::cin, std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1};
  return static_cast<int>(remapd::cli::run_command_line(argc, argv, console));
}
