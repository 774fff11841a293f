// Where a command reads and writes: the process's standard streams, or a test's.
#pragma once

#include <iosfwd>

namespace remapd::cli {

struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;  // then long work shows its progress there
};

}  // namespace remapd::cli
