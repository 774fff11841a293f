// The manual page and the shell completion, made from the command line itself, so that they cannot
// say anything else than --help does.
#pragma once

#include <string>

#include "daemon/cli/cli.h"

namespace remapd::cli {

// roff, for man(1), section 1.
std::string manual_page(const CommandLine& line);
// Commands, their options, and file names elsewhere; in zsh and fish with what they mean.
std::string bash_completion(const CommandLine& line);
std::string zsh_completion(const CommandLine& line);
std::string fish_completion(const CommandLine& line);

}  // namespace remapd::cli
